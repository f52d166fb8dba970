/* Calls of csrc/http/framing.c for its tests. All input is in memory of exactly its size. */
#ifndef RHB_TEST_FRAMING_FIXTURE_H
#define RHB_TEST_FRAMING_FIXTURE_H

#include "harness.h"
#include "http/framing.h"
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(text) text, sizeof(text) - 1
#define HOST "Host: a\n"

enum { MOST_FIELDS = 8 };

static inline char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

/* "Name: value\n" lines into fields; values keep every byte but the newline. */
static inline size_t split_fields(struct phr_header *fields, const char *lines, size_t len)
{
    size_t count = 0;
    for (const char *end = lines + len, *next; lines < end; lines = next + 1) {
        next = memchr(lines, '\n', (size_t)(end - lines));
        const char *colon = memchr(lines, ':', (size_t)(next - lines));
        struct phr_header *field = &fields[count++];
        field->name_len = (size_t)(colon - lines);
        field->value_len = (size_t)(next - colon - 2);
        field->name = copy_exactly(lines, field->name_len);
        field->value = copy_exactly(colon + 2, field->value_len);
    }
    return count;
}

static inline struct rhb_framing plan_within(uint64_t max_body, int minor, const char *lines,
                                             size_t len)
{
    struct phr_header fields[MOST_FIELDS];
    struct phr_request_head head = {
        .method = "POST", .method_len = 4, .minor_version = minor, .fields = fields};
    struct rhb_framing plan;
    memset(&plan, 0xa5, sizeof(plan)); /* all of it has to be set */
    head.num_fields = split_fields(fields, lines, len);
    rhb_framing_plan(&plan, &head, max_body);
    for (size_t i = 0; i < head.num_fields; i++) {
        free((void *)fields[i].name);
        free((void *)fields[i].value);
    }
    return plan;
}

static inline struct rhb_framing plan_for(int minor, const char *lines, size_t len)
{
    return plan_within(1000, minor, lines, len);
}

static inline void check_refused(struct rhb_test *t, const struct rhb_framing *plan, int status)
{
    CHECK_INT(plan->status, status);
    CHECK(plan->reason != NULL && plan->reason[0] != 0);
    CHECK(!plan->keep_alive && !plan->expect_continue);
    CHECK_INT(plan->body, RHB_BODY_NONE);
}

#endif
