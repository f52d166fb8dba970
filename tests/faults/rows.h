/*
 * The table of shim.c: what a row means, and which calls it makes fail. control.py writes the rows in
 * this layout. Wants _GNU_SOURCE.
 */
#ifndef ROWS_H
#define ROWS_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call {
#define CALL(name) CALL_##name,
#include "calls.h"
#undef CALL
    CALLS
};

/* Of a descriptor; of a path that is to be opened, what will come of it. */
enum kind {
    LISTENER = 1,
    CONNECTION = 2,
    DATAGRAM = 4,
    TEMPORARY = 8, /* a file without a name */
    PLAIN = 16,    /* a file with a name */
    PIPE = 32,
    OTHER = 64
};

struct fault {
    int32_t armed;
    int32_t pid;     /* whose calls; 0: anybody's */
    int32_t error;   /* errno, or 0 */
    int32_t at_most; /* bytes; 0: as many as asked for */
    int32_t kinds;   /* of enum kind; 0: any */
    int32_t ours;    /* only calls from rhebok/native */
    int32_t skip, times;
    int32_t matched; /* calls that it meant since it was armed, the skipped ones too */
    int32_t struck;
};

struct table {
    int32_t watched; /* a pid */
    int32_t reserved;
    int32_t calls[CALLS]; /* of the watched process */
    struct fault faults[CALLS];
};

static struct table *table;
static pid_t own_pid;

__attribute__((constructor)) static void open_table(void)
{
    const char *path = getenv("RHEBOK_FAULTS");
    int fd = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    own_pid = getpid();
    if (fd < 0)
        return;
    void *memory = mmap(NULL, sizeof *table, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (memory != MAP_FAILED)
        table = memory;
}

/* ---- whom a row means ---- */

static int socket_kind(int fd)
{
    int listens = 0, type = 0;
    socklen_t len = sizeof listens;
    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len);
    getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    return listens ? LISTENER : type == SOCK_DGRAM ? DATAGRAM : CONNECTION;
}

static int kind_of(int fd)
{
    struct stat file;
    if (syscall(SYS_fstat, fd, &file) != 0)
        return OTHER;
    if (S_ISSOCK(file.st_mode))
        return socket_kind(fd);
    if (S_ISREG(file.st_mode))
        return file.st_nlink == 0 ? TEMPORARY : PLAIN;
    return S_ISFIFO(file.st_mode) ? PIPE : OTHER;
}

static bool is_ours(void *caller)
{
    Dl_info info;
    return dladdr(caller, &info) != 0 && info.dli_fname != NULL &&
           strstr(info.dli_fname, "/rhebok/native/") != NULL;
}

/* The row that strikes this call, or NULL. kind: of the descriptor, 0 to have it looked up. */
static struct fault *strikes(enum call call, int fd, int kind, void *caller)
{
    if (table == NULL)
        return NULL;
    if (table->watched == own_pid)
        __atomic_add_fetch(&table->calls[call], 1, __ATOMIC_RELAXED);
    struct fault *fault = &table->faults[call];
    if (!__atomic_load_n(&fault->armed, __ATOMIC_ACQUIRE) ||
        (fault->pid != 0 && fault->pid != own_pid))
        return NULL;
    int saved = errno;
    bool meant = (fault->kinds == 0 || (fault->kinds & (kind ? kind : kind_of(fd)))) &&
                 (!fault->ours || is_ours(caller));
    errno = saved;
    if (!meant)
        return NULL;
    int number = __atomic_add_fetch(&fault->matched, 1, __ATOMIC_RELAXED);
    if (number <= fault->skip || number - fault->skip > fault->times)
        return NULL;
    __atomic_add_fetch(&fault->struck, 1, __ATOMIC_RELAXED);
    return fault;
}

#endif
