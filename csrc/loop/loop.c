/* Making and freeing a loop. */
#include "loop.h"
#include "listeners.h"
#include "mover.h"
#include "parcel.h"
#include "parking.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static bool register_wakeup(struct rhb_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = RHB_TAG_WAKEUP};
    return loop->wakeup < 0 || epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->wakeup, &event) == 0;
}

static bool allocate(struct rhb_loop *loop, const struct rhb_listener *listeners, size_t count)
{
    loop->lane = rhb_loop_add_lane(loop);
    loop->listeners = calloc(count ? count : 1, sizeof *listeners);
    if (!loop->lane || !loop->listeners)
        return false;
    memcpy(loop->listeners, listeners, count * sizeof *listeners);
    loop->n_listeners = count;
    return true;
}

static void init_lists(struct rhb_loop *loop)
{
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        rhb_list_init(&loop->parked[state]);
    rhb_list_init(&loop->ready);
    rhb_list_init(&loop->awaiting_turn);
    rhb_list_init(&loop->spare);
    rhb_list_init(&loop->closed_in_sleep);
    rhb_list_init(&loop->moved);
}

struct rhb_loop *rhb_loop_new(const struct rhb_loop_options *options,
                              const struct rhb_listener *listeners, size_t n_listeners, int wakeup)
{
    if (n_listeners > RHB_MAX_LISTENERS) {
        errno = EINVAL;
        return NULL;
    }
    struct rhb_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->options = *options;
    if (options->max_connections == 0)
        loop->options.max_connections = UINT32_MAX;
    loop->wakeup = wakeup;
    loop->pid = getpid();
    loop->grace_credit = RHB_GRACE_CREDIT;
    loop->worker = &loop->no_worker;
    loop->board = &loop->no_board;
    loop->timed = true;
    init_lists(loop);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0 || !allocate(loop, listeners, n_listeners) || !register_wakeup(loop) ||
        !rhb_listeners_arm(loop)) {
        int error = errno;
        rhb_loop_free(loop);
        errno = error;
        return NULL;
    }
    return loop;
}

static void close_all(struct rhb_loop *loop, struct rhb_link *head)
{
    while (!rhb_list_empty(head))
        rhb_conn_close(loop, (struct rhb_conn *)head->next);
}

static void free_lanes(struct rhb_loop *loop)
{
    while (loop->lanes != NULL) {
        struct rhb_lane *lane = loop->lanes;
        rhb_loop_enter(loop, lane);
        if (lane->current != NULL)
            rhb_loop_abort(loop, lane->current);
        loop->lanes = lane->next;
        rhb_lane_free(lane);
    }
}

void rhb_loop_free(struct rhb_loop *loop)
{
    if (loop == NULL)
        return;
    rhb_mover_stop(loop);
    if (loop->in_grace != NULL)
        rhb_conn_close(loop, loop->in_grace);
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        close_all(loop, &loop->parked[state]);
    close_all(loop, &loop->ready);
    close_all(loop, &loop->awaiting_turn);
    rhb_channel_part(loop);
    free_lanes(loop);
    rhb_parcel_free_moved(loop);
    rhb_parking_free_closed(loop);
    rhb_cache_free(loop->cache);
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->listeners);
    free(loop);
}

void rhb_loop_forked(struct rhb_loop *loop)
{
    rhb_channel_part(loop); /* it has descriptors of the same epoll */
    close(loop->epoll);
    loop->epoll = -1;
    loop->forked = true;
    loop->mover = NULL; /* its thread is in the parent only */
    atomic_store(&loop->mover_sleeps, false);
    atomic_store(&loop->presence, 0);
}
