#define _GNU_SOURCE
#include "listeners.h"
#include "parking.h"
#include "capacity.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPT_PAUSE (100 * RHB_NS_PER_MS)

/* A blocking listener would let accept4 sleep when another worker was faster. */
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

/* It listens no more, and epoll would say so for ever. */
static void forget(struct rhb_loop *loop, struct rhb_listener *listener)
{
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, listener->fd, NULL);
    listener->armed = listener->ready = listener->burst = false;
}

void rhb_listeners_woke(struct rhb_loop *loop, struct rhb_listener *listener, uint32_t events)
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

/* Whether there is somebody in the queues whom nobody else is going to serve. */
static bool owes(const struct rhb_loop *loop, uint64_t now)
{
    bool any = false;
    for (size_t i = 0; i < loop->n_listeners; i++)
        any |= loop->listeners[i].owed > 0;
    return any && now < loop->accept_until;
}

/* Until a connection ends, or for a while. Out of epoll, which would report the listeners for ever,
 * and wake this worker for what another one could serve. While stopping only for what is owed. */
static void pause_accepting(struct rhb_loop *loop)
{
    uint64_t now = rhb_now_coarse();
    rhb_listeners_disarm(loop);
    for (size_t i = 0; i < loop->n_listeners; i++)
        loop->listeners[i].ready = false;
    if (!loop->stopping || owes(loop, now))
        loop->accept_again_at = now + ACCEPT_PAUSE;
}

/* No descriptor or no memory for another connection. */
static void relieve(struct rhb_loop *loop)
{
    struct rhb_conn *giver = rhb_capacity_evictable(loop);
    if (giver != NULL)
        rhb_conn_close(loop, giver);
    else
        pause_accepting(loop);
}

/* One more of the queue has been dealt with: whether there is another one to be served before the
 * end. */
static bool is_owed(const struct rhb_loop *loop, struct rhb_listener *listener)
{
    if (listener->owed == 0)
        return false;
    listener->owed--;
    return rhb_now_coarse() < loop->accept_until;
}

/* The connection that waited may have gone away, or another worker was faster: both are nothing. */
static void accept_failed(struct rhb_loop *loop, struct rhb_listener *listener, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        relieve(loop);
        break;
    case EAGAIN:
        listener->ready = listener->burst = false;
        listener->owed = 0;
        break;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP: /* not a listener any more: nothing will ever come from it */
        forget(loop, listener);
        break;
    default: /* accept(2): errors of the connection itself; the next one may be good */
        listener->ready = listener->burst || is_owed(loop, listener);
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
        relieve(loop);
        return NULL;
    }
    conn->listener = (uint8_t)(listener - loop->listeners);
    if (wants_peer)
        note_peer(&conn->peer, &address);
    if (loop->options.proxy_versions != 0 &&
        rhb_peer_is_allowed(&loop->options.proxy_allowed, &conn->peer))
        conn->expected = RHB_EXPECT_PROXY;
    listener->ready = listener->burst || is_owed(loop, listener);
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

/* One comes and one goes, but nobody goes for a connection that another worker has taken. */
static struct rhb_conn *accept_when_full(struct rhb_loop *loop)
{
    struct rhb_conn *giver = rhb_capacity_evictable(loop), *conn;
    if (giver == NULL) {
        pause_accepting(loop);
        return NULL;
    }
    conn = accept_next(loop);
    if (conn != NULL)
        rhb_conn_close(loop, giver);
    return conn;
}

struct rhb_conn *rhb_listeners_accept(struct rhb_loop *loop)
{
    struct rhb_conn *conn = rhb_capacity_is_full(loop) ? accept_when_full(loop) : accept_next(loop);
    if (conn != NULL && rhb_capacity_is_full(loop) && !rhb_capacity_has_evictable(loop))
        pause_accepting(loop); /* now, so that the next connection wakes another worker */
    return conn;
}

void rhb_listeners_tick(struct rhb_loop *loop, uint64_t now)
{
    if (loop->stopping)
        return;
    if (loop->accept_again_at != 0 && now >= loop->accept_again_at) {
        bool room = !rhb_capacity_is_full(loop) || rhb_capacity_has_evictable(loop);
        bool armed = room && (rhb_listeners_arm(loop) || errno == EBADF); /* which stays so */
        loop->accept_again_at = armed ? 0 : now + ACCEPT_PAUSE;
    }
    for (size_t i = 0; i < loop->n_listeners; i++) {
        if (!loop->listeners[i].armed)
            continue;
        make_nonblocking(loop->listeners[i].fd);
        loop->listeners[i].ready = true;
    }
}
