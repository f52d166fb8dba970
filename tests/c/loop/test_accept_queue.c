/* The length of a listener's queue, asked of the kernel. */
#define _GNU_SOURCE
#include "harness.h"
#include "kernel_abilities.h"
#include "loop/accept_queue.h"
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct listener {
    int fd;
    struct sockaddr_storage address;
    socklen_t len;
};

static socklen_t longest_answer = UINT32_MAX; /* of getsockopt */

/* In place of the C library's. */
int getsockopt(int fd, int level, int option, void *value, socklen_t *len)
{
    if (*len > longest_answer)
        *len = longest_answer;
    return (int)syscall(SYS_getsockopt, fd, level, option, value, len);
}

static struct listener tcp_listener(struct rhb_test *t)
{
    struct listener l = {.fd = socket(AF_INET, SOCK_STREAM, 0), .len = sizeof l.address};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK_INT(bind(l.fd, (struct sockaddr *)&any, sizeof any), 0);
    CHECK_INT(listen(l.fd, 16), 0);
    CHECK_INT(getsockname(l.fd, (struct sockaddr *)&l.address, &l.len), 0);
    return l;
}

static struct listener unix_listener(struct rhb_test *t)
{
    struct listener l = {.fd = socket(AF_UNIX, SOCK_STREAM, 0), .len = sizeof l.address};
    sa_family_t family = AF_UNIX; /* and nothing more: the kernel chooses an abstract name */
    CHECK_INT(bind(l.fd, (struct sockaddr *)&family, sizeof family), 0);
    CHECK_INT(listen(l.fd, 16), 0);
    CHECK_INT(getsockname(l.fd, (struct sockaddr *)&l.address, &l.len), 0);
    return l;
}

static int connected(struct rhb_test *t, const struct listener *l)
{
    int fd = socket(l->address.ss_family, SOCK_STREAM, 0);
    CHECK_INT(connect(fd, (const struct sockaddr *)&l->address, l->len), 0);
    return fd;
}

static void grows_and_shrinks(struct rhb_test *t, struct listener l, bool is_unix)
{
    CHECK_INT(rhb_accept_queue_length(l.fd, is_unix), 0);
    int first = connected(t, &l), second = connected(t, &l);
    CHECK_INT(rhb_accept_queue_length(l.fd, is_unix), 2);
    int accepted = accept(l.fd, NULL, NULL);
    CHECK_INT(rhb_accept_queue_length(l.fd, is_unix), 1);
    close(accepted);
    close(first);
    close(second);
    close(l.fd);
}

static void a_tcp_queue_is_counted(struct rhb_test *t)
{
    NEEDS(kernel_has_tcp_info(), "TCP_INFO is cut short");
    grows_and_shrinks(t, tcp_listener(t), false);
}

static void a_unix_queue_is_counted(struct rhb_test *t)
{
    NEEDS(kernel_has_sock_diag(), "no sock_diag");
    grows_and_shrinks(t, unix_listener(t), true);
}

/* As under qemu's user mode. */
static void a_tcp_queue_is_unknown_when_the_answer_is_cut_short(struct rhb_test *t)
{
    struct listener l = tcp_listener(t);
    int client = connected(t, &l);
    longest_answer = offsetof(struct tcp_info, tcpi_unacked);
    CHECK(rhb_accept_queue_length(l.fd, false) == UINT32_MAX);
    longest_answer = UINT32_MAX;
    close(client);
    close(l.fd);
}

static void the_queue_of_a_file_that_is_not_a_socket_is_unknown(struct rhb_test *t)
{
    CHECK(rhb_accept_queue_length(-1, false) == UINT32_MAX);
    CHECK(rhb_accept_queue_length(-1, true) == UINT32_MAX);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_tcp_queue_is_counted),
        RHB_CASE(a_unix_queue_is_counted),
        RHB_CASE(a_tcp_queue_is_unknown_when_the_answer_is_cut_short),
        RHB_CASE(the_queue_of_a_file_that_is_not_a_socket_is_unknown),
    };
    return RHB_RUN(cases);
}
