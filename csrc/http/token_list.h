/* The elements of a comma-separated field value (RFC 9110 section 5.6.1), white space around them
 * left out. Empty elements are handed out too: whether they are an error is the field's own rule.
 */
#ifndef RHB_TOKEN_LIST_H
#define RHB_TOKEN_LIST_H

#include "field_name.h"

/* Set next and end to the value's; next is NULL when the last element was handed out. */
struct rhb_token_list {
    const char *next;
    const char *end;
    const char *token;
    size_t len;
};

static inline bool rhb_is_ows(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Moves token and len to the next element; false when there is none. */
static inline bool rhb_token_next(struct rhb_token_list *list)
{
    if (list->next == NULL)
        return false;
    const char *start = list->next;
    const char *comma = memchr(start, ',', (size_t)(list->end - start));
    const char *stop = comma ? comma : list->end;
    list->next = comma ? comma + 1 : NULL;
    while (start < stop && rhb_is_ows(*start))
        start++;
    while (start < stop && rhb_is_ows(stop[-1]))
        stop--;
    list->token = start;
    list->len = (size_t)(stop - start);
    return true;
}

#endif
