/* Metrics of finished requests for statsd, with gunicorn's names: request.duration, requests, and
 * request.status.NNN. They are gathered and sent in datagrams, at the latest after a second. Never
 * waits: what a socket does not take is lost. */
#ifndef RHB_STATSD_H
#define RHB_STATSD_H

#include "access_log.h"
#include <stdint.h>

/* Of a datagram, in bytes: what fits into a packet of Ethernet with room for tunnels. Only a longer
 * line makes a longer one. */
#define RHB_STATSD_DATAGRAM 1400

struct rhb_statsd;

/* fd: a connected datagram socket, which remains the caller's. path: of a unix socket, which is
 * connected again after its server has been started again; NULL: of no unix socket. prefix stands
 * before each name; tags behind each line, "" for none. NULL when there is no memory. */
struct rhb_statsd *rhb_statsd_new(int fd, const char *path, const char *prefix, const char *tags);

/* Counts a response; may send what has been gathered. A duration of 0 is none: the request was
 * refused, and would make all others seem slower. */
void rhb_statsd_add(struct rhb_statsd *statsd, const struct rhb_access_entry *entry);

/* When rhb_statsd_flush must be called, in coarse monotonic ns. 0 when there is nothing to send. */
uint64_t rhb_statsd_due(const struct rhb_statsd *statsd);

/* Sends what has been gathered. */
void rhb_statsd_flush(struct rhb_statsd *statsd);

/* Sends what has been gathered. NULL is allowed. */
void rhb_statsd_free(struct rhb_statsd *statsd);

#endif
