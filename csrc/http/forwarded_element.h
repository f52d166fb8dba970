/* The elements of the Forwarded field (RFC 7239 section 4). Called by forwarded.c. */
#ifndef RHB_FORWARDED_ELEMENT_H
#define RHB_FORWARDED_ELEMENT_H

#include "forwarded_list.h"

/* The parameters that we know: for, proto, host, by; quotes left out. */
struct rhb_forwarded_element {
    struct rhb_text node, proto, host, by;
};

/* Reads the last element that is left. False when nothing is left, or when it is invalid. */
bool rhb_forwarded_previous_element(struct rhb_forwarded_list *list,
                                    struct rhb_forwarded_element *element);

#endif
