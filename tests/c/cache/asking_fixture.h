/* For the tests of the cache: requests from text, as the loop has them. */
#ifndef RHB_TEST_ASKING_FIXTURE_H
#define RHB_TEST_ASKING_FIXTURE_H

#include "cache/asked.h"
#include "harness.h"

enum { MOST_FIELDS = 20 };

struct asking_fixture {
    struct rhb_request request;
    struct phr_header fields[MOST_FIELDS];
    struct rhb_peer peer;
    struct rhb_forwarded_policy proxies;
    struct rhb_asker asker;
    struct rhb_asked asked;
    struct rhb_bytes key;
};

/* Reads a whole head. False when it is none. The text is to be kept. */
static inline bool read_request(struct asking_fixture *f, const char *text)
{
    static const struct phr_limits limits = {.line = 8192, .field = 8192, .head = 65536};
    struct rhb_request *request = &f->request;
    *request = (struct rhb_request){.head = {.fields = f->fields, .num_fields = MOST_FIELDS}};
    struct phr_request_head *head = &request->head;
    if (phr_parse_request_strict(text, strlen(text), &limits, head, 0) <= 0)
        return false;
    rhb_framing_plan(&request->framing, head, 1000);
    f->asker = (struct rhb_asker){.request = request,
                                  .peer = &f->peer,
                                  .is_head = head->method_len == 4 &&
                                             memcmp(head->method, "HEAD", 4) == 0};
    return request->framing.status == 0 &&
           rhb_target_split(&request->target, head->method, head->method_len, head->target,
                            head->target_len) == 0;
}

/* Whether it has a key, which is in f->key then. */
static inline bool has_key(struct asking_fixture *f, const char *text)
{
    static const struct rhb_hash_key secret = {{1, 2}};
    return read_request(f, text) &&
           rhb_asked_read(&f->asked, &f->asker, &f->proxies, &secret, &f->key);
}

#endif
