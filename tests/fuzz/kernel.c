#define _GNU_SOURCE
#include "kernel.h"
#include "base/clock.h"
#include "fuzz.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct fuzz_kernel fuzz_kernel;

enum { ERRORS = 4, EPOCH = 1700000000 };

static const int errors[FUZZ_CALLS][ERRORS] = {
    [FUZZ_RECV] = {ECONNRESET, EINTR, ETIMEDOUT, ENOMEM},
    [FUZZ_SEND] = {EPIPE, EINTR, ECONNRESET, ENOBUFS},
    [FUZZ_ACCEPT] = {EMFILE, ECONNABORTED, ENOMEM, EINTR},
    [FUZZ_EPOLL_CTL] = {ENOMEM, ENOSPC, ENOMEM, ENOSPC},
    [FUZZ_MEMORY] = {ENOMEM, ENOMEM, ENOMEM, ENOMEM},
    [FUZZ_WRITE] = {ENOSPC, EINTR, EIO, ENOSPC},
};

void fuzz_kernel_fault(enum fuzz_call call, unsigned in, unsigned which)
{
    fuzz_kernel.faults[call].in = in;
    fuzz_kernel.faults[call].error = errors[call][which % ERRORS];
}

/* Whether this call fails by the script; errno is set then. */
static bool fails(enum fuzz_call call)
{
    if (fuzz_kernel.faults[call].in == 0 || --fuzz_kernel.faults[call].in > 0)
        return false;
    errno = fuzz_kernel.faults[call].error;
    fuzz_kernel.failed += errno != EINTR;
    return true;
}

static void pass(int milliseconds)
{
    if (!fuzz_kernel.frozen && milliseconds > 0)
        fuzz_kernel.now += (uint64_t)milliseconds * RHB_NS_PER_MS;
}

int fuzz_clock_gettime(clockid_t clock, struct timespec *time)
{
    bool is_date = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (!fuzz_kernel.scripted)
        return clock_gettime(clock, time);
    time->tv_sec = (time_t)(fuzz_kernel.now / RHB_NS_PER_SECOND) + (is_date ? EPOCH : 0);
    time->tv_nsec = (long)(fuzz_kernel.now % RHB_NS_PER_SECOND);
    return 0;
}

int fuzz_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    if (!fuzz_kernel.scripted)
        return poll(fds, count, timeout);
    int n = poll(fds, count, 0);
    if (n == 0)
        pass(timeout);
    return n;
}

int fuzz_epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    if (!fuzz_kernel.scripted)
        return epoll_wait(epoll, events, max, timeout);
    int n = epoll_wait(epoll, events, max, 0);
    if (n == 0)
        pass(timeout);
    return n;
}

int fuzz_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (op != EPOLL_CTL_DEL && fails(FUZZ_EPOLL_CTL))
        return -1;
    return epoll_ctl(epoll, op, fd, event);
}

int fuzz_accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    int least = 1;
    if (fails(FUZZ_ACCEPT))
        return -1;
    int fd = accept4(listener, address, len, flags);
    if (fd < 0 || fd >= FUZZ_MAX_FD)
        return fd;
    MUST(fuzz_kernel.accepted < FUZZ_MAX_FD);
    fuzz_kernel.number[fd] = fuzz_kernel.accepted++;
    if (fuzz_kernel.small_buffers)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &least, sizeof least);
    return fd;
}

ssize_t fuzz_recv(int fd, void *buf, size_t len, int flags)
{
    return fails(FUZZ_RECV) ? -1 : recv(fd, buf, len, flags);
}

ssize_t fuzz_send(int fd, const void *data, size_t len, int flags)
{
    size_t at_most = fuzz_kernel.send_at_most;
    fuzz_kernel.send_at_most = 0;
    if (fails(FUZZ_SEND))
        return -1;
    ssize_t n = send(fd, data, at_most > 0 && at_most < len ? at_most : len, flags);
    if (fd < FUZZ_MAX_FD)
        fuzz_kernel.full[fuzz_kernel.number[fd]] = n != (ssize_t)len;
    return n;
}

ssize_t fuzz_write(int fd, const void *data, size_t len)
{
    return fails(FUZZ_WRITE) ? -1 : write(fd, data, len);
}

void *fuzz_malloc(size_t size)
{
    return fails(FUZZ_MEMORY) ? NULL : malloc(size);
}

void *fuzz_calloc(size_t count, size_t size)
{
    return fails(FUZZ_MEMORY) ? NULL : calloc(count, size);
}

void *fuzz_realloc(void *block, size_t size)
{
    return fails(FUZZ_MEMORY) ? NULL : realloc(block, size);
}
