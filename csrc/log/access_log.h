/* The access log: a format compiled once, lines rendered into a batch, one O_APPEND write a batch,
 * reopened when the file was renamed. No Python, no locale, no allocation per line. */
#ifndef RHB_ACCESS_LOG_H
#define RHB_ACCESS_LOG_H

#include "base/bytes.h"
#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct rhb_access_log;

enum { RHB_ACCESS_VARIABLES = 32 /* that one format can name */ };

/* Everything a line can say about one exchange. Pointers are read during the call only; a NULL
 * pointer or zero length is logged as "-". */
struct rhb_access_entry {
    const struct phr_request_head *request; /* NULL when the head could not be parsed */
    const char *peer;                       /* textual address, NULL for a unix socket */
    size_t peer_len;
    int status;
    uint64_t body_bytes;       /* of the response, without its head and chunk framing */
    const char *response_head; /* as sent, with status line and empty line */
    size_t response_head_len;
    const char *const *environ; /* values of rhb_access_log_environ_key(), in that order */
    const size_t *environ_len;
    time_t finished;
    uint64_t duration_ns;
    pid_t pid;
};

/* Compiles gunicorn's atoms: %(x)s with x of h l u t r m U q H s B b f a T M D L p {name}i {name}o
 * {variable}e, and %%. u is the user of Authorization: Basic. Bytes that could forge a line
 * (controls, quotes, backslash, 0x7F up) are written as \xHH. Returns NULL and, in *error, a static
 * message and, in *error_at, the offset in the format; NULL with *error NULL when there is no
 * memory. */
struct rhb_access_log *rhb_access_log_new(const char *format, const char **error, size_t *error_at);

/* Appends lines to this path, or to fd when path is NULL (fd stays the caller's). Returns 0 or
 * -errno. */
int rhb_access_log_open(struct rhb_access_log *log, const char *path, int fd);

/* The environ variables that the format names, at most RHB_ACCESS_VARIABLES, so that the caller can
 * fetch them: NULL past the last. */
const char *rhb_access_log_environ_key(const struct rhb_access_log *log, size_t index);

/* Renders one line into the batch; writes the batch when it is full. */
void rhb_access_log_add(struct rhb_access_log *log, const struct rhb_access_entry *entry);

/* When the lines that wait are to be written at the latest, a second after the first of them came:
 * coarse monotonic ns, 0 when none waits. */
uint64_t rhb_access_log_due(const struct rhb_access_log *log);

/* Writes what waits with one write, after reopening the file if its path names another inode by now
 * or nothing. Returns 0 or -errno; lines that could not be written are counted and dropped (a full
 * disk must not stop the server), and the next batch that succeeds says how many. */
int rhb_access_log_flush(struct rhb_access_log *log);

/* Flushes, closes what it opened, frees. NULL is fine. */
void rhb_access_log_free(struct rhb_access_log *log);

#endif
