#include "transfers.h"
#include "accept_queue.h"
#include "capacity.h"
#include "listeners.h"
#include "parcel.h"
#include "parking.h"

bool rhb_transfers_arm(struct rhb_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = RHB_TAG_WAITING};
    if (loop->channel == NULL || loop->parcels.armed)
        return true;
    int fd = loop->channel->waiting.out;
    loop->parcels.armed = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
    return loop->parcels.armed;
}

void rhb_transfers_disarm(struct rhb_loop *loop)
{
    if (loop->parcels.armed)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->channel->waiting.out, NULL);
    loop->parcels.armed = loop->parcels.ready = false;
    loop->parcels.look = loop->parcels.look_at_all = false;
}

void rhb_transfers_reported(struct rhb_loop *loop)
{
    loop->parcels.ready = true;
}

/* The kernel is asked at most once in a tick of the coarse clock. */
static void ask_accept_queues(struct rhb_loop *loop)
{
    struct rhb_parcels *parcels = &loop->parcels;
    uint64_t now = rhb_now_coarse();
    if (now == parcels->asked_at)
        return;
    parcels->asked_at = now;
    parcels->accept_queues = 0;
    for (size_t i = 0; i < loop->n_listeners; i++) {
        uint32_t length =
            rhb_accept_queue_length(loop->listeners[i].fd, loop->listeners[i].is_unix);
        bool known = length != UINT32_MAX && parcels->accept_queues != UINT32_MAX;
        parcels->accept_queues = known ? parcels->accept_queues + length : UINT32_MAX;
    }
}

bool rhb_transfers_turn(struct rhb_loop *loop)
{
    struct rhb_parcels *parcels = &loop->parcels;
    ask_accept_queues(loop);
    if (!parcels->ready || parcels->accept_queues == UINT32_MAX)
        return loop->take_first;
    uint32_t both = parcels->accept_queues +
                    atomic_load_explicit(loop->channel->in_waiting, memory_order_relaxed);
    parcels->credit += parcels->accept_queues;
    if (parcels->credit < both)
        return true;
    parcels->credit = parcels->credit - both < both ? parcels->credit - both : 0;
    parcels->accept_queues -= parcels->accept_queues > 0;
    return false;
}

static void note_taken(struct rhb_loop *loop, _Atomic uint32_t *counter, _Atomic uint32_t *in_queue)
{
    rhb_count(counter);
    atomic_fetch_sub_explicit(in_queue, 1, memory_order_relaxed);
    loop->parcels.looked_last = false;
}

static struct rhb_conn *take_waiting(struct rhb_loop *loop)
{
    bool empty;
    struct rhb_conn *conn = rhb_parcel_take(loop, &loop->channel->waiting, &empty);
    if (conn != NULL)
        note_taken(loop, &loop->worker->taken, loop->channel->in_waiting);
    else if (atomic_load_explicit(loop->channel->in_waiting, memory_order_relaxed) == 0)
        empty = true; /* which is not known without a descriptor */
    loop->parcels.ready = !empty;
    if (conn == NULL && !empty)
        rhb_listeners_make_capacity(loop);
    return conn;
}

/* Parks it again: it has not even been read. */
static void park_surplus(struct rhb_loop *loop, struct rhb_conn *conn)
{
    bool parked = true;
    if (loop->stopping)
        parked = rhb_try_park(loop, conn, RHB_CONN_IDLE);
    else
        parked = rhb_park_until(loop, conn, conn->requests > 0 ? RHB_CONN_IDLE : RHB_CONN_FRESH,
                                conn->deadline);
    if (!parked)
        rhb_conn_close(loop, conn);
}

/* Takes those that others have sent to this worker, or all. */
void rhb_transfers_take_surplus(struct rhb_loop *loop)
{
    _Atomic uint32_t *expected = &loop->worker->expected;
    bool empty;
    struct rhb_conn *conn = rhb_parcel_take(loop, &loop->channel->surplus, &empty);
    if (conn == NULL) {
        /* not at each look: one that is expected may be on its way, and a wake-up follows it */
        if (empty && loop->parcels.look_at_all)
            atomic_store_explicit(expected, 0, memory_order_relaxed);
        loop->parcels.look = loop->parcels.look_at_all = false;
        return;
    }
    note_taken(loop, &loop->worker->received, loop->channel->in_surplus);
    if (atomic_load_explicit(expected, memory_order_relaxed) > 0)
        atomic_fetch_sub_explicit(expected, 1, memory_order_relaxed);
    loop->parcels.look =
        loop->parcels.look_at_all || atomic_load_explicit(expected, memory_order_relaxed) > 0;
    park_surplus(loop, conn);
}

struct rhb_conn *rhb_transfers_take(struct rhb_loop *loop)
{
    struct rhb_conn *evicted = NULL, *conn;
    if (rhb_capacity_is_full(loop) && (evicted = rhb_capacity_evictable(loop)) == NULL) {
        rhb_listeners_pause(loop);
        return NULL;
    }
    if (!loop->parcels.ready) {
        rhb_transfers_take_surplus(loop);
        return NULL;
    }
    conn = take_waiting(loop);
    if (conn != NULL && evicted != NULL)
        rhb_conn_close(loop, evicted);
    if (conn != NULL)
        rhb_listeners_pause_if_full(loop);
    return conn;
}

void rhb_transfers_tick(struct rhb_loop *loop)
{
    if (loop->channel == NULL)
        return;
    if (loop->accept_again_at == 0)
        rhb_transfers_arm(loop);
    if (loop->parcels.armed &&
        atomic_load_explicit(loop->channel->in_waiting, memory_order_relaxed) > 0)
        loop->parcels.ready = true;
    /* what is expected may have been taken by another worker */
    if (atomic_load_explicit(loop->channel->in_surplus, memory_order_relaxed) > 0 ||
        atomic_load_explicit(&loop->worker->expected, memory_order_relaxed) > 0)
        loop->parcels.look = loop->parcels.look_at_all = true;
}

bool rhb_transfers_may_be_left(struct rhb_loop *loop)
{
    if (loop->channel == NULL || loop->parcels.looked_last)
        return false;
    loop->parcels.looked_last = true;
    loop->parcels.ready = true;
    loop->parcels.look = loop->parcels.look_at_all = true;
    return true;
}
