/* The settings of one loop. Durations are in nanoseconds, sizes in bytes. */
#ifndef RHB_LOOP_OPTIONS_H
#define RHB_LOOP_OPTIONS_H

#include "connection.h"
#include "http/forwarded.h"
#include "http/request_id.h"

struct rhb_loop_options {
    struct phr_limits limits;
    size_t max_fields;
    uint64_t max_body;  /* 0: no limit */
    size_t body_buffer; /* of a body, kept in memory; a longer one goes to a temporary file */
    struct rhb_body_memory *body_memory; /* NULL: malloc's */
    size_t large_body; /* bodies from this size on are received in turns (body_turns.h); 0: none */
    uint64_t timeouts[RHB_CONN_PARKED_STATES];
    uint64_t min_rate;        /* bytes per second: the slowest body or response that is not ended */
    uint32_t max_connections; /* 0: no limit */
    uint32_t max_keepalive_requests; /* 0: no limit */
    bool keep_alive;
    const char *server; /* value of the Server field */
    size_t server_len;
    struct rhb_forwarded_policy forwarded; /* for the client's address in the access log */
    struct rhb_request_id_policy request_ids;
    unsigned proxy_versions; /* of PROXY headers, or-ed; 0: connections have no PROXY header */
    struct rhb_allowed_peers proxy_allowed; /* these must send a PROXY header; others must not */
};

#endif
