#include "balance.h"
#include "listeners.h"
#include "parcel.h"
#include <unistd.h>

enum { MOST = 64 /* connections that are given in one call */ };

static uint32_t load_of(const struct rhb_worker_score *worker)
{
    return atomic_load_explicit(&worker->staying, memory_order_relaxed) +
           atomic_load_explicit(&worker->expected, memory_order_relaxed);
}

/* The slot of the worker with the fewest connections, of those that can take some now: they wait,
 * do not stop, and can be woken. Sets *load to how many it has. SIZE_MAX when there is none. */
static size_t emptiest(const struct rhb_channel *channel, uint32_t *load)
{
    size_t found = SIZE_MAX;
    for (size_t slot = 0; slot < channel->n_wake; slot++) {
        const struct rhb_worker_score *worker = rhb_channel_worker(channel, slot);
        if (slot == channel->own || !atomic_load_explicit(&worker->waiting, memory_order_acquire) ||
            !atomic_load_explicit(&worker->accepts, memory_order_relaxed))
            continue;
        uint32_t has = load_of(worker);
        if (found == SIZE_MAX || has < *load) {
            found = slot;
            *load = has;
        }
    }
    return found;
}

/* The connection that has been parked last; NULL: none. */
static struct rhb_conn *last_parked(struct rhb_loop *loop, enum rhb_conn_state state)
{
    struct rhb_link *head = &loop->parked[state];
    return rhb_list_empty(head) ? NULL : (struct rhb_conn *)head->prev;
}

/* Sends one to this slot, and wakes its worker. */
static bool give(struct rhb_loop *loop, struct rhb_conn *conn, size_t slot)
{
    const struct rhb_channel *channel = loop->channel;
    _Atomic uint32_t *expected = &rhb_channel_worker(channel, slot)->expected;
    uint64_t one = 1;
    rhb_count(expected); /* first: the worker may take it at once */
    rhb_count(channel->in_surplus);
    if (rhb_parcel_send(loop, conn, &channel->surplus) != RHB_PARCEL_OK) {
        atomic_fetch_sub_explicit(expected, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(channel->in_surplus, 1, memory_order_relaxed);
        return false;
    }
    rhb_count(&loop->worker->given);
    loop->board->balanced++;
    return write(channel->wake[slot], &one, sizeof one) == sizeof one;
}

void rhb_balance(struct rhb_loop *loop, bool silent_too)
{
    uint32_t load = 0;
    if (loop->channel == NULL || loop->stopping)
        return;
    if (loop->has_grown)
        rhb_listeners_to_the_back(loop);
    loop->has_grown = false;
    for (int given = 0; given < MOST; given++) {
        size_t slot = emptiest(loop->channel, &load);
        if (slot == SIZE_MAX || loop->registered <= (size_t)load + 1)
            return;
        struct rhb_conn *conn = last_parked(loop, RHB_CONN_IDLE);
        if (conn == NULL && silent_too)
            conn = last_parked(loop, RHB_CONN_FRESH);
        if (conn == NULL || !give(loop, conn, slot))
            return;
    }
}
