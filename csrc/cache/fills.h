/* Which answers the application is being asked for, so that others who want the same wait for one.
 * Shared by all loops of a generation. A claim is one word: the one who owns it, and a part of the
 * hash of what it asks for. It is taken and given back by one atomic operation, so it cannot be
 * half taken; and what a killed worker has claimed, its master gives back (rhb_fills_end_owner).
 *
 * A loop that waits sets its bit, looks whether the claim still stands, and only then waits. The
 * owner ends the claim and then takes the bits. So one of the two sees the other (both use the one
 * order of seq_cst). */
#ifndef RHB_CACHE_FILLS_H
#define RHB_CACHE_FILLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RHB_FILLS = 1024,    /* claims at a time */
    RHB_FILL_PROBES = 8, /* that one hash can have */
    RHB_FILL_OWNERS = 0xffff
};

struct rhb_fill_claim {
    _Atomic uint64_t word;    /* hash without its low 16 bits, and the owner from 1 on; 0: free */
    _Atomic uint64_t waiters; /* loops that wait for it: bit number % 64 */
    _Atomic uint64_t refused; /* the hash, likewise, of the last one whose answer was not stored */
    uint64_t reserved;
};

struct rhb_fills {
    struct rhb_fill_claim claims[RHB_FILLS];
};

enum rhb_claiming {
    RHB_CLAIM_MINE,  /* the caller asks the application, and ends the claim */
    RHB_CLAIM_OTHER, /* somebody else does: rhb_fills_await */
    RHB_CLAIM_NONE   /* there is no space: the caller asks without a claim */
};

/* A claim that was found or made. */
struct rhb_fill {
    uint32_t index;
    uint64_t word;
};

/* owner: of the caller's loop, from 0 on. */
enum rhb_claiming rhb_fills_claim(struct rhb_fills *fills, uint64_t hash, size_t owner,
                                  struct rhb_fill *fill);

/* The loop of this owner waits from now on. False when the claim has ended meanwhile. */
bool rhb_fills_await(struct rhb_fills *fills, const struct rhb_fill *fill, size_t owner);

static inline bool rhb_fills_stands(struct rhb_fills *fills, const struct rhb_fill *fill)
{
    return atomic_load(&fills->claims[fill->index].word) == fill->word;
}

/* Whether the answer that was waited for could not be stored: the next ones need not wait. */
bool rhb_fills_was_refused(struct rhb_fills *fills, const struct rhb_fill *fill);

/* Ends a claim. Returns the loops to wake, as bits. */
uint64_t rhb_fills_end(struct rhb_fills *fills, const struct rhb_fill *fill, bool stored);

/* Ends all claims of an owner that has died. Returns the loops to wake, as bits. */
uint64_t rhb_fills_end_owner(struct rhb_fills *fills, size_t owner);

#endif
