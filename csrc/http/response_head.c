#include "response_head.h"
#include "base/decimal.h"
#include "field_syntax.h"
#include "token_list.h"

/* What is done with a field of the application. */
enum action { SENT, DROPPED, IS_CONNECTION, IS_LENGTH, IS_DATE, IS_SERVER, IS_CACHING };

struct special {
    const char *name;
    enum action action;
};

/* By the length of the name, at most three each: hop-by-hop fields (RFC 9110 section 7.6.1), which
 * only the server may send, the fields that the server adds itself, and those that a cache asks
 * for.
 */
static const struct special specials[][3] = {
    [2] = {{"te", DROPPED}},
    [4] = {{"date", IS_DATE}},
    [6] = {{"server", IS_SERVER}},
    [7] = {{"upgrade", DROPPED}, {"trailer", DROPPED}, {"expires", IS_CACHING}},
    [10] = {{"connection", IS_CONNECTION}, {"keep-alive", DROPPED}},
    [13] = {{"cache-control", IS_CACHING}},
    [14] = {{"content-length", IS_LENGTH}},
    [16] = {{"proxy-connection", DROPPED}},
    [17] = {{"transfer-encoding", DROPPED},
            {"surrogate-control", IS_CACHING},
            {"cdn-cache-control", IS_CACHING}},
};

static enum action action_of(const char *name, size_t len)
{
    if (len >= sizeof(specials) / sizeof(specials[0]))
        return SENT;
    for (const struct special *row = specials[len]; row < specials[len] + 3; row++) {
        if (row->name == NULL)
            return SENT;
        if ((name[0] | 0x20) == row->name[0] && rhb_same_name(name, row->name, len))
            return row->action;
    }
    return SENT;
}

/* Three digits from 200 up (a final response, RFC 9110 section 15), a space, a reason. Returns the
 * status, or 0 if it is invalid. */
static int read_status(const char *status, size_t len)
{
    uint64_t code;
    if (len < 4 || status[3] != ' ' || !rhb_decimal_read(status, 3, 999, &code) || code < 200)
        return 0;
    return rhb_is_field_value(status + 4, len - 4) ? (int)code : 0;
}

static char *put(char *to, const char *text, size_t len)
{
    memcpy(to, text, len);
    return to + len;
}

/* For literals: the compiler then knows the length. */
static inline char *put_text(char *to, const char *text)
{
    return put(to, text, strlen(text));
}

enum rhb_head_result rhb_head_begin(struct rhb_response_head *head, struct rhb_bytes *out,
                                    const char *status, size_t status_len)
{
    *head = (struct rhb_response_head){.out = out, .start = out->len};
    head->status = read_status(status, status_len);
    if (head->status == 0)
        return RHB_HEAD_BAD_STATUS;
    if (!rhb_bytes_reserve(out, status_len + strlen("HTTP/1.1 \r\n")))
        return RHB_HEAD_NO_MEMORY;
    char *to = put_text(out->data + out->len, "HTTP/1.1 ");
    to = put_text(put(to, status, status_len), "\r\n");
    out->len = (size_t)(to - out->data);
    return RHB_HEAD_OK;
}

static enum rhb_head_result send_field(struct rhb_bytes *out, const char *name, size_t name_len,
                                       const char *value, size_t value_len)
{
    if (!rhb_bytes_reserve(out, name_len + value_len + strlen(": \r\n")))
        return RHB_HEAD_NO_MEMORY;
    char *to = put_text(put(out->data + out->len, name, name_len), ": ");
    to = put_text(put(to, value, value_len), "\r\n");
    out->len = (size_t)(to - out->data);
    return RHB_HEAD_OK;
}

/* RFC 9110 section 7.6.1: options, and names of fields. */
static void read_connection(struct rhb_response_head *head, const char *value, size_t len)
{
    struct rhb_token_list list = {.next = value, .end = value + len};
    while (rhb_token_next(&list)) {
        if (rhb_name_is(list.token, list.len, "close"))
            head->app_closes = true;
        else if (list.len > 0 && !rhb_name_is(list.token, list.len, "keep-alive"))
            head->names_fields = true;
    }
}

static enum rhb_head_result keep_length(struct rhb_response_head *head, const char *value,
                                        size_t len)
{
    uint64_t length;
    if (!rhb_decimal_read(value, len, INT64_MAX, &length))
        return RHB_HEAD_BAD_LENGTH;
    if (head->has_length && head->content_length != length)
        return RHB_HEAD_BAD_LENGTH;
    head->has_length = true;
    head->content_length = length;
    return RHB_HEAD_OK;
}

enum rhb_head_result rhb_head_field(struct rhb_response_head *head, const char *name,
                                    size_t name_len, const char *value, size_t value_len)
{
    enum action action = action_of(name, name_len);
    if (action == SENT && !rhb_is_token(name, name_len)) /* all other names are tokens */
        return RHB_HEAD_BAD_NAME;
    if (!rhb_is_field_value(value, value_len))
        return RHB_HEAD_BAD_VALUE;
    switch (action) {
    case DROPPED:
        return RHB_HEAD_OK;
    case IS_CONNECTION:
        read_connection(head, value, value_len);
        return RHB_HEAD_OK;
    case IS_LENGTH:
        return keep_length(head, value, value_len);
    case IS_DATE:
        head->has_date = true;
        break;
    case IS_SERVER:
        head->has_server = true;
        break;
    case IS_CACHING:
        head->says_caching = true;
        break;
    case SENT:
        break;
    }
    return send_field(head->out, name, name_len, value, value_len);
}

bool rhb_head_has_field(const struct rhb_response_head *head, const char *lower, size_t len)
{
    const char *end = head->out->data + head->out->len;
    const char *line = memchr(head->out->data + head->start, '\n', head->out->len - head->start);
    for (; line != NULL; line = memchr(line, '\n', (size_t)(end - line))) {
        line++; /* each line has a line end, and a name is followed by a colon */
        if ((size_t)(end - line) > len && line[len] == ':' && rhb_same_name(line, lower, len))
            return true;
    }
    return false;
}

/* Decides what Content-Length says, also if no body is sent. The application's own value is kept.
 */
static void find_length(struct rhb_response_head *head, const struct rhb_head_context *context)
{
    bool is_bare = head->status == 204 || head->status == 304;
    /* An empty list as response to HEAD does not tell the length of the response to GET. */
    int64_t least = context->is_head ? 1 : 0;
    if (head->status == 204) { /* RFC 9110 section 8.6 */
        head->has_length = false;
    } else if (head->status == 205) { /* RFC 9110 section 15.3.6 */
        head->has_length = true;
        head->content_length = 0;
    } else if (!head->has_length && !is_bare && context->body_length >= least) {
        head->has_length = true;
        head->content_length = (uint64_t)context->body_length;
    }
}

static enum rhb_body_framing choose_framing(const struct rhb_response_head *head,
                                            const struct rhb_head_context *context)
{
    if (context->is_head || head->status == 204 || head->status == 205 || head->status == 304)
        return RHB_FRAME_NONE;
    if (head->has_length)
        return RHB_FRAME_LENGTH;
    return context->minor_version >= 1 && context->allow_chunked ? RHB_FRAME_CHUNKED
                                                                 : RHB_FRAME_CLOSE;
}

static char *put_framing(char *to, const struct rhb_response_head *head,
                         enum rhb_body_framing framing)
{
    if (framing == RHB_FRAME_CHUNKED)
        return put_text(to, "Transfer-Encoding: chunked\r\n");
    if (!head->has_length)
        return to;
    to = rhb_decimal_write(put_text(to, "Content-Length: "), head->content_length);
    return put_text(to, "\r\n");
}

/* The response is HTTP/1.1, which means keep-alive. So close is written for all clients, and
 * keep-alive only for those of HTTP/1.0 (RFC 9112 section 9.3). */
static char *put_connection(char *to, int minor_version, bool keep_alive)
{
    if (!keep_alive)
        return put_text(to, "Connection: close\r\n");
    if (minor_version == 0)
        return put_text(to, "Connection: keep-alive\r\n");
    return to;
}

static char *put_date_and_server(char *to, const struct rhb_response_head *head,
                                 const struct rhb_head_context *context)
{
    if (!head->has_date)
        to = put_text(put(put_text(to, "Date: "), context->date, 29), "\r\n");
    if (!head->has_server && context->server_len > 0)
        to = put_text(put(put_text(to, "Server: "), context->server, context->server_len), "\r\n");
    return to;
}

enum rhb_head_result rhb_head_end(struct rhb_response_head *head,
                                  const struct rhb_head_context *context,
                                  struct rhb_head_outcome *outcome)
{
    enum { OUR_FIELDS = 160 }; /* bytes: more than all of them without the value of Server */
    struct rhb_bytes *out = head->out;
    find_length(head, context);
    enum rhb_body_framing framing = choose_framing(head, context);
    *outcome = (struct rhb_head_outcome){
        .framing = framing,
        .content_length = framing == RHB_FRAME_LENGTH ? head->content_length : 0,
        .keep_alive = context->keep_alive && !head->app_closes && framing != RHB_FRAME_CLOSE,
    };
    if (!rhb_bytes_reserve(out, OUR_FIELDS + context->server_len))
        return RHB_HEAD_NO_MEMORY;
    char *to = put_framing(out->data + out->len, head, framing);
    to = put_connection(to, context->minor_version, outcome->keep_alive);
    to = put_text(put_date_and_server(to, head, context), "\r\n");
    out->len = (size_t)(to - out->data);
    return RHB_HEAD_OK;
}
