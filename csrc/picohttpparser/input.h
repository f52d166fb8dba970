/* What every parsing function works on: the bytes, and where and why it stopped. Included by the
 * parse_*.c files, each of which says first what PHR_TARGET_ATTRIBUTE its instruction set needs and
 * how many bytes its scanners need at least, PHR_LEAST_INPUT; the scalar twin takes over what is
 * shorter. */
#ifndef RHB_PHR_INPUT_H
#define RHB_PHR_INPUT_H

#include "strict.h"
#include <stdbool.h>

/* The core is inlined whole into the entry points of its twin, so that the scanners run without
 * calls. */
#define PHR_INLINE static inline __attribute__((always_inline)) PHR_TARGET_ATTRIBUTE
/* What is off the path of a good request. */
#define PHR_COLD static __attribute__((noinline, cold)) PHR_TARGET_ATTRIBUTE

#define PHR_LIKELY(x) __builtin_expect(!!(x), 1)
#define PHR_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Functions that parse return the new cursor, or NULL with result and past set. The struct stays
 * local to an entry point and never goes to a function that is not inlined, so that it lives in
 * registers. */
struct phr_input {
    const char *base;
    const char *end;
    struct phr_header *field; /* the next one to fill */
    const struct phr_header *last_field;
    /* Vector twins: the window of text seen last, and its bytes that are not PHR_TEXT. */
    const char *window;
    uint64_t stops;
    int result;       /* PHR_INCOMPLETE, PHR_BAD, PHR_BAD_VERSION ... */
    const char *past; /* behind the byte that decided it: any shorter input is incomplete */
};

PHR_INLINE const char *phr_refuse(struct phr_input *in, int result, const char *at)
{
    in->result = result;
    in->past = at + 1;
    return NULL;
}

PHR_INLINE const char *phr_starve(struct phr_input *in)
{
    in->result = PHR_INCOMPLETE;
    in->past = in->end;
    return NULL;
}

/* What an input says that ends before its first word; num_fields is still the capacity. */
PHR_INLINE void phr_clear_request(struct phr_request_head *head)
{
    head->method = head->target = NULL;
    head->method_len = head->target_len = 0;
    head->minor_version = -1;
}

#endif
