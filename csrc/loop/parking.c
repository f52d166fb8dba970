#include "parking.h"
#include "answers.h"
#include "base/live.h"
#include "caching.h"
#include "socket_io.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE_CONNECTIONS = 256 /* closed connections whose memory is kept at most */ };

struct rhb_conn *rhb_conn_new(struct rhb_loop *loop, int fd)
{
    struct rhb_conn *conn;
    if (!rhb_list_empty(&loop->spare)) {
        conn = (struct rhb_conn *)loop->spare.next;
        rhb_list_remove(&conn->link);
        loop->n_spare--;
    } else if ((conn = malloc(sizeof *conn)) == NULL) {
        return NULL;
    }
    *conn = (struct rhb_conn){.fd = fd, .state = RHB_CONN_BUSY};
    loop->open++;
    RHB_LIVE_BORN(RHB_LIVE_CONNECTION);
    return conn;
}

/* Events of this connection that are already in loop->events must not be handled any more. */
static void forget_events(struct rhb_loop *loop, const struct rhb_conn *conn)
{
    for (int i = loop->at_event; i < loop->n_events; i++)
        if (loop->events[i].data.ptr == conn)
            loop->events[i].data.ptr = NULL;
}

void rhb_conn_recycle(struct rhb_loop *loop, struct rhb_conn *conn)
{
    if (loop->n_spare < SPARE_CONNECTIONS) {
        rhb_list_push(&loop->spare, &conn->link);
        loop->n_spare++;
    } else {
        free(conn);
    }
}

/* Out of its list and out of epoll, and the descriptor is closed. */
static void take_out(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_list_remove(&conn->link);
    loop->n_parked[conn->state]--;
    if (conn->registered) {
        /* close(2) alone would leave it in epoll while another process holds it too */
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, conn->fd, NULL);
        loop->registered--;
        forget_events(loop, conn);
    }
    if (conn->shared)
        shutdown(conn->fd, SHUT_RDWR); /* close(2) would not end it: the application has a copy */
    close(conn->fd);
    if (loop->accept_again_at != 0)
        loop->accept_again_at = 1; /* there is capacity again: at once */
    loop->open--;
    RHB_LIVE_DEAD(RHB_LIVE_CONNECTION);
}

void rhb_conn_close(struct rhb_loop *loop, struct rhb_conn *conn)
{
    bool may_have_event = conn->registered && loop->sleeping;
    take_out(loop, conn);
    if (conn->sending != NULL)
        rhb_sending_drop(loop, conn);
    if (conn->filling != NULL)
        rhb_caching_drop(loop, conn);
    rhb_conn_drop_request(conn, &loop->freed);
    if (may_have_event)
        rhb_list_push(&loop->closed_in_sleep, &conn->link);
    else
        rhb_conn_recycle(loop, conn);
}

void rhb_conn_disown(struct rhb_loop *loop, struct rhb_conn *conn)
{
    take_out(loop, conn);
    rhb_conn_drop_input(conn);
    if (conn->incoming != NULL)
        rhb_list_push(&loop->moved, &conn->link);
    else
        rhb_conn_recycle(loop, conn);
}

void rhb_parking_forget_closed(struct rhb_loop *loop, int n_events)
{
    loop->at_event = 0;
    loop->n_events = n_events > 0 ? n_events : 0;
    while (!rhb_list_empty(&loop->closed_in_sleep)) {
        struct rhb_conn *conn = (struct rhb_conn *)loop->closed_in_sleep.next;
        rhb_list_remove(&conn->link);
        forget_events(loop, conn);
        rhb_conn_recycle(loop, conn);
    }
}

static void free_links(struct rhb_link *head)
{
    while (!rhb_list_empty(head)) {
        struct rhb_link *link = head->next;
        rhb_list_remove(link);
        free(link);
    }
}

void rhb_parking_free_closed(struct rhb_loop *loop)
{
    free_links(&loop->spare);
    free_links(&loop->closed_in_sleep);
}

/* Edge-triggered: most connections need only one epoll_ctl in their life. EPOLLOUT is watched only
 * while a response waits. */
bool rhb_watch(struct rhb_loop *loop, struct rhb_conn *conn, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET,
                                .data.ptr = conn};
    if (write)
        event.events |= EPOLLOUT;
    int op = conn->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll, op, conn->fd, &event) < 0)
        return false;
    if (!conn->registered) {
        loop->registered++;
        loop->has_grown = true;
    }
    conn->registered = true;
    conn->wants_write = write;
    if (write)
        conn->unsent = rhb_unsent(conn->fd);
    return true;
}

bool rhb_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state)
{
    bool parked = rhb_try_park(loop, conn, state);
    if (!parked)
        rhb_conn_close(loop, conn);
    return parked;
}

bool rhb_try_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state)
{
    bool write = state == RHB_CONN_SEND;
    rhb_unpark(loop, conn);
    if ((write || !conn->registered || conn->wants_write) && !rhb_watch(loop, conn, write))
        return false;
    conn->state = (uint8_t)state;
    conn->deadline = rhb_now_coarse() + loop->options.timeouts[state];
    rhb_list_push(&loop->parked[state], &conn->link);
    loop->n_parked[state]++;
    return true;
}

bool rhb_park_until(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state,
                    uint64_t deadline)
{
    if (!rhb_try_park(loop, conn, state))
        return false;
    struct rhb_link *head = &loop->parked[state], *behind = conn->link.prev;
    rhb_list_remove(&conn->link);
    while (behind != head && ((struct rhb_conn *)behind)->deadline > deadline)
        behind = behind->prev;
    conn->deadline = deadline;
    rhb_list_push(behind->next, &conn->link); /* in front of that one */
    return true;
}

void rhb_park_again(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_list_remove(&conn->link);
    conn->deadline = rhb_now_coarse() + loop->options.timeouts[conn->state];
    rhb_list_push(&loop->parked[conn->state], &conn->link);
}

void rhb_unpark(struct rhb_loop *loop, struct rhb_conn *conn)
{
    rhb_list_remove(&conn->link);
    loop->n_parked[conn->state]--;
    conn->state = RHB_CONN_BUSY;
}

void rhb_make_ready(struct rhb_loop *loop, struct rhb_conn *conn)
{
    conn->state = RHB_CONN_READY;
    conn->ready_since = loop->read_at;
    conn->seen = false;
    rhb_list_push(&loop->ready, &conn->link);
}

uint64_t rhb_parking_earliest(const struct rhb_loop *loop)
{
    uint64_t earliest = UINT64_MAX;
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++) {
        const struct rhb_link *head = &loop->parked[state];
        if (rhb_list_empty(head))
            continue;
        uint64_t deadline = ((const struct rhb_conn *)head->next)->deadline;
        if (deadline < earliest)
            earliest = deadline;
    }
    return earliest;
}
