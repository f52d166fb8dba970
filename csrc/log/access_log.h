/* The access log. Its format is compiled once; lines are rendered into a batch; each batch is
 * written with one write in append mode. The file is reopened after it has been renamed. No Python,
 * no locale, no allocation per line. */
#ifndef RHB_ACCESS_LOG_H
#define RHB_ACCESS_LOG_H

#include "base/bytes.h"
#include "error_line.h"
#include "http/allowed_peers.h"
#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct rhb_access_log;

enum { RHB_ACCESS_VARIABLES = 32 /* environ variables in one format, at most */ };

/* One exchange, with everything that a line can contain. Pointers are read only during the call. A
 * NULL pointer or a length of 0 is logged as "-". */
struct rhb_access_entry {
    const struct phr_request_head *request; /* NULL when the head could not be parsed */
    const char *peer;                       /* address as text; NULL for a unix socket */
    size_t peer_len;
    int status;
    uint64_t body_bytes;       /* of the response, without its head and chunk framing */
    const char *response_head; /* as sent, with status line and empty line */
    size_t response_head_len;
    const char *const *environ; /* values of rhb_access_log_environ_key(), in that order */
    const size_t *environ_len;
    const char *request_id; /* NULL: it has none */
    size_t request_id_len;
    const struct rhb_peer *sender;           /* who has sent the request: client or proxy */
    const struct rhb_allowed_peers *proxies; /* those that are believed; NULL: none */
    time_t finished;
    uint64_t duration_ns;
    bool answered;      /* no application has had it, so it has no time with one */
    bool timed;         /* the next three are known */
    uint64_t queue_ns;  /* from the last byte of the request until the loop turned to it */
    uint64_t away_ns;   /* of duration_ns: waiting for the client */
    uint64_t waited_ns; /* before queue_ns: for another request, whose answer is the cache's */
    pid_t pid;
};

/* A log with this format, which has gunicorn's atoms: %(x)s with x of h l u t r m U q H s B b f a T
 * M D L p {name}i {name}o {variable}e, and %%; {iso}t is the time of RFC 3339. u is the user of
 * Authorization: Basic (RFC 7617). {name}x are those of own_atoms.c. Bytes that could forge a line
 * (controls, quotes, backslash, 0x7F and up) are written as \xHH. `json`, or a format behind
 * `escape=json `, writes JSON (json.h). For a bad format, returns NULL and sets *error to a static
 * message and *error_at to the offset in the format. Returns NULL with *error NULL when there is no
 * memory. */
struct rhb_access_log *rhb_access_log_new(const char *format, const char **error, size_t *error_at);

/* Sets where lines are appended: to fd, or to the file of this path when fd is negative. With both,
 * fd is the open file of the path. fd remains the caller's. Returns 0 or -errno. */
int rhb_access_log_open(struct rhb_access_log *log, const char *path, int fd);

/* The names of the environ variables in the format, at most RHB_ACCESS_VARIABLES, each once. NULL
 * behind the last one. */
const char *rhb_access_log_environ_key(const struct rhb_access_log *log, size_t index);

/* Renders one line into the batch, and writes the batch when it is full. */
void rhb_access_log_add(struct rhb_access_log *log, const struct rhb_access_entry *entry);

/* When rhb_access_log_flush must be called, in coarse monotonic ns: a second after the first line
 * of the batch. 0 when the batch is empty. */
uint64_t rhb_access_log_due(const struct rhb_access_log *log);

/* Writes the batch. First reopens the file if its path is another file now, or none. Returns 0 or
 * -errno. Never waits: with -EAGAIN, for a full pipe, the rest of the batch is kept for the next
 * flush, up to 256 KiB. Lines that cannot be written are counted and dropped, since a full disk
 * must not stop the server; the next batch begins with a line that says how many. */
int rhb_access_log_flush(struct rhb_access_log *log);

/* Sets the descriptor of the error log, which gets a line when the path cannot be opened again
 * after a rename, once. -1: no line. */
void rhb_access_log_errors_to(struct rhb_access_log *log, int fd, enum rhb_error_form form);

/* Writes the batch, before the process ends: waits a short time for the reader of a full pipe. */
void rhb_access_log_finish(struct rhb_access_log *log);

/* Writes the batch like rhb_access_log_finish, closes the file if it was opened here, and frees the
 * log. NULL is allowed. */
void rhb_access_log_free(struct rhb_access_log *log);

#endif
