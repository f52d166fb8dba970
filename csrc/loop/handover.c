#include "handover.h"
#include "intake.h"
#include "lingering.h"

int rhb_hand_over(struct rhb_loop *loop, struct rhb_conn *conn)
{
    /* epoll always reports hang-ups; with EPOLLET it does so at most once. */
    struct epoll_event nothing = {.events = EPOLLET, .data.ptr = conn};
    int fd = conn->fd;
    if (conn->registered) {
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &nothing);
        conn->wants_write = true; /* so that parking, whatever the state, asks epoll anew */
    }
    conn->fd = -1;
    return fd;
}

void rhb_hand_over_end(struct rhb_loop *loop, struct rhb_conn *conn, bool shared)
{
    rhb_intake_finish(loop, conn, false);
    conn->shared = shared;
    rhb_conn_linger(loop, conn);
}
