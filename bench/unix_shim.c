/*
 * Connects a program that only knows TCP to a unix socket: LD_PRELOAD for wrk (bench/wrk-unix).
 *
 *   RHEBOK_BENCH_UNIX=8000:/run/app.sock LD_PRELOAD=.../unix_shim.so wrk ... http://127.0.0.1:8000/
 *
 * connect(2) to that port on a loopback address becomes a connect to the path. The descriptor keeps
 * its number and its flags. Calls for TCP sockets (TCP_NODELAY, getpeername) succeed on the unix
 * socket. All other calls are passed on unchanged. There is no state: each call asks the kernel
 * what the descriptor is, so threads need no lock.
 *
 * The calls go to the kernel with syscall(2), so no symbol of the C library has to be looked up.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

struct redirect {
    uint16_t port;
    struct sockaddr_un to;
};

/* Reads PORT:PATH from the environment; false when it is missing or invalid. */
static bool read_redirect(struct redirect *redirect)
{
    const char *text = getenv("RHEBOK_BENCH_UNIX");
    char *end;
    unsigned long port;

    if (text == NULL)
        return false;
    port = strtoul(text, &end, 10);
    if (port == 0 || port > 65535 || *end != ':' || end[1] == '\0')
        return false;
    if (strlen(end + 1) >= sizeof(redirect->to.sun_path))
        return false;
    memset(redirect, 0, sizeof(*redirect));
    redirect->port = (uint16_t)port;
    redirect->to.sun_family = AF_UNIX;
    strcpy(redirect->to.sun_path, end + 1);
    return true;
}

static bool is_loopback_v6(const struct in6_addr *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (memcmp(address, mapped, sizeof(mapped)) == 0)
        return address->s6_addr[12] == 127;
    return memcmp(address, &in6addr_loopback, sizeof(*address)) == 0;
}

static bool is_redirected(const struct redirect *redirect, const struct sockaddr *to, socklen_t len)
{
    const struct sockaddr_in *v4 = (const void *)to;
    const struct sockaddr_in6 *v6 = (const void *)to;

    if (to->sa_family == AF_INET && len >= sizeof(*v4))
        return ntohs(v4->sin_port) == redirect->port && ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    if (to->sa_family == AF_INET6 && len >= sizeof(*v6))
        return ntohs(v6->sin6_port) == redirect->port && is_loopback_v6(&v6->sin6_addr);
    return false;
}

static bool is_unix(int fd)
{
    int domain = 0;
    socklen_t length = sizeof(domain);

    return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
           domain == AF_UNIX;
}

static bool is_stream(int fd)
{
    int type = 0;
    socklen_t length = sizeof(type);

    return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
           type == SOCK_STREAM;
}

/*
 * Connects a new unix socket and replaces fd with it. The connect blocks: with a full backlog a
 * non-blocking one would fail with EAGAIN, which no TCP program expects.
 */
static int connect_in_place(int fd, const struct redirect *redirect)
{
    int status_flags = fcntl(fd, F_GETFL);
    int descriptor_flags = fcntl(fd, F_GETFD);
    int replacement = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = -1;
    int saved;

    if (replacement < 0)
        return -1;
    if (syscall(SYS_connect, replacement, &redirect->to, sizeof(redirect->to)) < 0)
        goto done;
    if (status_flags & O_NONBLOCK && fcntl(replacement, F_SETFL, O_NONBLOCK) < 0)
        goto done;
    if (dup3(replacement, fd, descriptor_flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
        goto done;
    result = 0;
done:
    saved = errno;
    close(replacement);
    errno = saved;
    return result;
}

int connect(int fd, const struct sockaddr *to, socklen_t length)
{
    struct redirect redirect;

    if (to == NULL || !read_redirect(&redirect) || !is_redirected(&redirect, to, length) ||
        !is_stream(fd))
        return (int)syscall(SYS_connect, fd, to, length);
    return connect_in_place(fd, &redirect);
}

/* A unix socket has no TCP options: setting one has no effect, and succeeds. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
    if (level == IPPROTO_TCP && is_unix(fd))
        return 0;
    return (int)syscall(SYS_setsockopt, fd, level, name, value, length);
}

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict length)
{
    if (level != IPPROTO_TCP || !is_unix(fd))
        return (int)syscall(SYS_getsockopt, fd, level, name, value, length);
    memset(value, 0, *length);
    return 0;
}

/* The peer of a redirected socket is the address that the program asked for. */
int getpeername(int fd, struct sockaddr *restrict address, socklen_t *restrict length)
{
    struct redirect redirect;
    struct sockaddr_in pretended = {.sin_family = AF_INET};
    socklen_t room = *length;
    int result = (int)syscall(SYS_getpeername, fd, address, length);

    if (result < 0 || !read_redirect(&redirect) || !is_unix(fd))
        return result;
    pretended.sin_port = htons(redirect.port);
    pretended.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(address, &pretended, room < sizeof(pretended) ? room : sizeof(pretended));
    *length = sizeof(pretended);
    return 0;
}
