#include "reference.h"
#include <unistd.h>

enum { MAX_EXTENSION = 4096, MAX_TRAILER = 16384 };

static void refuse(struct reference *next, int status)
{
    next->kind = REFERENCE_REFUSED;
    next->status = status;
}

static int status_of(int parsed)
{
    switch (parsed) {
    case PHR_BAD:
        return 400;
    case PHR_LINE_TOO_LONG:
        return 414;
    case PHR_BAD_VERSION:
        return 505;
    case PHR_METHOD_TOO_LONG:
        return 501;
    default:
        return 431;
    }
}

static void complete(struct reference *next, size_t body_len, size_t used)
{
    next->kind = REFERENCE_REQUEST;
    next->body_len = body_len;
    next->used = used;
}

/* If the data is too long and the framing is bad, either error may be found first. */
static void read_chunked(struct reference *next, uint64_t max_body, size_t len)
{
    struct phr_strict_chunked decoder = {.max_extension = MAX_EXTENSION,
                                         .max_trailer = MAX_TRAILER};
    size_t decoded = len;
    ssize_t left = phr_decode_chunked_strict(&decoder, next->body, &decoded);
    bool too_large = max_body != 0 && decoded > max_body;
    if (left == -1) {
        refuse(next, 400);
        next->other_status = too_large ? 413 : 0;
    } else if (too_large) {
        refuse(next, 413);
    } else if (left >= 0) {
        complete(next, decoded, next->head_len + len - (size_t)left);
    }
}

static void read_body(struct reference *next, uint64_t max_body, const char *bytes, size_t len)
{
    uint64_t wanted = next->framing.content_length;
    next->body = fuzz_copy(bytes, len);
    if (next->framing.body == RHB_BODY_CHUNKED)
        read_chunked(next, max_body, len);
    else if (wanted <= len)
        complete(next, (size_t)wanted, next->head_len + (size_t)wanted);
}

/* Returns 0 or the status to answer. */
static int read_target(struct reference *next)
{
    const struct phr_request_head *head = &next->head;
    int status = rhb_target_split(&next->target, head->method, head->method_len, head->target,
                                  head->target_len);
    if (status != 0)
        return status;
    next->path = fuzz_copy(next->target.path, next->target.path_len);
    ssize_t len = rhb_percent_decode(next->path, next->path, next->target.path_len);
    next->path_len = len < 0 ? 0 : (size_t)len;
    return len < 0 ? 400 : 0;
}

void reference_next(struct reference *next, const struct phr_limits *limits, uint64_t max_body,
                    const char *stream, size_t len)
{
    *next = (struct reference){.kind = REFERENCE_INCOMPLETE};
    next->head = (struct phr_request_head){.fields = next->fields, .num_fields = REFERENCE_FIELDS};
    int parsed = phr_parse_request_strict(stream, len, limits, &next->head, 0);
    if (parsed == PHR_INCOMPLETE)
        return;
    int status = parsed < 0 ? status_of(parsed) : read_target(next);
    if (status == 0) {
        next->head_len = (size_t)parsed;
        rhb_framing_plan(&next->framing, &next->head, max_body);
        status = next->framing.status;
    }
    if (status != 0)
        refuse(next, status);
    else
        read_body(next, max_body, stream + parsed, len - (size_t)parsed);
}

void reference_free(struct reference *next)
{
    free(next->path);
    free(next->body);
}

static void fields_must_be(const struct phr_request_head *expected,
                           const struct phr_request_head *head)
{
    MUST(head->num_fields == expected->num_fields);
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *one = &head->fields[i], *other = &expected->fields[i];
        MUST(fuzz_same(one->name, one->name_len, other->name, other->name_len));
        MUST(fuzz_same(one->value, one->value_len, other->value, other->value_len));
    }
}

static void framing_must_be(const struct rhb_framing *expected, const struct rhb_framing *framing)
{
    MUST(framing->status == 0 && framing->body == expected->body);
    MUST(framing->content_length == expected->content_length);
    MUST(framing->keep_alive == expected->keep_alive);
    MUST(framing->expect_continue == expected->expect_continue);
    MUST(framing->upgrade == expected->upgrade);
}

static void blocks_must_be(const char *expected, const struct rhb_body *body)
{
    for (size_t i = 0; i < body->n_full; i++, expected += body->block_size)
        MUST(fuzz_same(body->full[i], body->block_size, expected, body->block_size));
    size_t last = (size_t)body->len - body->n_full * body->block_size;
    MUST(fuzz_same(body->data, last, expected, last));
}

static void body_must_be(const struct reference *expected, const struct rhb_request *request)
{
    size_t len = expected->body_len;
    MUST(request->body_len == len);
    if (request->inline_body != NULL) {
        MUST(request->body == NULL && fuzz_same(request->inline_body, len, expected->body, len));
        return;
    }
    MUST(request->body != NULL && request->body->len == len);
    if (request->body->fd < 0) {
        blocks_must_be(expected->body, request->body);
        return;
    }
    char *data = malloc(len);
    MUST(pread(request->body->fd, data, len, 0) == (ssize_t)len);
    MUST(fuzz_same(data, len, expected->body, len));
    free(data);
}

void reference_must_be(const struct reference *expected, const struct rhb_request *request)
{
    const struct phr_request_head *one = &request->head, *other = &expected->head;
    MUST(expected->kind == REFERENCE_REQUEST);
    MUST(fuzz_same(one->method, one->method_len, other->method, other->method_len));
    MUST(fuzz_same(one->target, one->target_len, other->target, other->target_len));
    MUST(one->minor_version == other->minor_version);
    MUST(fuzz_same(request->path, request->path_len, expected->path, expected->path_len));
    MUST(request->head_len == expected->head_len);
    fields_must_be(other, one);
    framing_must_be(&expected->framing, &request->framing);
    body_must_be(expected, request);
}
