#define _GNU_SOURCE
#include "kernel_abilities.h"
#include <linux/filter.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

bool kernel_has_sock_diag(void)
{
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG);
    close(fd);
    return fd >= 0;
}

bool kernel_has_tcp_info(void)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool told = getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0;
    close(fd);
    return told && len > offsetof(struct tcp_info, tcpi_unacked);
}

bool kernel_tells_filters(void)
{
    struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), told;
    struct sock_fprog filter = {.len = 1, .filter = &keep};
    socklen_t count = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    bool attached = setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
    bool tells = getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, &told, &count) == 0 && count == 1 &&
                 told.k == UINT32_MAX;
    close(fd);
    return attached && tells;
}

bool kernel_passes_on_locks(void)
{
    void *head;
    size_t len;
    return syscall(SYS_get_robust_list, 0, &head, &len) == 0;
}
