#include "statsd.h"
#include "base/clock.h"
#include "base/decimal.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Statuses that are counted at a time; another one sends what has been gathered. */
#define STATUSES 16

/* A line without prefix and tags is shorter. */
#define LINE 80

struct count {
    int status;
    uint64_t responses;
};

struct rhb_statsd {
    int fd;
    struct sockaddr_un path; /* sun_path is empty for an inet socket */
    char *prefix, *tags;
    size_t prefix_len, tags_len;
    size_t line; /* the longest one */
    uint64_t due;
    uint64_t requests; /* gathered */
    struct count counts[STATUSES];
    size_t n_counts;
    struct rhb_bytes lines; /* the datagram */
};

struct rhb_statsd *rhb_statsd_new(int fd, const char *path, const char *prefix, const char *tags)
{
    struct rhb_statsd *statsd = calloc(1, sizeof *statsd);
    if (statsd == NULL)
        return NULL;
    statsd->fd = fd;
    statsd->path.sun_family = AF_UNIX;
    if (path != NULL)
        strncpy(statsd->path.sun_path, path, sizeof statsd->path.sun_path - 1);
    statsd->prefix = strdup(prefix);
    statsd->tags = strdup(tags);
    statsd->prefix_len = strlen(prefix);
    statsd->tags_len = strlen(tags);
    statsd->line = statsd->prefix_len + statsd->tags_len + LINE;
    if (statsd->prefix != NULL && statsd->tags != NULL &&
        rhb_bytes_reserve(&statsd->lines, RHB_STATSD_DATAGRAM + statsd->line))
        return statsd;
    rhb_statsd_free(statsd);
    return NULL;
}

/* ---- the socket ---- */

static bool sent(const struct rhb_statsd *statsd)
{
    return send(statsd->fd, statsd->lines.data, statsd->lines.len, MSG_DONTWAIT | MSG_NOSIGNAL) >=
           0;
}

/* The error of an inet socket is about an earlier datagram, and this one has not been sent. A unix
 * socket whose server has ended needs the one that stands at the path now. */
static bool may_try_again(const struct rhb_statsd *statsd)
{
    const struct sockaddr_un *path = &statsd->path;
    if (errno == EAGAIN || errno == ENOBUFS)
        return false;
    return path->sun_path[0] == '\0' ||
           connect(statsd->fd, (const struct sockaddr *)path, sizeof *path) == 0;
}

static void send_datagram(struct rhb_statsd *statsd)
{
    if (!sent(statsd) && may_try_again(statsd))
        sent(statsd); /* the last attempt: the metrics are lost otherwise */
    statsd->lines.len = 0;
}

/* ---- lines ---- */

static void put(struct rhb_statsd *statsd, const char *text)
{
    rhb_bytes_put(&statsd->lines, text, strlen(text));
}

static void put_number(struct rhb_statsd *statsd, uint64_t number)
{
    struct rhb_bytes *lines = &statsd->lines;
    lines->len = (size_t)(rhb_decimal_write(lines->data + lines->len, number) - lines->data);
}

static void begin_line(struct rhb_statsd *statsd)
{
    if (statsd->lines.len + statsd->line > RHB_STATSD_DATAGRAM && statsd->lines.len > 0)
        send_datagram(statsd);
    if (statsd->lines.len > 0)
        rhb_bytes_put(&statsd->lines, "\n", 1);
    rhb_bytes_put(&statsd->lines, statsd->prefix, statsd->prefix_len);
}

static void end_line(struct rhb_statsd *statsd)
{
    if (statsd->tags_len == 0)
        return;
    put(statsd, "|#");
    rhb_bytes_put(&statsd->lines, statsd->tags, statsd->tags_len);
}

/* As Python writes a float: no zeros at the end, but one digit at least. */
static void put_milliseconds(struct rhb_statsd *statsd, uint64_t ns)
{
    unsigned micros = (unsigned)(ns / 1000 % 1000);
    char digits[3] = {(char)('0' + micros / 100), (char)('0' + micros / 10 % 10),
                      (char)('0' + micros % 10)};
    size_t len = digits[2] != '0' ? 3 : digits[1] != '0' ? 2 : 1;
    put_number(statsd, ns / 1000000);
    put(statsd, ".");
    rhb_bytes_put(&statsd->lines, digits, len);
}

static void put_duration(struct rhb_statsd *statsd, uint64_t ns)
{
    begin_line(statsd);
    put(statsd, "gunicorn.request.duration:");
    put_milliseconds(statsd, ns);
    put(statsd, "|ms");
    end_line(statsd);
}

static void put_counter(struct rhb_statsd *statsd, const char *name, int status, uint64_t count)
{
    begin_line(statsd);
    put(statsd, name);
    if (status > 0)
        put_number(statsd, (uint64_t)status);
    put(statsd, ":");
    put_number(statsd, count);
    put(statsd, "|c|@1.0");
    end_line(statsd);
}

/* ---- what is gathered ---- */

/* The count of the status; NULL when there is no place for another one. */
static struct count *find(struct rhb_statsd *statsd, int status)
{
    size_t i = 0;
    while (i < statsd->n_counts && statsd->counts[i].status != status)
        i++;
    if (i == STATUSES)
        return NULL;
    if (i == statsd->n_counts)
        statsd->counts[statsd->n_counts++] = (struct count){.status = status};
    return &statsd->counts[i];
}

/* One datagram has the durations and their counters, if they fit. */
static bool is_full(const struct rhb_statsd *statsd)
{
    return statsd->lines.len + (2 + statsd->n_counts) * statsd->line > RHB_STATSD_DATAGRAM;
}

void rhb_statsd_add(struct rhb_statsd *statsd, const struct rhb_access_entry *entry)
{
    struct count *count = find(statsd, entry->status);
    if (count == NULL) {
        rhb_statsd_flush(statsd);
        count = find(statsd, entry->status);
    }
    if (statsd->requests == 0)
        statsd->due = rhb_now_coarse() + RHB_NS_PER_SECOND;
    if (entry->duration_ns > 0)
        put_duration(statsd, entry->duration_ns);
    count->responses++;
    statsd->requests++;
    if (is_full(statsd))
        rhb_statsd_flush(statsd);
}

uint64_t rhb_statsd_due(const struct rhb_statsd *statsd)
{
    return statsd->requests > 0 ? statsd->due : 0;
}

void rhb_statsd_flush(struct rhb_statsd *statsd)
{
    if (statsd->requests == 0)
        return;
    put_counter(statsd, "gunicorn.requests", 0, statsd->requests);
    for (size_t i = 0; i < statsd->n_counts; i++)
        if (statsd->counts[i].status > 0)
            put_counter(statsd, "gunicorn.request.status.", statsd->counts[i].status,
                        statsd->counts[i].responses);
    send_datagram(statsd);
    statsd->requests = 0;
    statsd->n_counts = 0;
}

void rhb_statsd_free(struct rhb_statsd *statsd)
{
    if (statsd == NULL)
        return;
    rhb_statsd_flush(statsd);
    rhb_bytes_free(&statsd->lines);
    free(statsd->prefix);
    free(statsd->tags);
    free(statsd);
}
