/* Answers out of stored responses: the head with Age and Cache-Status, or that of a 304, 206 or
 * 416, and the body. */
#ifndef RHB_CACHE_MAKING_H
#define RHB_CACHE_MAKING_H

#include "cache.h"
#include "http/content.h"

/* What is made of a stored response. The caller sets the first part. */
struct rhb_making {
    struct rhb_cache *cache;
    const struct rhb_asked *asked;
    struct rhb_found *found; /* its key has been read */
    struct rhb_answer *answer;
    bool is_fresh;
    bool may_append; /* a small body may be read when the head is complete */

    struct rhb_part range; /* of the body, which is sent */
    int status;
};

/* Makes the answer to a question. age: seconds. False when the record is not there any more, or
 * there is no memory. */
bool rhb_make_answer(struct rhb_making *making, const struct rhb_question *question, uint64_t age);

#endif
