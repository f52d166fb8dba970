#define _GNU_SOURCE /* O_PATH */
#include "beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* open_how of linux/openat2.h, which older systems do not have, and newer ones have in fcntl.h. */
struct how {
    uint64_t flags, mode, resolve;
};
enum { NO_MAGICLINKS = 0x02, BENEATH = 0x08 };
#ifndef SYS_openat2
#define SYS_openat2 437 /* on all architectures */
#endif

enum {
    /* never waits for a writer of a FIFO, and never gets a terminal */
    OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
    ATTEMPTS = 4 /* a rename meanwhile makes openat2 give up with EAGAIN */
};

static int open_at_once(int directory, const char *path)
{
    struct how how = {.flags = OPEN_FLAGS, .resolve = BENEATH | NO_MAGICLINKS};
    long fd;
    int attempts = 0;
    do
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++attempts < ATTEMPTS)));
    return (int)fd;
}

/* Asked with no directory at all, so that the answer depends on none: the working directory may be
 * one that this user may not search. */
bool rhb_beneath_is_supported(void)
{
    struct how how = {.flags = O_PATH | O_CLOEXEC, .resolve = BENEATH};
    long fd = syscall(SYS_openat2, -1, ".", &how, sizeof how);
    return fd < 0 && (errno == EBADF || errno == EMFILE || errno == ENFILE || errno == ENOMEM);
}

static int open_one(int directory, const char *name, int flags)
{
    int fd;
    do
        fd = openat(directory, name, flags | O_NOFOLLOW);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Opens the directory that this name is; closes `inside` unless that is the first one. */
static int enter(int inside, int first, const char *name)
{
    int fd = open_one(inside, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = errno;
    if (inside != first)
        close(inside);
    errno = error;
    return fd;
}

/* Name by name, so that nothing outside can come in: no name is `..`, and none may be a link. */
static int open_by_names(int directory, const char *path)
{
    char name[NAME_MAX + 1];
    int inside = directory;
    const char *slash;
    while ((slash = strchr(path, '/')) != NULL) {
        size_t len = (size_t)(slash - path);
        if (len > NAME_MAX) {
            if (inside != directory)
                close(inside);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, len);
        name[len] = '\0';
        inside = enter(inside, directory, name);
        if (inside < 0)
            return -1;
        path = slash + 1;
    }
    int fd = open_one(inside, path, OPEN_FLAGS);
    int error = errno;
    if (inside != directory)
        close(inside);
    errno = error;
    return fd;
}

/* Only these say that there is nothing to open. All others, as those of descriptors that have run
 * out, of a disk or a server that fails (EIO, ESTALE, ETIMEDOUT), and of a file that another
 * process has leased (EAGAIN), pass. */
bool rhb_beneath_is_absent(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENAMETOOLONG:
    case EXDEV:  /* openat2: it is not below */
    case EINVAL: /* a name that the file system cannot have */
    case EILSEQ:
    case ENXIO: /* a socket, or a device without a driver */
    case ENODEV:
    case EBADF: /* the directory is not there */
        return true;
    default:
        return false;
    }
}

int rhb_beneath_open(int directory, const char *path, bool supported, struct stat *status)
{
    int fd = supported ? open_at_once(directory, path) : open_by_names(directory, path);
    if (fd < 0)
        return rhb_beneath_is_absent(errno) ? -ENOENT : -errno;
    if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    close(fd);
    return -ENOENT;
}
