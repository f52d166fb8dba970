#include "own_report.h"

/* The client's address as text, from the fields of allowed proxies as for any other request.
 * Returns its length. */
static size_t put_client(const struct rhb_loop *loop, const struct rhb_conn *conn,
                         const struct phr_request_head *head, char *out)
{
    struct rhb_forwarded forwarded = {0};
    if (head != NULL)
        rhb_forwarded_read(&forwarded, &loop->options.forwarded, &conn->peer, head->fields,
                           head->num_fields);
    return rhb_peer_text(forwarded.has_client ? &forwarded.client : &conn->peer, out);
}

/* An answer has it already. For a refusal, that of a proxy: none is made. */
static void set_request_id(const struct rhb_loop *loop, const struct rhb_conn *conn,
                           struct rhb_access_entry *entry)
{
    const struct rhb_request_id_policy *policy = &loop->options.request_ids;
    if (policy->field != NULL && entry->request != NULL && entry->request_id == NULL)
        rhb_request_id_find(policy, &conn->peer, entry->request->fields, entry->request->num_fields,
                            &entry->request_id, &entry->request_id_len);
}

void rhb_report_own(struct rhb_loop *loop, const struct rhb_conn *conn,
                    struct rhb_access_entry *entry)
{
    char peer[RHB_PEER_TEXT];
    entry->peer = peer;
    entry->peer_len = put_client(loop, conn, entry->request, peer);
    entry->finished = time(NULL);
    entry->pid = loop->pid;
    entry->sender = &conn->peer;
    entry->proxies = &loop->options.forwarded.allowed;
    set_request_id(loop, conn, entry);
    rhb_reports_add(loop->reports, entry);
}
