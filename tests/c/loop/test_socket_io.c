/* csrc/loop/socket_io.c: each call with each of its results. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "harness.h"
#include "loop/socket_io.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* These calls replace those of the C library; each can be interrupted once. */
static int interruptions;

static bool interrupted(void)
{
    if (interruptions == 0)
        return false;
    interruptions--;
    errno = EINTR;
    return true;
}

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    return interrupted() ? -1 : syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
}

ssize_t send(int fd, const void *data, size_t len, int flags)
{
    return interrupted() ? -1 : syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return interrupted() ? -1 : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t sendfile(int fd, int file, off_t *offset, size_t len)
{
    return interrupted() ? -1 : syscall(SYS_sendfile, fd, file, offset, len);
}

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    struct timespec timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000000L};
    /* not SYS_poll, which newer architectures such as aarch64 do not have */
    return interrupted()
               ? -1
               : (int)syscall(SYS_ppoll, fds, count, timeout_ms < 0 ? NULL : &timeout, NULL, 0);
}

struct pair {
    int ours, theirs;
};

static struct pair pair_new(void)
{
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
        abort();
    return (struct pair){fds[0], fds[1]};
}

static void pair_close(struct rhb_test *t, struct pair pair)
{
    CHECK_INT(interruptions, 0);
    close(pair.ours);
    close(pair.theirs);
}

static void check_there(struct rhb_test *t, int fd, const char *expected)
{
    char bytes[64];
    ssize_t n = read(fd, bytes, sizeof bytes);
    CHECK_STR(bytes, n > 0 ? (size_t)n : 0, expected);
}

static void fill(int fd)
{
    static const char bytes[65536];
    while (write(fd, bytes, sizeof bytes) > 0)
        ;
}

static void recv_distinguishes_bytes_nothing_yet_and_the_end(struct rhb_test *t)
{
    struct pair pair = pair_new();
    char bytes[8];
    size_t done = 99;
    CHECK_INT(rhb_recv(pair.ours, bytes, sizeof bytes, &done), RHB_IO_AGAIN);
    CHECK_INT(done, 0);
    CHECK_INT(write(pair.theirs, "abc", 3), 3);
    interruptions = 1;
    CHECK_INT(rhb_recv(pair.ours, bytes, sizeof bytes, &done), RHB_IO_OK);
    CHECK_STR(bytes, done, "abc");
    shutdown(pair.theirs, SHUT_WR);
    CHECK_INT(rhb_recv(pair.ours, bytes, sizeof bytes, &done), RHB_IO_EOF);
    CHECK_INT(done, 0);
    pair_close(t, pair);
}

/* When a unix socket is closed with bytes unread, its peer gets a reset. */
static void recv_distinguishes_a_reset_from_the_end(struct rhb_test *t)
{
    struct pair pair = pair_new();
    char byte;
    size_t done = 99;
    CHECK_INT(write(pair.ours, "x", 1), 1);
    close(pair.theirs);
    CHECK_INT(rhb_recv(pair.ours, &byte, 1, &done), RHB_IO_ERROR);
    CHECK_INT(errno, ECONNRESET);
    CHECK_INT(done, 0);
    close(pair.ours);
}

static void send_returns_how_much_was_sent(struct rhb_test *t)
{
    enum { MUCH = 4 << 20 };
    struct pair pair = pair_new();
    char *much = calloc(1, MUCH);
    size_t done = 99;
    interruptions = 1;
    CHECK_INT(rhb_send(pair.ours, "abc", 3, &done), RHB_IO_OK);
    CHECK_INT(done, 3);
    CHECK_INT(rhb_send_more(pair.ours, "def", 3, &done), RHB_IO_OK);
    check_there(t, pair.theirs, "abcdef");
    CHECK_INT(rhb_send(pair.ours, much, MUCH, &done), RHB_IO_AGAIN);
    CHECK(done > 0 && done < MUCH);
    fill(pair.ours);
    CHECK_INT(rhb_send(pair.ours, much, MUCH, &done), RHB_IO_AGAIN);
    CHECK_INT(done, 0);
    free(much);
    pair_close(t, pair);
}

static void sending_to_a_closed_peer_is_an_error_and_no_signal(struct rhb_test *t)
{
    struct pair pair = pair_new();
    struct iovec piece = {.iov_base = "x", .iov_len = 1};
    size_t done = 99;
    close(pair.theirs);
    CHECK_INT(rhb_send(pair.ours, "x", 1, &done), RHB_IO_ERROR);
    CHECK_INT(done, 0);
    CHECK_INT(errno, EPIPE);
    CHECK_INT(rhb_send_more(pair.ours, "x", 1, &done), RHB_IO_ERROR);
    CHECK_INT(rhb_sendv(pair.ours, &piece, 1, false, &done), RHB_IO_ERROR);
    close(pair.ours);
}

static void pieces_are_sent_as_one(struct rhb_test *t)
{
    struct pair pair = pair_new();
    struct iovec pieces[] = {{.iov_base = "ab", .iov_len = 2},
                             {.iov_base = "", .iov_len = 0},
                             {.iov_base = "cd", .iov_len = 2}};
    size_t done;
    interruptions = 1;
    CHECK_INT(rhb_sendv(pair.ours, pieces, 3, false, &done), RHB_IO_OK);
    CHECK_INT(done, 4);
    check_there(t, pair.theirs, "abcd");
    fill(pair.ours);
    CHECK_INT(rhb_sendv(pair.ours, pieces, 3, false, &done), RHB_IO_AGAIN);
    CHECK_INT(done, 0);
    pair_close(t, pair);
}

static int file_with(const char *content)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content, strlen(content)) < 0)
        abort();
    return fd;
}

static void a_file_is_sent_from_its_offset_on(struct rhb_test *t)
{
    struct pair pair = pair_new();
    int file = file_with("0123456789");
    off_t offset = 4;
    size_t done;
    interruptions = 1;
    CHECK_INT(rhb_sendfile(pair.ours, file, &offset, 3, &done), RHB_IO_OK);
    CHECK_INT(offset, 7);
    check_there(t, pair.theirs, "456");
    CHECK_INT(rhb_sendfile(pair.ours, file, &offset, 10, &done), RHB_IO_AGAIN);
    CHECK_INT(done, 3);
    CHECK_INT(rhb_sendfile(pair.ours, file, &offset, 7, &done), RHB_IO_EOF);
    CHECK_INT(done, 0);
    close(file);
    pair_close(t, pair);
}

static void a_descriptor_that_is_not_a_file_cannot_be_sent(struct rhb_test *t)
{
    struct pair pair = pair_new();
    off_t offset = 0;
    size_t done = 99;
    CHECK_INT(rhb_sendfile(pair.ours, -1, &offset, 3, &done), RHB_IO_ERROR);
    CHECK_INT(errno, EBADF);
    CHECK_INT(done, 0);
    pair_close(t, pair);
}

static void waiting_ends_when_the_socket_is_writable_or_at_the_deadline(struct rhb_test *t)
{
    struct pair pair = pair_new();
    interruptions = 1;
    CHECK_INT(rhb_wait_writable(pair.ours, rhb_now_coarse() + 60 * RHB_NS_PER_SECOND), RHB_IO_OK);
    fill(pair.ours);
    CHECK_INT(rhb_wait_writable(pair.ours, 0), RHB_IO_AGAIN);
    interruptions = 1;
    CHECK_INT(rhb_wait_writable(pair.ours, rhb_now_coarse() + 60 * RHB_NS_PER_SECOND), RHB_IO_OK);
    CHECK_INT(interruptions, 0); /* a signal ends the wait: its handler may want to */
    CHECK_INT(rhb_wait_writable(pair.ours, rhb_now_coarse() + 20 * RHB_NS_PER_MS), RHB_IO_AGAIN);
    pair_close(t, pair);
}

/* OK means that a send will not wait; the send then returns the error. */
static void waiting_for_a_closed_peer_returns_at_once(struct rhb_test *t)
{
    struct pair pair = pair_new();
    fill(pair.ours);
    close(pair.theirs);
    CHECK_INT(rhb_wait_writable(pair.ours, rhb_now_coarse() + 60 * RHB_NS_PER_SECOND), RHB_IO_OK);
    close(pair.ours);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(recv_distinguishes_bytes_nothing_yet_and_the_end),
        RHB_CASE(recv_distinguishes_a_reset_from_the_end),
        RHB_CASE(send_returns_how_much_was_sent),
        RHB_CASE(sending_to_a_closed_peer_is_an_error_and_no_signal),
        RHB_CASE(pieces_are_sent_as_one),
        RHB_CASE(a_file_is_sent_from_its_offset_on),
        RHB_CASE(a_descriptor_that_is_not_a_file_cannot_be_sent),
        RHB_CASE(waiting_ends_when_the_socket_is_writable_or_at_the_deadline),
        RHB_CASE(waiting_for_a_closed_peer_returns_at_once),
    };
    return RHB_RUN(cases);
}
