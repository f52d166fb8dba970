/* Field lines and the empty line after them (RFC 9112 section 5), for both parsers. `strict` is
 * always a constant, so each parser gets its own code. */
#ifndef RHB_PHR_FIELD_LINES_H
#define RHB_PHR_FIELD_LINES_H

#include "char_class.h"
#include "input.h"
#include <string.h>

PHR_INLINE bool phr_is_crlf(const char *p)
{
    return memcmp(p, "\r\n", 2) == 0;
}

/* p: where a line end is expected. Returns the position behind it. */
PHR_INLINE const char *phr_line_end(struct phr_input *in, const char *p, const bool strict)
{
    if (PHR_LIKELY(in->end - p >= 2 && phr_is_crlf(p)))
        return p + 2;
    if (p == in->end)
        return phr_need_more(in);
    if (!strict && *p == '\n')
        return p + 1;
    if (*p != '\r')
        return phr_refuse(in, PHR_BAD, p);
    return in->end - p == 1 ? phr_need_more(in) : phr_refuse(in, PHR_BAD, p + 1);
}

/* SP or HTAB, among bytes that are known to be PHR_TEXT. */
PHR_INLINE bool phr_is_blank_text(char byte)
{
    return (unsigned char)byte <= ' ';
}

PHR_INLINE void phr_set_value(struct phr_header *field, const char *start, const char *stop)
{
    while (stop > start && phr_is_blank_text(stop[-1]))
        stop--;
    field->value = start;
    field->value_len = (size_t)(stop - start);
}

/* Parses "name: value" and its line end into in->field. */
PHR_INLINE const char *phr_field_line(struct phr_input *in, const char *line, const bool strict)
{
    const char *colon = phr_scan(in, line, PHR_TOKEN);
    const char *stop, *next, *value;

    if (PHR_UNLIKELY(colon == in->end))
        return phr_need_more(in);
    if (PHR_UNLIKELY(*colon != ':' || colon == line))
        return phr_refuse(in, PHR_BAD, colon);
    stop = phr_scan_text(in, line);
    next = phr_line_end(in, stop, strict);
    if (PHR_UNLIKELY(next == NULL))
        return NULL;
    for (value = colon + 1; value < stop && phr_is_blank_text(*value);)
        value++;
    in->field->name = line;
    in->field->name_len = (size_t)(colon - line);
    phr_set_value(in->field, value, stop);
    return next;
}

/* Parses a line that begins with white space, which continues the value before it (obsolete
 * folding; lenient only). */
PHR_INLINE const char *phr_continuation_line(struct phr_input *in, const char *line)
{
    const char *stop = phr_scan_text(in, line);
    const char *next = phr_line_end(in, stop, false);

    if (next == NULL)
        return NULL;
    in->field->name = NULL;
    in->field->name_len = 0;
    phr_set_value(in->field, line, stop);
    return next;
}

#endif
