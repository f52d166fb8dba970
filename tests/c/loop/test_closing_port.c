/* csrc/loop/closing_port.c: a port that drops new connections is recognised, and its handshakes are
 * found. */
#include "harness.h"
#include "kernel_abilities.h"
#include "loop/closing_port.h"
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct port {
    int fd;
    struct sockaddr_storage address;
    socklen_t len;
};

static struct port new_port(struct rhb_test *t, sa_family_t family)
{
    struct port port = {.fd = socket(family, SOCK_STREAM, 0), .len = sizeof port.address};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int seconds = 1;
    if (family == AF_INET)
        CHECK_INT(bind(port.fd, (struct sockaddr *)&v4, sizeof v4), 0);
    else
        CHECK_INT(bind(port.fd, (struct sockaddr *)&v6, sizeof v6), 0);
    setsockopt(port.fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    CHECK_INT(listen(port.fd, 16), 0);
    CHECK_INT(getsockname(port.fd, (struct sockaddr *)&port.address, &port.len), 0);
    return port;
}

static void a_port_is_closing_when_it_has_a_filter(struct rhb_test *t)
{
    NEEDS(kernel_tells_filters(), "SO_GET_FILTER does not tell");
    struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    struct sock_fprog filter = {.len = 1, .filter = &keep};
    struct port port = new_port(t, AF_INET);
    CHECK(!rhb_port_is_closing(port.fd));
    CHECK_INT(setsockopt(port.fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
    CHECK(rhb_port_is_closing(port.fd));
    close(port.fd);
    CHECK(!rhb_port_is_closing(port.fd));
}

/* connect has returned, but with TCP_DEFER_ACCEPT the connection waits for its request. */
static void a_client_that_has_said_nothing_is_seen(struct rhb_test *t, sa_family_t family)
{
    NEEDS(kernel_has_sock_diag(), "no sock_diag");
    struct port port = new_port(t, family), other = new_port(t, family);
    CHECK(!rhb_port_has_handshakes(port.fd));
    int client = socket(family, SOCK_STREAM, 0);
    CHECK_INT(connect(client, (struct sockaddr *)&port.address, port.len), 0);
    CHECK(rhb_port_has_handshakes(port.fd));
    CHECK(!rhb_port_has_handshakes(other.fd));
    CHECK_INT(write(client, "x", 1), 1);
    CHECK(!rhb_port_has_handshakes(port.fd));
    close(accept(port.fd, NULL, NULL));
    close(client);
    close(port.fd);
    close(other.fd);
}

static void handshakes_are_seen(struct rhb_test *t)
{
    a_client_that_has_said_nothing_is_seen(t, AF_INET);
}

static void of_ipv6_too(struct rhb_test *t)
{
    a_client_that_has_said_nothing_is_seen(t, AF_INET6);
}

static void where_there_is_no_port_there_are_none(struct rhb_test *t)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(!rhb_port_has_handshakes(fd));
    close(fd);
    CHECK(!rhb_port_has_handshakes(-1));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_port_is_closing_when_it_has_a_filter),
        RHB_CASE(handshakes_are_seen),
        RHB_CASE(of_ipv6_too),
        RHB_CASE(where_there_is_no_port_there_are_none),
    };
    return RHB_RUN(cases);
}
