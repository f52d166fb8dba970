#include "refusal.h"
#include "lingering.h"
#include "own_report.h"
#include "parking.h"
#include "socket_io.h"
#include <stdio.h>

struct reason {
    int status;
    const char *phrase;
};

static const struct reason reasons[] = {
    {400, "Bad Request"},           {408, "Request Timeout"},
    {413, "Content Too Large"},     {414, "URI Too Long"},
    {417, "Expectation Failed"},    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"}, {501, "Not Implemented"},
    {503, "Service Unavailable"},   {505, "HTTP Version Not Supported"},
};

const char *rhb_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].phrase;
    return "Error";
}

/* A response to HEAD has no body (RFC 9110 section 9.3.2). */
static bool is_head(const struct phr_request_head *head)
{
    return head != NULL && head->method_len == 4 && memcmp(head->method, "HEAD", 4) == 0;
}

/* Writes the response to out and returns its length, of which *head_len bytes are its head. */
static size_t render(struct rhb_loop *loop, char *out, size_t cap, int status, bool with_body,
                     size_t *head_len)
{
    const char *phrase = rhb_reason(status);
    int len =
        snprintf(out, cap,
                 "HTTP/1.1 %d %s\r\nDate: %s\r\n%s%.*s%sContent-Type: text/plain; "
                 "charset=utf-8\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
                 status, phrase, rhb_clock_date(&loop->clock),
                 loop->options.server_len ? "Server: " : "", (int)loop->options.server_len,
                 loop->options.server, loop->options.server_len ? "\r\n" : "", strlen(phrase) + 1);
    if (len < 0 || (size_t)len >= cap)
        return *head_len = 0;
    *head_len = (size_t)len;
    if (with_body)
        len += snprintf(out + len, cap - (size_t)len, "%s\n", phrase);
    return (size_t)len < cap ? (size_t)len : *head_len;
}

/* The head of the request whose body is arriving; NULL when there is none. */
static const struct phr_request_head *head_of_incoming(struct rhb_loop *loop,
                                                       const struct rhb_conn *conn)
{
    struct phr_request_head *head = &loop->lane->request.head;
    if (conn->incoming == NULL || conn->in.len == 0)
        return NULL;
    head->num_fields = loop->options.max_fields;
    int parsed =
        phr_parse_request_strict(conn->in.data, conn->in.len, &loop->options.limits, head, 0);
    return parsed > 0 ? head : NULL;
}

enum rhb_event rhb_refuse(struct rhb_loop *loop, struct rhb_conn *conn, int status,
                          const struct phr_request_head *head)
{
    if (head == NULL)
        head = head_of_incoming(loop, conn);
    char answer[1024];
    size_t head_len, done;
    size_t len = render(loop, answer, sizeof answer, status, !is_head(head), &head_len);
    if (loop->reports != NULL) {
        struct rhb_access_entry entry = {.request = head,
                                         .status = status,
                                         .body_bytes = len - head_len,
                                         .response_head = answer,
                                         .response_head_len = head_len};
        rhb_report_own(loop, conn, &entry);
    }
    /* If the socket cannot take these few bytes, its client does not read: it gets no answer. */
    enum rhb_io io = rhb_send_all(conn->fd, answer, len, &done);
    rhb_board_count(loop->board, head, status, done);
    if (io == RHB_IO_OK)
        rhb_conn_linger(loop, conn);
    else
        rhb_conn_close(loop, conn);
    return RHB_EVENT_NONE;
}
