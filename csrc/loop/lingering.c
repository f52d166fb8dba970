#define _GNU_SOURCE /* POLLRDHUP */
#include "lingering.h"
#include "parking.h"
#include "socket_io.h"
#include <poll.h>
#include <sys/socket.h>

enum { MAX_READS = 16 /* in one go; other connections come before the next */ };

/* Reads and drops input. AGAIN: there is no more for now. OK: there may be more. */
static enum rhb_io drop_input(struct rhb_loop *loop, struct rhb_conn *conn)
{
    enum rhb_io io = RHB_IO_OK;
    size_t got;
    for (int reads = 0; io == RHB_IO_OK && reads < MAX_READS; reads++)
        io = rhb_recv(conn->fd, loop->lane->buffer, RHB_READ_SIZE, &got);
    return io;
}

/* The application has a copy of the socket: its input must not be read here. Waits until the client
 * has ended its side. */
static void linger_shared(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct pollfd fd = {.fd = conn->fd, .events = POLLRDHUP};
    if (poll(&fd, 1, 0) != 0)
        rhb_conn_close(loop, conn);
    else if (conn->state != RHB_CONN_LINGER)
        rhb_park(loop, conn, RHB_CONN_LINGER);
}

void rhb_conn_linger(struct rhb_loop *loop, struct rhb_conn *conn)
{
    bool begins = conn->state != RHB_CONN_LINGER;
    if (conn->shared) {
        linger_shared(loop, conn);
        return;
    }
    if (begins) {
        rhb_conn_drop_request(conn, &loop->freed);
        if (shutdown(conn->fd, SHUT_WR) < 0) {
            rhb_conn_close(loop, conn);
            return;
        }
    }
    enum rhb_io io = drop_input(loop, conn);
    if (io == RHB_IO_EOF || io == RHB_IO_ERROR) {
        rhb_conn_close(loop, conn);
        return;
    }
    if (begins && !rhb_park(loop, conn, RHB_CONN_LINGER))
        return;
    if (io == RHB_IO_OK && !rhb_watch(loop, conn, false))
        rhb_conn_close(loop, conn);
}
