/* The elements of a comma-separated field value (RFC 9110 section 5.6.1), without the white space
 * around them. Empty elements are returned too: each field has its own rule about them. */
#ifndef RHB_TOKEN_LIST_H
#define RHB_TOKEN_LIST_H

#include "field_name.h"

/* To start, set next and end to those of the value. next is NULL after the last element. */
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

/* Sets token and len to the next element; false when there is none. */
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
