#include "handover.h"
#include "intake.h"
#include "parking.h"

int rhb_hand_over(struct rhb_loop *loop, struct rhb_conn *conn)
{
    /* Hang-ups are reported whether they are asked for or not: at most once, by EPOLLET. */
    struct epoll_event nothing = {.events = EPOLLET, .data.ptr = conn};
    int fd = conn->fd;
    if (conn->registered) {
        epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &nothing);
        conn->wants_write = true; /* not what parking wants: it asks anew */
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
