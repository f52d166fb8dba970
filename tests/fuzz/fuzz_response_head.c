/* The head of a response. Invariants: for all fields of the application, the output is one response
 * head that a parser accepts to its last byte; it has the fields of the application in order,
 * without hop-by-hop fields; it has the framing field that RFC 9112 section 6.3 needs, and never
 * two.
 *
 * Input: flags, two bytes of body length (0: unknown), then status and fields, separated by 0xFF,
 * with 0xFE between name and value. */
#include "fuzz.h"
#include "http/response_head.h"
#include <strings.h>

enum { MAX_FIELDS = 32, SEPARATOR = 0xff, COLON = 0xfe };

static const char date[] = "Sun, 06 Nov 1994 08:49:37 GMT";
static const char server[] = "rhebok";

/* The output, parsed. */
struct reading {
    int minor_version, status;
    const char *reason;
    size_t reason_len;
    struct phr_header fields[MAX_FIELDS + 8];
    size_t count;
};

static bool name_is(const char *name, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(name, word, len) == 0;
}

/* Whether a field of the application is dropped, or written by the server itself. */
static bool is_ours(const char *name, size_t len)
{
    static const char *const ours[] = {
        "te",         "upgrade",        "trailer",          "connection",
        "keep-alive", "content-length", "proxy-connection", "transfer-encoding"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (name_is(name, len, ours[i]))
            return true;
    return false;
}

static size_t occurrences(const struct reading *all, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < all->count; i++)
        count += name_is(all->fields[i].name, all->fields[i].name_len, name);
    return count;
}

static const struct phr_header *find(const struct reading *all, const char *name)
{
    for (size_t i = 0; i < all->count; i++)
        if (name_is(all->fields[i].name, all->fields[i].name_len, name))
            return &all->fields[i];
    return NULL;
}

static void read_again(struct reading *all, const struct rhb_bytes *out, size_t start)
{
    all->count = sizeof all->fields / sizeof *all->fields;
    int used =
        phr_parse_response(out->data + start, out->len - start, &all->minor_version, &all->status,
                           &all->reason, &all->reason_len, all->fields, &all->count, 0);
    MUST(used > 0 && (size_t)used == out->len - start);
    for (size_t i = 0; i < all->count; i++)
        MUST(all->fields[i].name != NULL);
}

static void check_framing(const struct reading *all, const struct rhb_head_context *context,
                          const struct rhb_head_outcome *outcome)
{
    size_t lengths = occurrences(all, "content-length");
    size_t codings = occurrences(all, "transfer-encoding");
    bool bare = context->is_head || all->status == 204 || all->status == 205 || all->status == 304;
    MUST(lengths + codings <= 1);
    MUST((outcome->framing == RHB_FRAME_NONE) == bare);
    MUST((codings == 1) == (outcome->framing == RHB_FRAME_CHUNKED));
    MUST(codings == 0 || (context->minor_version == 1 && context->allow_chunked));
    if (outcome->framing == RHB_FRAME_LENGTH)
        MUST(lengths == 1 &&
             strtoull(find(all, "content-length")->value, NULL, 10) == outcome->content_length);
    if (outcome->framing == RHB_FRAME_CLOSE)
        MUST(lengths == 0 && !outcome->keep_alive);
    MUST(all->status != 204 || lengths == 0);
    if (all->status == 205)
        MUST(lengths == 1 && fuzz_same(find(all, "content-length")->value,
                                       find(all, "content-length")->value_len, "0", 1));
}

static void check_connection(const struct reading *all, const struct rhb_head_context *context,
                             const struct rhb_head_outcome *outcome)
{
    const struct phr_header *field = find(all, "connection");
    MUST(occurrences(all, "connection") <= 1);
    MUST(!outcome->keep_alive || context->keep_alive);
    if (!outcome->keep_alive)
        MUST(field && fuzz_same(field->value, field->value_len, "close", 5));
    else if (context->minor_version == 0)
        MUST(field && fuzz_same(field->value, field->value_len, "keep-alive", 10));
    else
        MUST(field == NULL);
}

/* Without the white space around it, as a parser returns it. */
static void trim(struct phr_header *field)
{
    for (; field->value_len > 0 && fuzz_is_blank(*field->value); field->value_len--)
        field->value++;
    while (field->value_len > 0 && fuzz_is_blank(field->value[field->value_len - 1]))
        field->value_len--;
}

static void check_hop_by_hop(const struct reading *all)
{
    static const char *const never[] = {"te", "upgrade", "trailer", "keep-alive",
                                        "proxy-connection"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        MUST(occurrences(all, never[i]) == 0);
}

static void check_fields(const struct reading *all, struct phr_header *sent, size_t count)
{
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        const struct phr_header *field = &all->fields[at];
        if (is_ours(sent[i].name, sent[i].name_len))
            continue;
        trim(&sent[i]);
        MUST(at++ < all->count);
        MUST(fuzz_same(field->name, field->name_len, sent[i].name, sent[i].name_len));
        MUST(fuzz_same(field->value, field->value_len, sent[i].value, sent[i].value_len));
    }
    for (; at < all->count; at++) {
        const struct phr_header *field = &all->fields[at];
        MUST(is_ours(field->name, field->name_len) ||
             name_is(field->name, field->name_len, "date") ||
             name_is(field->name, field->name_len, "server"));
    }
    MUST(occurrences(all, "date") >= 1);
}

/* Adds one field after the other; false when one is refused. */
static bool hand_in(struct rhb_response_head *head, struct fuzz_input *in, struct phr_header *sent,
                    size_t *count)
{
    enum rhb_head_result result = RHB_HEAD_OK;
    for (*count = 0; in->len > 0 && *count < MAX_FIELDS && result == RHB_HEAD_OK; ++*count) {
        struct phr_header *field = &sent[*count];
        size_t len;
        const char *text = fuzz_until(in, SEPARATOR, &len);
        struct fuzz_input line = {.at = (const uint8_t *)text, .len = len};
        field->name = fuzz_until(&line, COLON, &field->name_len);
        field->value = fuzz_read(&line, line.len, &field->value_len);
        char *name = fuzz_copy(field->name, field->name_len);
        char *value = fuzz_copy(field->value, field->value_len);
        result = rhb_head_field(head, name, field->name_len, value, field->value_len);
        MUST(result != RHB_HEAD_NO_MEMORY && result != RHB_HEAD_BAD_STATUS);
        free(name);
        free(value);
    }
    return result == RHB_HEAD_OK;
}

static void finish(struct rhb_response_head *head, const struct rhb_head_context *context,
                   struct phr_header *sent, size_t count)
{
    struct rhb_head_outcome outcome;
    struct reading all;
    MUST(rhb_head_end(head, context, &outcome) == RHB_HEAD_OK);
    read_again(&all, head->out, head->start);
    MUST(all.status == head->status && all.minor_version == 1);
    check_framing(&all, context, &outcome);
    check_connection(&all, context, &outcome);
    check_hop_by_hop(&all);
    check_fields(&all, sent, count);
}

static void run(struct fuzz_input *in, const struct rhb_head_context *context)
{
    struct rhb_bytes out = {0};
    struct rhb_response_head head;
    struct phr_header sent[MAX_FIELDS];
    size_t len, count;
    const char *text = fuzz_until(in, SEPARATOR, &len);
    char *status = fuzz_copy(text, len);
    MUST(rhb_bytes_append(&out, "before", 6));
    if (rhb_head_begin(&head, &out, status, len) == RHB_HEAD_OK && hand_in(&head, in, sent, &count))
        finish(&head, context, sent, count);
    MUST(memcmp(out.data, "before", 6) == 0);
    free(status);
    rhb_bytes_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    uint8_t flags = fuzz_byte(&in);
    int64_t body_length = fuzz_byte(&in) * 256 + fuzz_byte(&in) - 1;
    struct rhb_head_context context = {
        .minor_version = flags & 1,
        .is_head = flags & 2,
        .keep_alive = flags & 4,
        .allow_chunked = flags & 8,
        .body_length = body_length,
        .date = date,
        .server = server,
        .server_len = flags & 16 ? sizeof server - 1 : 0,
    };
    run(&in, &context);
    return 0;
}
