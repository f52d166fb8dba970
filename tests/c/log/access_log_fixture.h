/* For the tests of csrc/log/access_log.c: a log in a directory of its own, and a write(2) that
 * fails when the test wants it. Each program that includes this gets its own write(). */
#ifndef RHB_TEST_ACCESS_LOG_FIXTURE_H
#define RHB_TEST_ACCESS_LOG_FIXTURE_H

#include "harness.h"
#include "log/access_log.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* This write() replaces that of the C library: the only way to interrupt a write, or to cut it
 * short, at a chosen moment. */
static struct {
    int calls;
    size_t longest;
    bool within_line; /* a write ended without a line end */
    int fail_with;    /* errno of the next call, once */
    size_t cut_to;    /* bytes that the next call writes at most, once; 0: all */
} writes;

ssize_t write(int fd, const void *data, size_t len)
{
    int fail_with = writes.fail_with;
    size_t cut_to = writes.cut_to;
    writes.calls++;
    writes.fail_with = 0;
    writes.cut_to = 0;
    if (len > writes.longest)
        writes.longest = len;
    if (len > 0 && ((const char *)data)[len - 1] != '\n')
        writes.within_line = true;
    if (fail_with != 0) {
        errno = fail_with;
        return -1;
    }
    return syscall(SYS_write, fd, data, cut_to > 0 && cut_to < len ? cut_to : len);
}

/* A directory of its own, and a log whose lines are the method of the request. */
struct fixture {
    char dir[64];
    char path[96];
    char moved[96];
    struct rhb_access_log *log;
};

static inline struct rhb_access_log *method_log(struct rhb_test *t)
{
    const char *error;
    size_t error_at;
    struct rhb_access_log *log = rhb_access_log_new("%(m)s", &error, &error_at);
    CHECK(log != NULL);
    return log;
}

static inline struct fixture set_up(struct rhb_test *t)
{
    struct fixture f = {.dir = "/tmp/rhebok-access-log-XXXXXX"};
    if (!CHECK(mkdtemp(f.dir) != NULL))
        abort();
    snprintf(f.path, sizeof f.path, "%s/access.log", f.dir);
    snprintf(f.moved, sizeof f.moved, "%s/access.log.1", f.dir);
    f.log = method_log(t);
    memset(&writes, 0, sizeof writes);
    return f;
}

static inline struct fixture set_up_open(struct rhb_test *t)
{
    struct fixture f = set_up(t);
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    return f;
}

static inline void tear_down(struct fixture *f)
{
    rhb_access_log_free(f->log);
    unlink(f->path);
    unlink(f->moved);
    rmdir(f->dir);
}

static inline void add_bytes(struct rhb_access_log *log, const char *line, size_t len)
{
    struct phr_request_head head = {.method = line, .method_len = len};
    struct rhb_access_entry entry = {.request = &head};
    rhb_access_log_add(log, &entry);
}

static inline void add(struct rhb_access_log *log, const char *line)
{
    add_bytes(log, line, strlen(line));
}

/* Everything that can be read from fd now. */
static inline struct rhb_bytes read_fd(int fd)
{
    struct rhb_bytes all = {0};
    ssize_t n = 1;
    while (n > 0) {
        if (!rhb_bytes_reserve(&all, 65536))
            abort();
        n = read(fd, all.data + all.len, 65536);
        all.len += n > 0 ? (size_t)n : 0;
    }
    return all;
}

static inline struct rhb_bytes read_file(const char *path)
{
    int fd = open(path, O_RDONLY);
    struct rhb_bytes all = read_fd(fd);
    close(fd);
    return all;
}

static inline void check_file(struct rhb_test *t, const char *path, const char *expected)
{
    struct rhb_bytes all = read_file(path);
    CHECK_STR(all.data, all.len, expected);
    rhb_bytes_free(&all);
}

static inline void check_fd(struct rhb_test *t, int fd, const char *expected)
{
    struct rhb_bytes all = read_fd(fd);
    CHECK_STR(all.data, all.len, expected);
    rhb_bytes_free(&all);
}

#endif
