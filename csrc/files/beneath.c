#define _GNU_SOURCE /* O_PATH */
#include "beneath.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/openat2.h, which older systems do not have. */
struct open_how {
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
    struct open_how how = {.flags = OPEN_FLAGS, .resolve = BENEATH | NO_MAGICLINKS};
    long fd;
    int attempts = 0;
    do
        fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || (errno == EAGAIN && ++attempts < ATTEMPTS)));
    return (int)fd;
}

bool rhb_beneath_is_supported(void)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = BENEATH};
    long fd = syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how);
    if (fd >= 0)
        close((int)fd);
    return fd >= 0;
}

/* Opens the directory that this name is; closes `inside` unless that is the first one. */
static int enter(int inside, int first, const char *name)
{
    int fd = openat(inside, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
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
    int fd = openat(inside, path, OPEN_FLAGS | O_NOFOLLOW);
    int error = errno;
    if (inside != directory)
        close(inside);
    errno = error;
    return fd;
}

static int failure(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EIO:
        return -error;
    default:
        return -ENOENT;
    }
}

int rhb_beneath_open(int directory, const char *path, bool supported, struct stat *status)
{
    int fd = supported ? open_at_once(directory, path) : open_by_names(directory, path);
    if (fd < 0)
        return failure(errno);
    if (fstat(fd, status) == 0 && S_ISREG(status->st_mode))
        return fd;
    close(fd);
    return -ENOENT;
}
