/* The field X-Request-Start: when the first proxy got the request. */
#ifndef RHB_REQUEST_START_H
#define RHB_REQUEST_START_H

#include "allowed_peers.h"
#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stdint.h>

/* Reads a value into ns since 1970: a number, perhaps behind `t=`, of seconds (nginx: `t=${msec}`,
 * with a fraction), milliseconds (Heroku), microseconds (Apache: `t=%t`) or nanoseconds, whichever
 * gives a time after 1973. False when it is nothing of that, or does not fit (the year 2554). */
bool rhb_request_start_read(const char *value, size_t len, uint64_t *ns);

/* Reads that of a request from this peer. False when there is none or more than one, or the peer is
 * not allowed. */
bool rhb_request_start_find(const struct rhb_allowed_peers *allowed, const struct rhb_peer *peer,
                            const struct phr_header *fields, size_t count, uint64_t *ns);

#endif
