/* The strict parser: one request head with limits. Its result does not depend on how the bytes
 * arrive: every refusal belongs to a byte (in->past), a limit is exceeded at a byte too, and the
 * earliest byte decides. So a prefix of an input has the result of the whole input, or is
 * incomplete. */
#ifndef RHB_PHR_STRICT_REQUEST_H
#define RHB_PHR_STRICT_REQUEST_H

#include "field_lines.h"

/* The longest registered method has 17 bytes (RFC 9110 section 16.1.2). */
enum { PHR_METHOD_MAX = 32 };

PHR_INLINE const char *phr_strict_method(struct phr_input *in, const char *p,
                                         struct phr_request_head *head)
{
    const char *space;

    /* With a predicted branch, the scan of the target starts before the method has been read. */
    if (PHR_LIKELY(in->end - p >= 4 && memcmp(p, "GET ", 4) == 0)) {
        space = p + 3;
    } else {
        space = phr_scan(in, p, PHR_TOKEN);
        if (space - p > PHR_METHOD_MAX)
            return phr_refuse(in, PHR_METHOD_TOO_LONG, p + PHR_METHOD_MAX);
        if (space == in->end)
            return phr_need_more(in);
        if (*space != ' ' || space == p)
            return phr_refuse(in, PHR_BAD, space);
    }
    head->method = p;
    head->method_len = (size_t)(space - p);
    return space + 1;
}

PHR_INLINE const char *phr_strict_target(struct phr_input *in, const char *p,
                                         struct phr_request_head *head)
{
    const char *space = phr_scan(in, p, PHR_TARGET);

    if (PHR_UNLIKELY(space == in->end))
        return phr_need_more(in);
    if (PHR_UNLIKELY(*space != ' ' || space == p))
        return phr_refuse(in, PHR_BAD, space);
    head->target = p;
    head->target_len = (size_t)(space - p);
    return space + 1;
}

/* Reads byte by byte whatever is not "HTTP/1.1" or "HTTP/1.0" with CRLF. "HTTP/2.0" is refused at
 * its last digit. */
PHR_INLINE const char *phr_odd_version(struct phr_input *in, const char *p, int *minor_version)
{
    static const char shape[] = "HTTP/0.0";

    for (size_t i = 0; i < sizeof(shape) - 1; i++, p++) {
        if (p == in->end)
            return phr_need_more(in);
        if (shape[i] == '0' ? *p < '0' || *p > '9' : *p != shape[i])
            return phr_refuse(in, PHR_BAD, p);
    }
    if (p[-3] != '1' || p[-1] > '1')
        return phr_refuse(in, PHR_BAD_VERSION, p - 1);
    if (p < in->end)
        *minor_version = p[-1] - '0';
    return phr_line_end(in, p, true);
}

PHR_INLINE const char *phr_strict_version(struct phr_input *in, const char *p,
                                          struct phr_request_head *head)
{
    if (PHR_LIKELY(in->end - p >= 10 && phr_is_crlf(p + 8))) {
        if (PHR_LIKELY(memcmp(p, "HTTP/1.1", 8) == 0)) {
            head->minor_version = 1;
            return p + 10;
        }
        if (memcmp(p, "HTTP/1.0", 8) == 0) {
            head->minor_version = 0;
            return p + 10;
        }
    }
    return phr_odd_version(in, p, &head->minor_version);
}

PHR_INLINE const char *phr_strict_request_line(struct phr_input *in, const char *p,
                                               struct phr_request_head *head)
{
    p = phr_strict_method(in, p, head);
    if (PHR_LIKELY(p != NULL))
        p = phr_strict_target(in, p, head);
    if (PHR_LIKELY(p != NULL))
        p = phr_strict_version(in, p, head);
    return p;
}

/* The result for a line that is bad or incomplete: its limit may have been exceeded earlier in it.
 */
PHR_INLINE int phr_line_result(const struct phr_input *in, const char *line, size_t limit,
                               int too_long)
{
    return (size_t)(in->past - line) > limit ? too_long : in->result;
}

/* Parses fields and the empty line. Returns the position behind it, or NULL with in->result set. */
PHR_INLINE const char *phr_strict_fields(struct phr_input *in, const char *p, size_t limit)
{
    while (PHR_LIKELY(p < in->end) && *p != '\r') {
        const char *line = p;
        if (PHR_UNLIKELY(in->field == in->last_field))
            return phr_refuse(in, PHR_TOO_MANY_FIELDS, p);
        p = phr_field_line(in, line, true);
        if (PHR_UNLIKELY(p == NULL)) {
            in->result = phr_line_result(in, line, limit, PHR_FIELD_TOO_LONG);
            return NULL;
        }
        if (PHR_UNLIKELY((size_t)(p - line) > limit))
            return phr_refuse(in, PHR_FIELD_TOO_LONG, line + limit);
        in->field++;
    }
    return phr_line_end(in, p, true);
}

/* Parses the whole head. Returns the position behind it, or NULL with in->result set. */
PHR_INLINE const char *phr_strict_head(struct phr_input *in, const struct phr_limits *limits,
                                       struct phr_request_head *head)
{
    const char *line = in->base;
    const char *p;

    if (PHR_UNLIKELY(line < in->end && *line == '\r')) {
        /* RFC 9112 section 2.2: one empty line before the request line is skipped. */
        line = phr_line_end(in, line, true);
        if (line == NULL)
            return NULL;
    }
    p = phr_strict_request_line(in, line, head);
    if (PHR_UNLIKELY(p == NULL)) {
        in->result = phr_line_result(in, line, limits->line, PHR_LINE_TOO_LONG);
        return NULL;
    }
    if (PHR_UNLIKELY((size_t)(p - line) > limits->line))
        return phr_refuse(in, PHR_LINE_TOO_LONG, line + limits->line);
    return phr_strict_fields(in, p, limits->field);
}

/* Whether the bytes since last_len only continue the field line that was incomplete then. All lines
 * before it have been parsed. In any other case, also for a refusal, the head is parsed again. */
PHR_COLD bool phr_is_same_line(const char *buf, size_t len, const struct phr_limits *limits,
                               size_t last_len)
{
    const struct phr_input in = {.base = buf, .end = buf + len};
    const char *seen = buf + last_len;
    const char *line = memrchr(buf, '\n', last_len);
    const char *colon;

    if (line == NULL || line - buf == 1 || line + 1 == seen)
        return false; /* still the request line, or a new line begins */
    line++;
    if ((size_t)(in.end - line) > limits->field)
        return false;
    colon = phr_scan(&in, line, PHR_TOKEN);
    if (colon == in.end)
        return true;
    /* The last byte seen counts again: it may be the CR of a line end. */
    return *colon == ':' && colon != line && phr_scan(&in, seen - 1, PHR_TEXT) == in.end;
}

/* len: at most the limit of the head. */
PHR_INLINE int phr_strict_parse(const char *buf, size_t len, const struct phr_limits *limits,
                                struct phr_request_head *head)
{
    struct phr_input in = {.base = buf,
                           .end = buf + len,
                           .field = head->fields,
                           .last_field = head->fields + head->num_fields};
    const char *p = phr_strict_head(&in, limits, head);

    head->num_fields = (size_t)(in.field - head->fields);
    return PHR_LIKELY(p != NULL) ? (int)(p - buf) : in.result;
}

PHR_INLINE int phr_request_strict(const char *buf, size_t len, const struct phr_limits *limits,
                                  struct phr_request_head *head, size_t last_len)
{
    const bool cut = len > limits->head;
    int result;

    phr_clear_request(head);
    if (PHR_UNLIKELY(last_len != 0) && last_len <= len && !cut &&
        phr_is_same_line(buf, len, limits, last_len)) {
        head->num_fields = 0;
        return PHR_INCOMPLETE;
    }
    result = phr_strict_parse(buf, cut ? limits->head : len, limits, head);
    return cut && result == PHR_INCOMPLETE ? PHR_HEAD_TOO_LONG : result;
}

#endif
