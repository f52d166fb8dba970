/*
 * Makes system calls of a server fail, one kind at a time, as a test says while the server runs.
 *
 *   RHEBOK_FAULTS=/path/of/table LD_PRELOAD=.../shim.so rhebok ...
 *
 * The table is a file that server and test have mapped (control.py writes it): one struct fault
 * (rows.h) for each call of calls.h. A row that is armed lets `skip` calls through that it means, and then makes
 * `times` of them fail with `error`, or move no more than `at_most` bytes. What a row means can be
 * narrowed: to one process, to kinds of descriptors, to callers within rhebok's own modules.
 * Everything else passes through; calls of the watched process are counted in any case.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rows.h"

/* ---- the calls ---- */

#define NEXT(name) ((__typeof__(&name))next(#name))
#define CALLER __builtin_return_address(0)

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

/* Returns from the wrapper when the row has an error. */
#define FAIL(fault, failure)                                                                       \
    do {                                                                                           \
        if ((fault) != NULL && (fault)->error != 0) {                                              \
            errno = (fault)->error;                                                                \
            return failure;                                                                        \
        }                                                                                          \
    } while (0)

static size_t cut(const struct fault *fault, size_t len)
{
    return fault != NULL && fault->at_most > 0 && (size_t)fault->at_most < len
               ? (size_t)fault->at_most
               : len;
}

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *len, int flags)
{
    struct fault *fault = strikes(CALL_accept4, fd, 0, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    struct fault *fault = strikes(CALL_recv, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_recvfrom, fd, buf, cut(fault, len), flags, NULL, NULL);
}

ssize_t send(int fd, const void *buf, size_t len, int flags)
{
    struct fault *fault = strikes(CALL_send, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_sendto, fd, buf, cut(fault, len), flags, NULL, 0);
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, __CONST_SOCKADDR_ARG to,
               socklen_t to_len)
{
    struct fault *fault = strikes(CALL_sendto, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_sendto, fd, buf, len, flags, to.__sockaddr__, to_len);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    struct fault *fault = strikes(CALL_recvmsg, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_recvmsg, fd, message, flags);
}

/* A short one takes a part of the first piece that is not empty. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct fault *fault = strikes(CALL_sendmsg, fd, 0, CALLER);
    FAIL(fault, -1);
    if (fault == NULL || fault->at_most == 0)
        return syscall(SYS_sendmsg, fd, message, flags);
    size_t i = 0;
    while (i + 1 < message->msg_iovlen && message->msg_iov[i].iov_len == 0)
        i++;
    struct iovec part = message->msg_iov[i];
    struct msghdr shorter = *message;
    part.iov_len = cut(fault, part.iov_len);
    shorter.msg_iov = &part;
    shorter.msg_iovlen = 1;
    return syscall(SYS_sendmsg, fd, &shorter, flags);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t len)
{
    struct fault *fault = strikes(CALL_sendfile, out, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_sendfile, out, in, offset, cut(fault, len));
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t len) __attribute__((alias("sendfile")));

int shutdown(int fd, int how)
{
    struct fault *fault = strikes(CALL_shutdown, fd, 0, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_shutdown, fd, how);
}

/* close(2): the descriptor is gone whatever it returns. */
int close(int fd)
{
    struct fault *fault = strikes(CALL_close, fd, 0, CALLER);
    int result = (int)syscall(SYS_close, fd);
    FAIL(fault, -1);
    return result;
}

int epoll_create1(int flags)
{
    struct fault *fault = strikes(CALL_epoll_create1, -1, OTHER, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_epoll_create1, flags);
}

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    enum call call = op == EPOLL_CTL_ADD   ? CALL_epoll_add
                     : op == EPOLL_CTL_MOD ? CALL_epoll_mod
                                           : CALL_epoll_del;
    struct fault *fault = strikes(call, fd, 0, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout)
{
    struct fault *fault = strikes(CALL_epoll_wait, epoll, OTHER, CALLER);
    FAIL(fault, -1);
    return NEXT(epoll_wait)(epoll, events, max, timeout);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    struct fault *fault = strikes(CALL_poll, count > 0 ? fds->fd : -1, 0, CALLER);
    FAIL(fault, -1);
    return NEXT(poll)(fds, count, timeout);
}

int open(const char *path, int flags, ...)
{
    bool makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    int kind = (flags & O_TMPFILE) == O_TMPFILE ? TEMPORARY : PLAIN;
    mode_t mode = 0;
    if (makes) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    struct fault *fault = strikes(CALL_open, -1, kind, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int mkostemp(char *name, int flags)
{
    struct fault *fault = strikes(CALL_mkostemp, -1, TEMPORARY, CALLER);
    FAIL(fault, -1);
    return NEXT(mkostemp)(name, flags);
}

int mkostemp64(char *name, int flags) __attribute__((alias("mkostemp")));

ssize_t read(int fd, void *buf, size_t len)
{
    struct fault *fault = strikes(CALL_read, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_read, fd, buf, cut(fault, len));
}

ssize_t write(int fd, const void *buf, size_t len)
{
    struct fault *fault = strikes(CALL_write, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_write, fd, buf, cut(fault, len));
}

int fstat(int fd, struct stat *file)
{
    struct fault *fault = strikes(CALL_fstat, fd, 0, CALLER);
    FAIL(fault, -1);
    return NEXT(fstat)(fd, file);
}

int fstat64(int fd, struct stat64 *file) __attribute__((alias("fstat")));

int stat(const char *restrict path, struct stat *restrict file)
{
    struct fault *fault = strikes(CALL_stat, -1, PLAIN, CALLER);
    FAIL(fault, -1);
    return NEXT(stat)(path, file);
}

int stat64(const char *restrict path, struct stat64 *restrict file) __attribute__((alias("stat")));

off_t lseek(int fd, off_t offset, int whence)
{
    struct fault *fault = strikes(CALL_lseek, fd, 0, CALLER);
    FAIL(fault, -1);
    return syscall(SYS_lseek, fd, offset, whence);
}

off64_t lseek64(int fd, off64_t offset, int whence) __attribute__((alias("lseek")));

int fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    struct fault *fault = strikes(CALL_fcntl, fd, 0, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    struct fault *fault = strikes(CALL_setsockopt, fd, 0, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

int socket(int domain, int type, int protocol)
{
    struct fault *fault = strikes(CALL_socket, -1, OTHER, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_socket, domain, type, protocol);
}

int pipe2(int fds[2], int flags)
{
    struct fault *fault = strikes(CALL_pipe2, -1, PIPE, CALLER);
    FAIL(fault, -1);
    return (int)syscall(SYS_pipe2, fds, flags);
}

pid_t fork(void)
{
    struct fault *fault = strikes(CALL_fork, -1, OTHER, CALLER);
    FAIL(fault, -1);
    pid_t pid = NEXT(fork)();
    if (pid == 0)
        own_pid = getpid();
    return pid;
}

/* ---- memory: under its other names, since dlsym itself allocates ---- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);

void *malloc(size_t size)
{
    struct fault *fault = strikes(CALL_malloc, -1, OTHER, CALLER);
    FAIL(fault, NULL);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    struct fault *fault = strikes(CALL_calloc, -1, OTHER, CALLER);
    FAIL(fault, NULL);
    return __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    struct fault *fault = strikes(CALL_realloc, -1, OTHER, CALLER);
    FAIL(fault, NULL);
    return __libc_realloc(block, size);
}
