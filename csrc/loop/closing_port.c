#define _GNU_SOURCE
#include "closing_port.h"
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum verdict { NONE, SOME, READ_ON };

struct question {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

/* socket(7): with a length of 0 the kernel returns the number of instructions. */
bool rhb_port_is_closing(int fd)
{
    struct sock_filter nothing;
    socklen_t count = 0;
    return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, &nothing, &count) == 0 && count > 0;
}

/* sock_diag(7): all connections to this port whose handshake is not complete. */
static bool ask(int netlink, const struct sockaddr_storage *address)
{
    bool v6 = address->ss_family == AF_INET6;
    in_port_t port = v6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                        : ((const struct sockaddr_in *)address)->sin_port;
    struct question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
        .body = {.sdiag_family = v6 ? AF_INET6 : AF_INET,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = 1U << TCP_SYN_RECV,
                 .id.idiag_sport = port},
    };
    return send(netlink, &question, sizeof question, 0) == (ssize_t)sizeof question;
}

static enum verdict in_answer(const struct nlmsghdr *header, size_t got)
{
    for (; NLMSG_OK(header, got); header = NLMSG_NEXT(header, got)) {
        if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY)
            return SOME;
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
            return NONE;
    }
    return READ_ON;
}

static bool answered(int netlink)
{
    _Alignas(struct nlmsghdr) char answer[8192];
    enum verdict verdict = READ_ON;
    while (verdict == READ_ON) {
        ssize_t got = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
        verdict = got > 0 ? in_answer((const struct nlmsghdr *)answer, (size_t)got) : NONE;
    }
    return verdict == SOME;
}

bool rhb_port_has_handshakes(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
        (address.ss_family != AF_INET && address.ss_family != AF_INET6))
        return false;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return false;
    bool some = ask(netlink, &address) && answered(netlink);
    close(netlink);
    return some;
}
