/* The argument of every parsing function: the bytes, and where and why parsing stopped. Each
 * parse_*.c first defines PHR_TARGET_ATTRIBUTE, which its instruction set needs, and
 * PHR_LEAST_INPUT, the number of bytes that its scanners need at least; the scalar variant parses
 * shorter inputs. */
#ifndef RHB_PHR_INPUT_H
#define RHB_PHR_INPUT_H

#include "strict.h"
#include <stdbool.h>

/* All of the core is inlined into the entry points of its variant, so that scanners are not called.
 */
#define PHR_INLINE static inline __attribute__((always_inline)) PHR_TARGET_ATTRIBUTE
/* For code that a usual request does not reach. */
#define PHR_COLD static __attribute__((noinline, cold)) PHR_TARGET_ATTRIBUTE

#define PHR_LIKELY(x) __builtin_expect(!!(x), 1)
#define PHR_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Parsing functions return the new position, or NULL with result and past set. The struct is local
 * to an entry point, and is passed only to inlined functions, so that it can be kept in registers.
 */
struct phr_input {
    const char *base;
    const char *end;
    struct phr_header *field; /* the next one to fill */
    const struct phr_header *last_field;
    /* Vector variants: the last window of text, and a bit for each byte in it that is not PHR_TEXT.
     */
    const char *window;
    uint64_t stops;
    int result;       /* PHR_INCOMPLETE, PHR_BAD, PHR_BAD_VERSION ... */
    const char *past; /* behind the byte that decided result; any shorter input is incomplete */
};

PHR_INLINE const char *phr_refuse(struct phr_input *in, int result, const char *at)
{
    in->result = result;
    in->past = at + 1;
    return NULL;
}

PHR_INLINE const char *phr_need_more(struct phr_input *in)
{
    in->result = PHR_INCOMPLETE;
    in->past = in->end;
    return NULL;
}

/* The outputs for an input that ends before its first word. num_fields is still the capacity. */
PHR_INLINE void phr_clear_request(struct phr_request_head *head)
{
    head->method = head->target = NULL;
    head->method_len = head->target_len = 0;
    head->minor_version = -1;
}

#endif
