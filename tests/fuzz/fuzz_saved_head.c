/* rhb_head_save. Invariants: the copy is equal to the head, and does not need it.
 *
 * Input: a head. */
#include "fuzz.h"
#include "http/saved_head.h"

enum { MAX_FIELDS = 32 };

static void check_same(const struct phr_request_head *saved, const struct phr_request_head *head)
{
    MUST(fuzz_same(saved->method, saved->method_len, head->method, head->method_len));
    MUST(fuzz_same(saved->target, saved->target_len, head->target, head->target_len));
    MUST(saved->minor_version == head->minor_version && saved->num_fields == head->num_fields);
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *one = &saved->fields[i], *other = &head->fields[i];
        MUST(fuzz_same(one->name, one->name_len, other->name, other->name_len));
        MUST(fuzz_same(one->value, one->value_len, other->value, other->value_len));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct phr_limits limits = {.line = 4096, .head = 65536, .field = 4096};
    const char *bytes = (const char *)data;
    struct phr_header fields[MAX_FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = MAX_FIELDS}, again = head;
    if (phr_parse_request_strict(bytes, size, &limits, &head, 0) <= 0)
        return 0;
    fuzz_isolate(&head);
    struct phr_request_head *saved = rhb_head_save(&head);
    MUST(saved != NULL);
    fuzz_free_isolated(&head);
    phr_parse_request_strict(bytes, size, &limits, &again, 0);
    check_same(saved, &again);
    free(saved);
    return 0;
}
