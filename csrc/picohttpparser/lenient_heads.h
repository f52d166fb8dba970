/* The lenient parser: heads of requests and responses, and fields alone, as picohttpparser.h
 * describes them. */
#ifndef RHB_PHR_LENIENT_HEADS_H
#define RHB_PHR_LENIENT_HEADS_H

#include "field_lines.h"
#include "variants.h"

PHR_INLINE struct phr_input phr_lenient_input(const char *buf, size_t len,
                                              struct phr_header *fields, size_t capacity)
{
    return (struct phr_input){
        .base = buf, .end = buf + len, .field = fields, .last_field = fields + capacity};
}

/* Whether an empty line has ended the head since last_len. True also for an empty line at the very
 * beginning: the parser knows what that means. */
PHR_INLINE bool phr_may_be_complete(const struct phr_input *in, size_t last_len)
{
    /* The LF of the line before and a CR may have been there; the LF of the empty line is new. */
    const char *p = in->base + (last_len > 2 ? last_len - 2 : 0);

    if (last_len < 2 || last_len > (size_t)(in->end - in->base))
        return true;
    while ((p = memchr(p, '\n', (size_t)(in->end - p))) != NULL) {
        p++;
        if (in->end - p >= 1 && *p == '\n')
            return true;
        if (in->end - p >= 2 && phr_is_crlf(p))
            return true;
    }
    return false;
}

PHR_INLINE const char *phr_skip_spaces(struct phr_input *in, const char *p)
{
    while (p < in->end && *p == ' ')
        p++;
    return p == in->end ? phr_need_more(in) : p;
}

/* Parses "HTTP/1." and a digit, which another byte follows. */
PHR_INLINE const char *phr_lenient_version(struct phr_input *in, const char *p, int *minor_version)
{
    if (in->end - p < 9)
        return phr_need_more(in);
    if (memcmp(p, "HTTP/1.", 7) != 0 || p[7] < '0' || p[7] > '9')
        return phr_refuse(in, PHR_BAD, p);
    *minor_version = p[7] - '0';
    return p + 8;
}

/* Parses one word of a request line and the spaces after it. */
PHR_INLINE const char *phr_lenient_word(struct phr_input *in, const char *p, enum phr_class wanted,
                                        const char **word, size_t *word_len)
{
    const char *space = phr_scan(in, p, wanted);

    if (space == in->end)
        return phr_need_more(in);
    if (*space != ' ' || space == p)
        return phr_refuse(in, PHR_BAD, space);
    *word = p;
    *word_len = (size_t)(space - p);
    return phr_skip_spaces(in, space);
}

PHR_INLINE const char *phr_lenient_request_line(struct phr_input *in, struct phr_request_head *head)
{
    const char *p = in->base;

    if (p < in->end && (*p == '\r' || *p == '\n'))
        p = phr_line_end(in, p, false);
    if (p != NULL)
        p = phr_lenient_word(in, p, PHR_TOKEN, &head->method, &head->method_len);
    if (p != NULL)
        p = phr_lenient_word(in, p, PHR_TARGET, &head->target, &head->target_len);
    if (p != NULL)
        p = phr_lenient_version(in, p, &head->minor_version);
    if (p != NULL)
        p = phr_line_end(in, p, false);
    return p;
}

/* Parses three digits, which another byte follows. */
PHR_INLINE const char *phr_status(struct phr_input *in, const char *p, int *status)
{
    int value = 0;

    if (in->end - p < 4)
        return phr_need_more(in);
    for (const char *stop = p + 3; p < stop; p++) {
        if (*p < '0' || *p > '9')
            return phr_refuse(in, PHR_BAD, p);
        value = value * 10 + (*p - '0');
    }
    *status = value;
    return p;
}

/* Parses the rest of the line behind the status: a space and text, or nothing. */
PHR_INLINE const char *phr_reason(struct phr_input *in, const char *p,
                                  struct phr_response_head *head)
{
    const char *stop = phr_scan_text(in, p);
    const char *next = phr_line_end(in, stop, false);

    if (p < stop && *p != ' ')
        return phr_refuse(in, PHR_BAD, p);
    if (next == NULL)
        return NULL;
    while (p < stop && *p == ' ')
        p++;
    head->reason = p;
    head->reason_len = (size_t)(stop - p);
    return next;
}

PHR_INLINE const char *phr_status_line(struct phr_input *in, struct phr_response_head *head)
{
    const char *p = phr_lenient_version(in, in->base, &head->minor_version);

    if (p != NULL && *p != ' ')
        return phr_refuse(in, PHR_BAD, p);
    if (p != NULL)
        p = phr_skip_spaces(in, p);
    if (p != NULL)
        p = phr_status(in, p, &head->status);
    if (p != NULL)
        p = phr_reason(in, p, head);
    return p;
}

PHR_INLINE const char *phr_lenient_fields(struct phr_input *in, const char *p)
{
    const struct phr_header *first = in->field;

    while (p < in->end && *p != '\r' && *p != '\n') {
        if (in->field == in->last_field)
            return phr_refuse(in, PHR_BAD, p);
        if (phr_is_blank(*p) && in->field != first)
            p = phr_continuation_line(in, p);
        else
            p = phr_field_line(in, p, false);
        if (p == NULL)
            return NULL;
        in->field++;
    }
    return phr_line_end(in, p, false);
}

PHR_INLINE int phr_lenient_result(const struct phr_input *in, const char *p)
{
    return p != NULL ? (int)(p - in->base) : in->result;
}

PHR_INLINE int phr_request_lenient(const char *buf, size_t len, struct phr_request_head *head,
                                   size_t last_len)
{
    struct phr_input in = phr_lenient_input(buf, len, head->fields, head->num_fields);
    const char *p;

    phr_clear_request(head);
    head->num_fields = 0;
    if (!phr_may_be_complete(&in, last_len))
        return PHR_INCOMPLETE;
    p = phr_lenient_request_line(&in, head);
    if (p != NULL)
        p = phr_lenient_fields(&in, p);
    head->num_fields = (size_t)(in.field - head->fields);
    return phr_lenient_result(&in, p);
}

PHR_INLINE int phr_response_lenient(const char *buf, size_t len, struct phr_response_head *head,
                                    size_t last_len)
{
    struct phr_input in = phr_lenient_input(buf, len, head->fields, head->num_fields);
    const char *p;

    head->minor_version = -1;
    head->status = 0;
    head->reason = NULL;
    head->reason_len = 0;
    head->num_fields = 0;
    if (!phr_may_be_complete(&in, last_len))
        return PHR_INCOMPLETE;
    p = phr_status_line(&in, head);
    if (p != NULL)
        p = phr_lenient_fields(&in, p);
    head->num_fields = (size_t)(in.field - head->fields);
    return phr_lenient_result(&in, p);
}

PHR_INLINE int phr_fields_lenient(const char *buf, size_t len, struct phr_field_list *list,
                                  size_t last_len)
{
    struct phr_input in = phr_lenient_input(buf, len, list->fields, list->num_fields);
    const char *p;

    list->num_fields = 0;
    if (!phr_may_be_complete(&in, last_len))
        return PHR_INCOMPLETE;
    p = phr_lenient_fields(&in, in.base);
    list->num_fields = (size_t)(in.field - list->fields);
    return phr_lenient_result(&in, p);
}

#endif
