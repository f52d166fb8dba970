/* A request head that outlives its buffer: for the access log of a response that is finished later.
 */
#ifndef RHB_SAVED_HEAD_H
#define RHB_SAVED_HEAD_H

#include "picohttpparser/strict.h"

/* A copy in one block, to be freed with free(3); NULL when there is no memory. Method and target
 * stand there as in the request, with a space between. */
struct phr_request_head *rhb_head_save(const struct phr_request_head *head);

#endif
