#define _GNU_SOURCE /* memrchr */
#include "access_log.h"
#include "base/clock.h"
#include "format.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A batch of this many bytes is written at once. */
#define BATCH (32 * 1024)

/* Space for a batch and its last line. What a very long line needed beyond that is freed. */
#define BATCH_SPACE (64 * 1024)

/* What is kept for a slow reader of a pipe; beyond that lines are dropped. */
#define KEEP (256 * 1024)

/* When a full pipe is tried again, and how long the end of the process waits for one. */
#define RETRY (20 * 1000000ull)
#define LAST_PATIENCE (200 * 1000000ull)

struct rhb_access_log {
    struct rhb_access_format *format;
    struct rhb_access_second second;
    struct rhb_bytes batch;
    uint64_t due; /* when the batch must be written, in coarse monotonic ns */
    char *path;   /* NULL when the descriptor is the caller's */
    int fd;
    dev_t dev; /* of fd, and its inode */
    ino_t ino;
    bool is_socket;
    bool in_pieces;  /* a write gets whole lines of at most PIPE_BUF bytes */
    bool may_wait;   /* a write could wait for a reader */
    size_t flush_at; /* bytes in the batch */
    int errors;      /* descriptor of the error log, or -1 */
    enum rhb_error_form error_form;
    bool stays;        /* writes to the renamed file, and the error log says so */
    bool torn;         /* the last write ended inside a line */
    uint64_t lost;     /* lines that no written notice has reported yet */
    uint64_t noticed;  /* of these, the ones that the notice in the batch reports */
    size_t notice_len; /* bytes of the notice, at the start of the batch */
};

struct rhb_access_log *rhb_access_log_new(const char *format, const char **error, size_t *error_at)
{
    struct rhb_access_log *log = calloc(1, sizeof *log);
    *error = NULL;
    *error_at = 0;
    if (log == NULL)
        return NULL;
    log->fd = log->errors = -1;
    log->flush_at = BATCH;
    log->format = rhb_access_format_new(format, error, error_at);
    if (log->format != NULL && rhb_bytes_reserve(&log->batch, BATCH_SPACE))
        return log;
    rhb_access_log_free(log);
    return NULL;
}

const char *rhb_access_log_environ_key(const struct rhb_access_log *log, size_t index)
{
    return rhb_access_format_environ_key(log->format, index);
}

/* ---- the file ---- */

static void close_own(struct rhb_access_log *log)
{
    if (log->path != NULL)
        close(log->fd);
    log->fd = -1;
}

/* Writes to fd from now on, if it is an open descriptor. Returns 0 or -errno. */
static int set_file(struct rhb_access_log *log, int fd)
{
    struct stat file;
    if (fstat(fd, &file) != 0)
        return -errno;
    close_own(log);
    log->fd = fd;
    log->dev = file.st_dev;
    log->ino = file.st_ino;
    log->is_socket = S_ISSOCK(file.st_mode);
    log->may_wait = !S_ISREG(file.st_mode) && (fcntl(fd, F_GETFL) & O_NONBLOCK) == 0;
    log->in_pieces = S_ISFIFO(file.st_mode) || log->may_wait;
    return 0;
}

/* Does not wait for the reader of a FIFO. */
static int open_path(struct rhb_access_log *log, const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
    if (fd < 0)
        return -errno;
    int result = set_file(log, fd);
    if (result != 0)
        close(fd);
    return result;
}

/* Writes to a copy of fd, which close_own closes. */
static int set_copy(struct rhb_access_log *log, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -errno;
    int result = set_file(log, copy);
    if (result != 0)
        close(copy);
    return result;
}

int rhb_access_log_open(struct rhb_access_log *log, const char *path, int fd)
{
    char *copy = path == NULL ? NULL : strdup(path);
    if (path != NULL && copy == NULL)
        return -ENOMEM;
    int result = path == NULL ? set_file(log, fd)
                 : fd >= 0    ? set_copy(log, fd)
                              : open_path(log, path);
    if (result != 0) {
        free(copy);
        return result;
    }
    free(log->path);
    log->path = copy;
    return 0;
}

void rhb_access_log_errors_to(struct rhb_access_log *log, int fd, enum rhb_error_form form)
{
    log->errors = fd;
    log->error_form = form;
}

static void report_that_it_stays(const struct rhb_access_log *log, int error)
{
    char message[PIPE_BUF];
    snprintf(message, sizeof message,
             "the access log '%.1024s' cannot be opened again: %s; this process goes on writing to "
             "the old file",
             log->path, strerror(error));
    rhb_error_line(log->errors, log->error_form, message);
}

/* Opens the path again if it is another file now, or none. Returns 0 or -errno. */
static int reopen(struct rhb_access_log *log)
{
    struct stat file;
    if (log->path == NULL)
        return 0;
    if (stat(log->path, &file) != 0)
        return errno == ENOENT ? open_path(log, log->path) : -errno;
    if (file.st_dev == log->dev && file.st_ino == log->ino)
        return 0;
    return open_path(log, log->path);
}

/* The same. If it fails, lines still go to the old file, and the error log says so once. */
static int reopen_if_renamed(struct rhb_access_log *log)
{
    int result = reopen(log);
    if (result != 0 && !log->stays && log->errors >= 0)
        report_that_it_stays(log, -result);
    log->stays = result != 0;
    return result;
}

/* ---- the batch ---- */

static int render_notice(const struct rhb_access_log *log, char *notice, size_t cap)
{
    const char *before = log->torn ? "\n" : "", *text = "lines of this log could not be written";
    unsigned long long lost = log->lost;
    if (rhb_access_format_is_json(log->format))
        return snprintf(notice, cap, "%s{\"level\": \"warning\", \"message\": \"%llu %s\"}\n",
                        before, lost, text);
    return snprintf(notice, cap, "%srhebok: %llu %s\n", before, lost, text);
}

/* If lines have been lost, the batch begins with a notice, on a line of its own. */
static void begin_batch(struct rhb_access_log *log)
{
    char notice[128];
    log->due = rhb_now_coarse() + RHB_NS_PER_SECOND;
    if (log->lost == 0)
        return;
    int len = render_notice(log, notice, sizeof notice);
    if (!rhb_bytes_append(&log->batch, notice, (size_t)len))
        return;
    log->notice_len = (size_t)len;
    log->noticed = log->lost;
}

void rhb_access_log_add(struct rhb_access_log *log, const struct rhb_access_entry *entry)
{
    if (log->batch.len == 0)
        begin_batch(log);
    size_t start = log->batch.len;
    if (start >= KEEP) {
        log->lost++;
        return;
    }
    if (!rhb_access_format_render(log->format, &log->second, &log->batch, entry)) {
        log->batch.len = start;
        log->lost++;
    }
    if (log->batch.len >= log->flush_at)
        rhb_access_log_flush(log);
}

uint64_t rhb_access_log_due(const struct rhb_access_log *log)
{
    return log->batch.len > 0 ? log->due : 0;
}

/* How many bytes the next write gets: all that are left. But a pipe gets whole lines of at most
 * PIPE_BUF bytes: other workers write to it too, and more would be mixed with their lines
 * (pipe(7)).
 */
static size_t next_write(const struct rhb_access_log *log, size_t written)
{
    const char *from = log->batch.data + written, *end;
    size_t left = log->batch.len - written;
    if (!log->in_pieces || left <= PIPE_BUF)
        return left;
    end = memrchr(from, '\n', PIPE_BUF);
    if (end == NULL)
        end = memchr(from, '\n', left);
    return end == NULL ? left : (size_t)(end + 1 - from);
}

/* Like write(2), but EAGAIN instead of waiting for a reader. */
static ssize_t write_now(const struct rhb_access_log *log, const char *data, size_t len)
{
    struct pollfd poll_fd = {.fd = log->fd, .events = POLLOUT};
    if (log->is_socket)
        return send(log->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (log->may_wait && poll(&poll_fd, 1, 0) == 0) {
        errno = EAGAIN;
        return -1;
    }
    return write(log->fd, data, len);
}

static int write_batch(const struct rhb_access_log *log, size_t *written)
{
    while (*written < log->batch.len) {
        ssize_t n = write_now(log, log->batch.data + *written, next_write(log, *written));
        if (n > 0)
            *written += (size_t)n;
        else if (n == 0)
            return -EIO;
        else if (errno != EINTR)
            return -errno;
    }
    return 0;
}

static uint64_t count_lines(const char *from, const char *end)
{
    uint64_t lines = 0;
    for (; from < end; from++)
        lines += *from == '\n';
    return lines;
}

static void empty_batch(struct rhb_access_log *log)
{
    log->batch.len = 0;
    log->notice_len = 0;
    log->noticed = 0;
    log->flush_at = BATCH;
    if (log->batch.cap > BATCH_SPACE)
        rhb_bytes_free(&log->batch);
}

/* Counts the lines that were not written, or only in part, and empties the batch. */
static void end_batch(struct rhb_access_log *log, size_t written)
{
    const char *data = log->batch.data;
    size_t lines = written > log->notice_len ? written : log->notice_len;
    if (written >= log->notice_len)
        log->lost -= log->noticed;
    log->lost += count_lines(data + lines, data + log->batch.len);
    if (written > 0)
        log->torn = data[written - 1] != '\n';
    empty_batch(log);
}

/* Keeps what was not written for the next flush. */
static void keep_rest(struct rhb_access_log *log, size_t written)
{
    if (written >= log->notice_len) {
        log->lost -= log->noticed;
        log->noticed = 0;
        log->notice_len = 0;
    } else {
        log->notice_len -= written;
    }
    log->batch.len -= written;
    memmove(log->batch.data, log->batch.data + written, log->batch.len);
    log->due = rhb_now_coarse() + RETRY;
    log->flush_at = log->batch.len + BATCH;
}

int rhb_access_log_flush(struct rhb_access_log *log)
{
    size_t written = 0;
    if (log->batch.len == 0)
        return 0;
    int reopened = reopen_if_renamed(log);
    int result = write_batch(log, &written);
    if (result == -EAGAIN)
        keep_rest(log, written);
    else
        end_batch(log, written);
    return result != 0 ? result : reopened;
}

void rhb_access_log_finish(struct rhb_access_log *log)
{
    uint64_t end = rhb_now_exact() + LAST_PATIENCE, now;
    struct pollfd poll_fd = {.fd = log->fd, .events = POLLOUT};
    if (log->batch.len == 0)
        begin_batch(log);
    while (rhb_access_log_flush(log) == -EAGAIN) {
        now = rhb_now_exact();
        if (now >= end || poll(&poll_fd, 1, (int)((end - now) / 1000000) + 1) <= 0)
            return;
    }
}

void rhb_access_log_free(struct rhb_access_log *log)
{
    if (log == NULL)
        return;
    rhb_access_log_finish(log);
    close_own(log);
    rhb_access_format_free(log->format);
    rhb_bytes_free(&log->batch);
    free(log->path);
    free(log);
}
