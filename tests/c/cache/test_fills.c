/* csrc/cache/fills.c: claims and those who wait for them. */
#include "cache/fills.h"
#include "harness.h"
#include <pthread.h>
#include <stdlib.h>

#define HASH UINT64_C(0x1234567890ab0000)

static struct rhb_fills *new_fills(void)
{
    return calloc(1, sizeof(struct rhb_fills));
}

static void one_asks_and_others_wait(struct rhb_test *t)
{
    struct rhb_fills *fills = new_fills();
    struct rhb_fill mine, other;
    CHECK_INT(rhb_fills_claim(fills, HASH, 0, &mine), RHB_CLAIM_MINE);
    CHECK_INT(rhb_fills_claim(fills, HASH, 1, &other), RHB_CLAIM_OTHER);
    CHECK(rhb_fills_await(fills, &other, 1));
    CHECK(rhb_fills_await(fills, &other, 66));
    CHECK(rhb_fills_stands(fills, &other));
    CHECK_INT(rhb_fills_end(fills, &mine, true), 1 << 1 | 1 << 2);
    CHECK(!rhb_fills_stands(fills, &other));
    CHECK(!rhb_fills_was_refused(fills, &other));
    CHECK(!rhb_fills_await(fills, &other, 1)); /* too late: it looks again at once */
    CHECK_INT(rhb_fills_claim(fills, HASH, 1, &other), RHB_CLAIM_MINE);
    CHECK_INT(rhb_fills_end(fills, &other, false), 1 << 1);
    CHECK(rhb_fills_was_refused(fills, &other));
    free(fills);
}

static void other_hashes_have_claims_of_their_own(struct rhb_test *t)
{
    struct rhb_fills *fills = new_fills();
    struct rhb_fill fill;
    int mine = 0, none = 0;
    for (uint64_t i = 0; i < 2 * RHB_FILL_PROBES; i++) { /* with the same place */
        enum rhb_claiming got = rhb_fills_claim(fills, HASH + (i << 40), 0, &fill);
        mine += got == RHB_CLAIM_MINE;
        none += got == RHB_CLAIM_NONE;
    }
    CHECK_INT(mine, RHB_FILL_PROBES);
    CHECK_INT(none, RHB_FILL_PROBES);
    free(fills);
}

static void the_claims_of_a_dead_owner_end(struct rhb_test *t)
{
    struct rhb_fills *fills = new_fills();
    struct rhb_fill dead, alive, waiting;
    rhb_fills_claim(fills, HASH, 3, &dead);
    rhb_fills_claim(fills, HASH + (1 << 20), 4, &alive);
    CHECK_INT(rhb_fills_claim(fills, HASH, 5, &waiting), RHB_CLAIM_OTHER);
    CHECK(rhb_fills_await(fills, &waiting, 5));
    CHECK_INT(rhb_fills_end_owner(fills, 3), 1 << 5);
    CHECK(!rhb_fills_stands(fills, &waiting));
    CHECK(!rhb_fills_was_refused(fills, &waiting));
    CHECK(rhb_fills_stands(fills, &alive));
    CHECK_INT(rhb_fills_end(fills, &dead, true), 0); /* if it was not dead after all */
    free(fills);
}

/* ---- threads ---- */

enum { ROUNDS = 3000, LOOPS = 4 };

struct racer {
    struct rhb_fills *fills;
    size_t owner;
    _Atomic uint64_t *woken;
    _Atomic unsigned *asked;
    int stuck;
};

/* Claims, or waits until it is woken or sees that the claim has ended. */
static void *race(void *argument)
{
    struct racer *racer = argument;
    struct rhb_fill fill;
    for (uint64_t i = 0; i < ROUNDS; i++) {
        uint64_t hash = HASH + (i % 3 << 30);
        enum rhb_claiming got = rhb_fills_claim(racer->fills, hash, racer->owner, &fill);
        if (got == RHB_CLAIM_MINE) {
            atomic_fetch_add(racer->asked, 1);
            atomic_fetch_or(racer->woken, rhb_fills_end(racer->fills, &fill, true));
            continue;
        }
        if (got == RHB_CLAIM_NONE)
            continue;
        uint64_t bit = UINT64_C(1) << racer->owner;
        while (rhb_fills_await(racer->fills, &fill, racer->owner)) {
            long spins = 0; /* it says that it waits once more only after it was woken */
            while (!(atomic_fetch_and(racer->woken, ~bit) & bit) && ++spins < 400000000)
                ;
            if (spins == 400000000) {
                racer->stuck++;
                return NULL;
            }
        }
    }
    return NULL;
}

static void nobody_who_waits_is_forgotten(struct rhb_test *t)
{
    struct rhb_fills *fills = new_fills();
    _Atomic uint64_t woken = 0;
    _Atomic unsigned asked = 0;
    struct racer racers[LOOPS];
    pthread_t threads[LOOPS];
    for (size_t i = 0; i < LOOPS; i++) {
        racers[i] = (struct racer){fills, i, &woken, &asked, 0};
        pthread_create(&threads[i], NULL, race, &racers[i]);
    }
    for (size_t i = 0; i < LOOPS; i++) {
        pthread_join(threads[i], NULL);
        CHECK_INT(racers[i].stuck, 0);
    }
    CHECK(atomic_load(&asked) > 0);
    free(fills);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(one_asks_and_others_wait),
        RHB_CASE(other_hashes_have_claims_of_their_own),
        RHB_CASE(the_claims_of_a_dead_owner_end),
        RHB_CASE(nobody_who_waits_is_forgotten),
    };
    return RHB_RUN(cases);
}
