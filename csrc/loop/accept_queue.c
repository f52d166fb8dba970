#define _GNU_SOURCE
#include "accept_queue.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNKNOWN UINT32_MAX
#define NEEDED_OF_INFO (offsetof(struct tcp_info, tcpi_unacked) + sizeof(uint32_t))
#define LISTENING 10 /* TCP_LISTEN, which unix sockets use too; sock_diag(7) */

struct question {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

/* tcp(7): of a listening socket, tcpi_unacked is the length of its queue. An emulated kernel may
 * return less of the struct. */
static uint32_t tcp_length(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 || len < NEEDED_OF_INFO)
        return UNKNOWN;
    return info.tcpi_unacked;
}

static bool ask(int netlink, uint32_t inode)
{
    struct question question = {
        .header = {.nlmsg_len = sizeof question,
                   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                   .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = 1U << LISTENING,
                 .udiag_ino = inode,
                 .udiag_show = UDIAG_SHOW_RQLEN,
                 .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    return send(netlink, &question, sizeof question, 0) == (ssize_t)sizeof question;
}

static uint32_t length_in(const struct nlmsghdr *header, size_t got)
{
    if (!NLMSG_OK(header, got) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        header->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
        return UNKNOWN;
    const struct unix_diag_msg *body = NLMSG_DATA(header);
    size_t left = header->nlmsg_len - NLMSG_LENGTH(sizeof *body);
    const struct rtattr *field = (const struct rtattr *)(body + 1);
    for (; RTA_OK(field, left); field = RTA_NEXT(field, left)) {
        struct unix_diag_rqlen lengths;
        if (field->rta_type != UNIX_DIAG_RQLEN || RTA_PAYLOAD(field) < sizeof lengths)
            continue;
        memcpy(&lengths, RTA_DATA(field), sizeof lengths);
        return lengths.udiag_rqueue;
    }
    return UNKNOWN;
}

/* sock_diag(7): of a listening unix socket, udiag_rqueue is the length of its queue. The kernel
 * answers within send(2), so recv need not wait. */
static uint32_t unix_length(int fd)
{
    _Alignas(struct nlmsghdr) char answer[1024];
    struct stat status;
    uint32_t length = UNKNOWN;
    if (fstat(fd, &status) < 0)
        return UNKNOWN;
    int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0)
        return UNKNOWN;
    if (ask(netlink, (uint32_t)status.st_ino)) {
        ssize_t got = recv(netlink, answer, sizeof answer, MSG_DONTWAIT);
        if (got > 0)
            length = length_in((const struct nlmsghdr *)answer, (size_t)got);
    }
    close(netlink);
    return length;
}

uint32_t rhb_accept_queue_length(int fd, bool is_unix)
{
    return is_unix ? unix_length(fd) : tcp_length(fd);
}
