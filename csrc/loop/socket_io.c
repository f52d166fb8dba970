#define _GNU_SOURCE /* struct tcp_info */
#include "socket_io.h"
#include "base/clock.h"
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

enum { LONGEST_MS = 60000 /* of one poll(2) */ };

static enum rhb_io failed(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? RHB_IO_AGAIN : RHB_IO_ERROR;
}

static enum rhb_io sent(ssize_t n, size_t len, size_t *done)
{
    if (n < 0)
        return failed();
    *done = (size_t)n;
    return (size_t)n == len ? RHB_IO_OK : RHB_IO_AGAIN;
}

enum rhb_io rhb_recv(int fd, void *buf, size_t cap, size_t *done)
{
    ssize_t n;
    do
        n = recv(fd, buf, cap, MSG_DONTWAIT); /* a socket that was handed over may block */
    while (n < 0 && errno == EINTR);
    *done = n > 0 ? (size_t)n : 0;
    if (n > 0)
        return RHB_IO_OK;
    return n == 0 ? RHB_IO_EOF : failed();
}

static enum rhb_io send_flags(int fd, const void *data, size_t len, size_t *done, int flags)
{
    ssize_t n;
    *done = 0;
    do
        n = send(fd, data, len, flags);
    while (n < 0 && errno == EINTR);
    return sent(n, len, done);
}

enum rhb_io rhb_send(int fd, const void *data, size_t len, size_t *done)
{
    return send_flags(fd, data, len, done, MSG_NOSIGNAL);
}

enum rhb_io rhb_send_all(int fd, const void *data, size_t len, size_t *done)
{
    const char *bytes = data;
    size_t part;
    enum rhb_io io;
    *done = 0;
    do {
        io = rhb_send(fd, bytes + *done, len - *done, &part);
        *done += part;
    } while (io == RHB_IO_AGAIN && part > 0);
    return io;
}

enum rhb_io rhb_send_more(int fd, const void *data, size_t len, size_t *done)
{
    return send_flags(fd, data, len, done, MSG_NOSIGNAL | MSG_MORE);
}

enum rhb_io rhb_sendv(int fd, struct iovec *iov, size_t count, bool more, size_t *done)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};
    size_t len = 0;
    ssize_t n;
    *done = 0;
    for (size_t i = 0; i < count; i++)
        len += iov[i].iov_len;
    do
        n = sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (n < 0 && errno == EINTR);
    return sent(n, len, done);
}

enum rhb_io rhb_sendfile(int fd, int file, off_t *offset, size_t len, size_t *done)
{
    ssize_t n;
    *done = 0;
    do
        n = sendfile(fd, file, offset, len);
    while (n < 0 && errno == EINTR);
    if (n == 0 && len > 0)
        return RHB_IO_EOF;
    return sent(n, len, done);
}

enum rhb_io rhb_wait_writable(int fd, uint64_t deadline)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    for (;;) {
        uint64_t now = rhb_now_coarse();
        if (now >= deadline)
            return RHB_IO_AGAIN;
        uint64_t ms = (deadline - now) / RHB_NS_PER_MS;
        int n = poll(&poll_fd, 1, ms < LONGEST_MS ? (int)ms + 1 : LONGEST_MS);
        if (n > 0 || (n < 0 && errno == EINTR))
            return RHB_IO_OK;
        if (n < 0)
            return RHB_IO_ERROR;
    }
}

/* tcp(7), unix(7) */
uint32_t rhb_unsent(int fd)
{
    int unsent;
    return ioctl(fd, SIOCOUTQ, &unsent) == 0 && unsent > 0 ? (uint32_t)unsent : 0;
}

uint64_t rhb_since_received(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return 0;
    return info.tcpi_last_data_recv * RHB_NS_PER_MS;
}

void rhb_reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}
