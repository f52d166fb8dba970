/* From a head to its framing plan. Invariants: a plan follows from the fields of the head, which
 * are counted here one by one; so does a refusal, and its plan is empty.
 *
 * Input: a byte that selects the largest body, then a head. */
#include "fuzz.h"
#include "http/framing.h"
#include "http/target.h"
#include <strings.h>

enum { MAX_FIELDS = 32 };

/* For each field that matters: how often it is there, and its last value. */
struct counted {
    size_t host, expect, connection, length, coding, type;
    const struct phr_header *last_length, *last_coding, *last_expect;
    bool bad_host;
};

static bool is(const char *text, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static bool name_is(const struct phr_header *field, const char *word)
{
    return is(field->name, field->name_len, word);
}

static struct counted count(const struct phr_request_head *head)
{
    struct counted all = {0};
    for (const struct phr_header *at = head->fields; at < head->fields + head->num_fields; at++) {
        if (name_is(at, "host")) {
            all.host++;
            all.bad_host = all.bad_host || !rhb_is_host(at->value, at->value_len);
        } else if (name_is(at, "expect")) {
            all.expect++;
            all.last_expect = at;
        } else if (name_is(at, "connection")) {
            all.connection++;
        } else if (name_is(at, "content-length")) {
            all.length++;
            all.last_length = at;
        } else if (name_is(at, "transfer-encoding")) {
            all.coding++;
            all.last_coding = at;
        } else if (name_is(at, "content-type")) {
            all.type++;
        }
    }
    return all;
}

/* Whether a Connection field has this option. */
static bool has_option(const struct phr_request_head *head, const char *option)
{
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        struct fuzz_input in = {.at = (const uint8_t *)field->value, .len = field->value_len};
        while (name_is(field, "connection") && in.len > 0) {
            size_t len;
            const char *word = fuzz_until(&in, ',', &len);
            for (; len > 0 && fuzz_is_blank(*word); len--)
                word++;
            while (len > 0 && fuzz_is_blank(word[len - 1]))
                len--;
            if (is(word, len, option))
                return true;
        }
    }
    return false;
}

static void check_length(const struct rhb_framing *plan, const struct phr_header *field,
                         uint64_t max_body)
{
    uint64_t number = 0;
    MUST(field->value_len > 0);
    for (size_t i = 0; i < field->value_len; i++) {
        unsigned digit = (unsigned char)field->value[i] - (unsigned)'0';
        MUST(digit <= 9 && number <= (INT64_MAX - digit) / 10);
        number = number * 10 + digit;
    }
    MUST(plan->content_length == number && (max_body == 0 || number <= max_body));
}

/* The rules of docs/HTTP.md, for a request that is accepted. */
static void check_body(const struct rhb_framing *plan, const struct phr_request_head *head,
                       const struct counted *all, uint64_t max_body)
{
    MUST(all->length + all->coding <= 1 && all->type <= 1);
    if (all->coding == 1) {
        MUST(plan->body == RHB_BODY_CHUNKED && head->minor_version == 1);
        MUST(is(all->last_coding->value, all->last_coding->value_len, "chunked"));
        MUST(plan->content_length == 0);
    } else if (all->length == 1) {
        MUST(plan->body == RHB_BODY_LENGTH);
        check_length(plan, all->last_length, max_body);
    } else {
        MUST(plan->body == RHB_BODY_NONE && plan->content_length == 0);
    }
}

static void check_plan(const struct rhb_framing *plan, const struct phr_request_head *head,
                       const struct counted *all)
{
    bool is_old = head->minor_version == 0;
    MUST(plan->reason == NULL);
    MUST(all->host <= 1 && !all->bad_host && (all->host == 1 || is_old));
    MUST((plan->host != NULL) == (all->host == 1));
    MUST(plan->keep_alive ==
         (!has_option(head, "close") && (!is_old || has_option(head, "keep-alive"))));
    bool content = plan->body == RHB_BODY_CHUNKED || plan->content_length > 0;
    MUST(plan->expect_continue == (all->expect > 0 && !is_old && content));
    MUST(plan->upgrade == (has_option(head, "upgrade") && !is_old && !content));
    if (all->expect > 0 && !is_old)
        MUST(all->expect == 1 &&
             is(all->last_expect->value, all->last_expect->value_len, "100-continue"));
}

static void check_refusal(const struct rhb_framing *plan, const struct phr_request_head *head,
                          const struct counted *all)
{
    bool host = all->host > 1 || all->bad_host || (all->host == 0 && head->minor_version == 1);
    MUST(plan->reason != NULL && plan->host == NULL && !plan->keep_alive);
    MUST(plan->body == RHB_BODY_NONE && plan->content_length == 0 && !plan->expect_continue);
    MUST(!plan->upgrade);
    switch (plan->status) {
    case 400:
        MUST(host || all->length > 0 || all->coding > 0 || all->type > 1);
        break;
    case 413:
        MUST(all->length == 1 && all->coding == 0);
        break;
    case 417:
        MUST(all->expect > 0 && head->minor_version == 1);
        break;
    default:
        MUST(plan->status == 501 && all->coding == 1);
    }
}

static void run(struct phr_request_head *head, uint64_t max_body)
{
    struct rhb_framing plan;
    struct counted all = count(head);
    rhb_framing_plan(&plan, head, max_body);
    if (plan.status != 0) {
        check_refusal(&plan, head, &all);
        return;
    }
    check_plan(&plan, head, &all);
    check_body(&plan, head, &all, max_body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint64_t max_bodies[] = {0, 1, 4096, INT64_MAX};
    static const struct phr_limits limits = {.line = 4096, .head = 65536, .field = 4096};
    struct fuzz_input in = {.at = data, .len = size};
    struct phr_header fields[MAX_FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = MAX_FIELDS};
    uint64_t max_body = max_bodies[fuzz_byte(&in) % 4];
    if (phr_parse_request_strict((const char *)in.at, in.len, &limits, &head, 0) <= 0)
        return 0;
    fuzz_isolate(&head);
    run(&head, max_body);
    fuzz_free_isolated(&head);
    return 0;
}
