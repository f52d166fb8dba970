#define _GNU_SOURCE
#include "listeners.h"
#include "capacity.h"
#include "parking.h"
#include "transfers.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE (100 * RHB_NS_PER_MS)

/* With a blocking listener accept4 would sleep when another worker has accepted the connection. */
static void make_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && !(flags & O_NONBLOCK))
        fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

bool rhb_listeners_arm(struct rhb_loop *loop)
{
    int error = 0;
    for (size_t i = 0; i < loop->n_listeners; i++) {
        struct rhb_listener *listener = &loop->listeners[i];
        struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE,
                                    .data.u64 = (uint64_t)(uintptr_t)listener | RHB_TAG_LISTENER};
        if (listener->armed)
            continue;
        make_nonblocking(listener->fd);
        listener->armed = epoll_ctl(loop->epoll, EPOLL_CTL_ADD, listener->fd, &event) == 0;
        if (!listener->armed && (error == 0 || error == EBADF))
            error = errno;
    }
    errno = error;
    return error == 0;
}

void rhb_listeners_disarm(struct rhb_loop *loop)
{
    for (size_t i = 0; i < loop->n_listeners; i++) {
        struct rhb_listener *listener = &loop->listeners[i];
        if (listener->armed)
            epoll_ctl(loop->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
        listener->armed = listener->burst = false;
    }
}

void rhb_listeners_to_the_back(struct rhb_loop *loop)
{
    if (loop->accept_again_at != 0)
        return; /* they are not in epoll */
    rhb_listeners_disarm(loop);
    if (!rhb_listeners_arm(loop) && errno != EBADF)
        loop->accept_again_at = rhb_now_coarse() + ACCEPT_PAUSE;
}

/* It does not listen any more, and epoll would report that for ever. */
static void forget(struct rhb_loop *loop, struct rhb_listener *listener)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
    listener->armed = listener->ready = listener->burst = false;
}

void rhb_listeners_reported(struct rhb_loop *loop, struct rhb_listener *listener, uint32_t events)
{
    if (events & EPOLLHUP) {
        forget(loop, listener);
        return;
    }
    listener->ready = true;
    if (loop->woke_at_once && !loop->stopping)
        listener->burst = true;
}

bool rhb_listeners_ready(const struct rhb_loop *loop)
{
    for (size_t i = 0; i < loop->n_listeners; i++)
        if (loop->listeners[i].ready)
            return true;
    return false;
}

static void note_peer(struct rhb_peer *peer, const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        peer->family = AF_INET;
        peer->port = ntohs(v4->sin_port);
        peer->address.v4 = v4->sin_addr;
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        peer->family = AF_INET6;
        peer->port = ntohs(v6->sin6_port);
        peer->address.v6 = v6->sin6_addr;
    }
}

/* In a final stop: whether connections of the queues remain to be accepted. */
static bool has_to_accept(const struct rhb_loop *loop, uint64_t now)
{
    bool any = false;
    for (size_t i = 0; i < loop->n_listeners; i++)
        any |= loop->listeners[i].to_accept > 0;
    return any && now < loop->accept_until;
}

/* The listeners leave epoll, which would report them for ever, and would wake this worker for
 * connections that another one could serve. In a stop accepting goes on only if connections remain
 * to be accepted. */
void rhb_listeners_pause(struct rhb_loop *loop)
{
    uint64_t now = rhb_now_coarse();
    rhb_listeners_disarm(loop);
    rhb_transfers_disarm(loop);
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = false;
    if (!loop->stopping || has_to_accept(loop, now))
        loop->accept_again_at = now + ACCEPT_PAUSE;
}

void rhb_listeners_make_capacity(struct rhb_loop *loop)
{
    struct rhb_conn *evicted = rhb_capacity_evictable(loop);
    if (evicted != NULL)
        rhb_conn_close(loop, evicted);
    else
        rhb_listeners_pause(loop);
}

/* In a final stop: counts one accept. Whether another one is to follow. */
static bool must_accept_more(const struct rhb_loop *loop, struct rhb_listener *listener)
{
    if (listener->to_accept == 0)
        return false;
    listener->to_accept--;
    return rhb_now_coarse() < loop->accept_until;
}

/* EAGAIN is usual: the client has gone, or another worker has accepted its connection. */
static void accept_failed(struct rhb_loop *loop, struct rhb_listener *listener, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        rhb_listeners_make_capacity(loop);
        break;
    case EAGAIN:
        listener->ready = listener->burst = false;
        listener->to_accept = 0;
        break;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP: /* not a listener any more */
        forget(loop, listener);
        break;
    default: /* accept(2): an error of this connection; the next one may be good */
        listener->ready = listener->burst || must_accept_more(loop, listener);
        break;
    }
}

static struct rhb_conn *accept_from(struct rhb_loop *loop, struct rhb_listener *listener)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    bool wants_peer = !listener->is_unix;
    address.ss_family = AF_UNSPEC;
    int fd = accept4(listener->fd, wants_peer ? (struct sockaddr *)&address : NULL,
                     wants_peer ? &len : NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        accept_failed(loop, listener, errno);
        return NULL;
    }
    struct rhb_conn *conn = rhb_conn_new(loop, fd);
    if (conn == NULL) {
        close(fd);
        rhb_listeners_make_capacity(loop);
        return NULL;
    }
    loop->board->accepted++;
    conn->listener = (uint8_t)(listener - loop->listeners);
    if (wants_peer)
        note_peer(&conn->peer, &address);
    if (loop->options.proxy_versions != 0 &&
        rhb_peer_is_allowed(&loop->options.proxy_allowed, &conn->peer))
        conn->expected = RHB_EXPECT_PROXY;
    listener->ready = listener->burst || must_accept_more(loop, listener);
    return conn;
}

static struct rhb_conn *accept_next(struct rhb_loop *loop)
{
    for (size_t tried = 0; tried < loop->n_listeners; tried++) {
        struct rhb_listener *listener = &loop->listeners[loop->next_listener];
        if (++loop->next_listener == loop->n_listeners)
            loop->next_listener = 0;
        if (listener->ready)
            return accept_from(loop, listener);
    }
    return NULL;
}

/* Closes one connection for the new one, but only once the new one has been accepted: another
 * worker may have accepted it. */
static struct rhb_conn *accept_when_full(struct rhb_loop *loop)
{
    struct rhb_conn *evicted = rhb_capacity_evictable(loop), *conn;
    if (evicted == NULL) {
        rhb_listeners_pause(loop);
        return NULL;
    }
    conn = accept_next(loop);
    if (conn != NULL)
        rhb_conn_close(loop, evicted);
    return conn;
}

void rhb_listeners_pause_if_full(struct rhb_loop *loop)
{
    if (rhb_capacity_is_full(loop) && !rhb_capacity_has_evictable(loop))
        rhb_listeners_pause(loop);
}

struct rhb_conn *rhb_listeners_accept(struct rhb_loop *loop)
{
    struct rhb_conn *conn = rhb_capacity_is_full(loop) ? accept_when_full(loop) : accept_next(loop);
    if (conn != NULL)
        rhb_listeners_pause_if_full(loop);
    return conn;
}

void rhb_listeners_tick(struct rhb_loop *loop, uint64_t now)
{
    if (loop->stopping)
        return;
    if (loop->accept_again_at != 0 && now >= loop->accept_again_at) {
        bool can_accept = !rhb_capacity_is_full(loop) || rhb_capacity_has_evictable(loop);
        /* EBADF: some are closed, and trying again would not help */
        bool armed =
            can_accept && rhb_transfers_arm(loop) && (rhb_listeners_arm(loop) || errno == EBADF);
        loop->accept_again_at = armed ? 0 : now + ACCEPT_PAUSE;
    }
    for (size_t i = 0; i < loop->n_listeners; i++) {
        if (!loop->listeners[i].armed)
            continue;
        make_nonblocking(loop->listeners[i].fd);
        loop->listeners[i].ready = true;
    }
}
