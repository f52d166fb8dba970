/* A copy of a request head, for the access log: a suspended response is logged when the buffer of
 * its request is used again. */
#ifndef RHB_SAVED_HEAD_H
#define RHB_SAVED_HEAD_H

#include "picohttpparser/strict.h"

/* Copies the head into one block, to be freed with free(3); NULL when there is no memory. Method,
 * space and target are adjacent, as in the request. */
struct phr_request_head *rhb_head_save(const struct phr_request_head *head);

#endif
