/* Calls of csrc/http/response_head.c for its tests. All input is in memory of exactly its size. */
#ifndef RHB_TEST_RESPONSE_HEAD_FIXTURE_H
#define RHB_TEST_RESPONSE_HEAD_FIXTURE_H

#include "harness.h"
#include "http/response_head.h"
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(text) text, sizeof(text) - 1
#define DATE "Sat, 21 Nov 2026 02:04:00 GMT"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define CLOSING "Connection: close\r\n"
#define STAYING "Connection: keep-alive\r\n"

enum { NO, YES };

static inline char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

static inline enum rhb_head_result begin(struct rhb_response_head *head, struct rhb_bytes *out,
                                         const char *status, size_t len)
{
    char *copy = copy_exactly(status, len);
    memset(head, 0xa5, sizeof(*head)); /* all of it has to be set */
    enum rhb_head_result result = rhb_head_begin(head, out, copy, len);
    free(copy);
    return result;
}

static inline enum rhb_head_result add(struct rhb_response_head *head, const char *name,
                                       size_t name_len, const char *value, size_t value_len)
{
    char *name_copy = copy_exactly(name, name_len), *value_copy = copy_exactly(value, value_len);
    enum rhb_head_result result = rhb_head_field(head, name_copy, name_len, value_copy, value_len);
    free(name_copy);
    free(value_copy);
    return result;
}

/* "Name: value\n" lines; the first result that is not OK. */
static inline enum rhb_head_result add_lines(struct rhb_response_head *head, const char *lines)
{
    enum rhb_head_result result = RHB_HEAD_OK;
    while (*lines != 0 && result == RHB_HEAD_OK) {
        const char *colon = strchr(lines, ':'), *end = strchr(lines, '\n');
        result = add(head, lines, (size_t)(colon - lines), colon + 2, (size_t)(end - colon - 2));
        lines = end + 1;
    }
    return result;
}

static inline enum rhb_head_result end(struct rhb_response_head *head,
                                       struct rhb_head_context context,
                                       struct rhb_head_outcome *outcome)
{
    char *date = copy_exactly(DATE, 29);
    char *server = copy_exactly(context.server ? context.server : "", context.server_len);
    context.date = date;
    context.server = server;
    memset(outcome, 0xa5, sizeof(*outcome));
    enum rhb_head_result result = rhb_head_end(head, &context, outcome);
    free(date);
    free(server);
    return result;
}

#endif
