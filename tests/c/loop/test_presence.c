/* csrc/loop/presence.c: threads and the mover are never in the loop together. */
#include "harness.h"
#include "loop/presence.h"
#include <pthread.h>
#include <sched.h>

enum { THREADS = 3, ROUNDS = 20000, STAYS = 500 /* longer than a thread spins */ };

struct shared {
    _Atomic uint32_t presence;
    uint64_t moves; /* not atomic: presence protects it */
    uint64_t of_thread[THREADS], rounds[THREADS];
    atomic_bool came_in, moved, ended;
    _Atomic int next, disturbed;
};

static void *enter_once(void *argument)
{
    struct shared *shared = argument;
    rhb_presence_enter(&shared->presence);
    atomic_store(&shared->came_in, true);
    rhb_presence_leave(&shared->presence);
    return NULL;
}

static void a_thread_waits_until_the_mover_has_left(struct rhb_test *t)
{
    struct shared shared = {0};
    pthread_t thread;
    CHECK(rhb_presence_mover_enters(&shared.presence));
    CHECK(!rhb_presence_is_wanted(&shared.presence));
    CHECK_INT(pthread_create(&thread, NULL, enter_once, &shared), 0);
    while (!rhb_presence_is_wanted(&shared.presence))
        sched_yield();
    for (int i = 0; i < STAYS; i++)
        sched_yield();
    CHECK(!atomic_load(&shared.came_in));
    rhb_presence_mover_leaves(&shared.presence);
    pthread_join(thread, NULL);
    CHECK(atomic_load(&shared.came_in));
    CHECK_INT(shared.presence, 0);
}

static void the_mover_enters_only_after_the_last_thread_has_left(struct rhb_test *t)
{
    _Atomic uint32_t presence = 0;
    rhb_presence_enter(&presence);
    rhb_presence_enter(&presence);
    CHECK(!rhb_presence_mover_enters(&presence));
    rhb_presence_leave(&presence);
    CHECK(!rhb_presence_mover_enters(&presence));
    rhb_presence_leave(&presence);
    CHECK(rhb_presence_mover_enters(&presence));
    CHECK(!rhb_presence_mover_enters(&presence));
    rhb_presence_mover_leaves(&presence);
    CHECK_INT(presence, 0);
}

static void stay_once(struct shared *shared, int own, bool long_enough_for_others)
{
    rhb_presence_enter(&shared->presence);
    uint64_t moves = shared->moves;
    shared->of_thread[own]++;
    if (long_enough_for_others)
        sched_yield();
    if (shared->moves != moves)
        atomic_fetch_add(&shared->disturbed, 1);
    shared->rounds[own]++;
    rhb_presence_leave(&shared->presence);
}

static void *run_thread(void *argument)
{
    struct shared *shared = argument;
    int own = atomic_fetch_add(&shared->next, 1);
    for (int round = 0; round < ROUNDS; round++)
        stay_once(shared, own, round % 64 == 0);
    /* On a busy machine the mover may not have run; it finds threads that wait outside. */
    while (!atomic_load(&shared->moved)) {
        sched_yield();
        stay_once(shared, own, false);
    }
    return NULL;
}

static void *run_mover(void *argument)
{
    struct shared *shared = argument;
    while (!atomic_load(&shared->ended)) {
        if (!rhb_presence_mover_enters(&shared->presence))
            continue;
        shared->moves++;
        for (int i = 0; i < THREADS; i++)
            shared->of_thread[i]++;
        for (int i = 0; shared->moves % 64 == 0 && i < STAYS; i++)
            sched_yield();
        rhb_presence_mover_leaves(&shared->presence);
        atomic_store(&shared->moved, true);
    }
    return NULL;
}

static void under_load_nothing_is_changed_by_both(struct rhb_test *t)
{
    static struct shared shared;
    pthread_t threads[THREADS], mover;
    CHECK_INT(pthread_create(&mover, NULL, run_mover, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, run_thread, &shared), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&shared.ended, true);
    pthread_join(mover, NULL);
    CHECK_INT(shared.disturbed, 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_INT(shared.of_thread[i], shared.rounds[i] + shared.moves);
    CHECK_INT(shared.presence, 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_thread_waits_until_the_mover_has_left),
        RHB_CASE(the_mover_enters_only_after_the_last_thread_has_left),
        RHB_CASE(under_load_nothing_is_changed_by_both),
    };
    return RHB_RUN(cases);
}
