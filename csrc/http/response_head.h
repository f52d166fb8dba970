/* Writes one response head into a growing buffer, and decides how the body is framed (RFC 9112
 * section 6.3, RFC 9110 section 8.6). Only this file decides which fields of the application are
 * sent. */
#ifndef RHB_RESPONSE_HEAD_H
#define RHB_RESPONSE_HEAD_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stdint.h>

/* Why a part of the application's response head is refused. */
enum rhb_head_result {
    RHB_HEAD_OK,
    RHB_HEAD_BAD_STATUS, /* not three digits 100..999, a space and a reason without controls (an
                            empty reason is fine) */
    RHB_HEAD_BAD_NAME,   /* not a token */
    RHB_HEAD_BAD_VALUE,  /* has CR, LF, NUL or another control except HTAB */
    RHB_HEAD_BAD_LENGTH, /* Content-Length is not a number up to 2^63-1, or there are two that
                            differ */
    RHB_HEAD_NO_MEMORY
};

enum rhb_body_framing {
    RHB_FRAME_NONE,    /* no body is sent: HEAD, 1xx, 204, 205, 304 */
    RHB_FRAME_LENGTH,  /* exactly content_length bytes */
    RHB_FRAME_CHUNKED, /* RFC 9112 section 7.1 */
    RHB_FRAME_CLOSE    /* the end of the connection is the end of the body */
};

struct rhb_response_head {
    struct rhb_bytes *out;
    size_t start; /* of this head in out */
    int status;
    bool has_length, has_date, has_server;
    bool says_caching; /* by Cache-Control, Expires or a field for caches like ours */
    bool app_closes;   /* the application said Connection: close (its Connection field itself is
                          dropped) */
    bool names_fields; /* its Connection field has names of fields that are for one connection */
    uint64_t content_length;
};

/* What the decision depends on besides the application. */
struct rhb_head_context {
    int minor_version;   /* of the request */
    bool is_head;        /* method HEAD */
    bool keep_alive;     /* wanted by the request and allowed by the server */
    bool allow_chunked;  /* --chunked */
    int64_t body_length; /* in bytes, if it is known beforehand (list or tuple); otherwise -1 */
    const char *date;    /* 29 bytes, IMF-fixdate */
    const char *server;  /* value of Server; server_len 0 for none */
    size_t server_len;
};

struct rhb_head_outcome {
    enum rhb_body_framing framing;
    uint64_t content_length; /* RHB_FRAME_LENGTH */
    bool keep_alive;
};

/* Starts a head with the status line. status: as in PEP 3333, such as "200 OK". Sets all of head.
 */
enum rhb_head_result rhb_head_begin(struct rhb_response_head *head, struct rhb_bytes *out,
                                    const char *status, size_t status_len);

/* Adds one field of the application. Hop-by-hop fields (Connection, Keep-Alive, Transfer-Encoding,
 * Upgrade, Trailer, TE, Proxy-Connection; RFC 9110 section 7.6.1) are dropped, but Connection:
 * close takes effect. Content-Length is written by rhb_head_end. Date and Server replace ours. */
enum rhb_head_result rhb_head_field(struct rhb_response_head *head, const char *name,
                                    size_t name_len, const char *value, size_t value_len);

/* Whether a field of this name, in lower case, has been written. */
bool rhb_head_has_field(const struct rhb_response_head *head, const char *lower, size_t len);

/* Decides the framing, and writes Content-Length or Transfer-Encoding, Connection where the version
 * alone would not say the same, Date and Server if the application has not set them, and the empty
 * line. Sets all of outcome; returns RHB_HEAD_OK or RHB_HEAD_NO_MEMORY. */
enum rhb_head_result rhb_head_end(struct rhb_response_head *head,
                                  const struct rhb_head_context *context,
                                  struct rhb_head_outcome *outcome);

#endif
