/* The requests in a stream of bytes, parsed from the whole stream at once. The loop must deliver
 * the same requests, however the bytes arrive. For fuzz_loop.c, and for h11_differential.py, which
 * has the same struct. */
#ifndef RHB_FUZZ_REFERENCE_H
#define RHB_FUZZ_REFERENCE_H

#include "fuzz.h"
#include "loop/loop.h"

enum { REFERENCE_FIELDS = 16 };

enum reference_kind { REFERENCE_INCOMPLETE, REFERENCE_REQUEST, REFERENCE_REFUSED };

/* The next request of a stream. Pointers point into the stream, except path and body. */
struct reference {
    enum reference_kind kind;
    int status;       /* of a refusal */
    int other_status; /* also allowed, when there are two errors; otherwise 0 */
    struct phr_request_head head;
    struct phr_header fields[REFERENCE_FIELDS];
    struct rhb_target target;
    struct rhb_framing framing;
    size_t head_len;
    char *path;
    size_t path_len;
    char *body;
    size_t body_len;
    size_t used; /* bytes of the stream, up to the next request */
};

/* Parses the next request; to be freed with reference_free. */
void reference_next(struct reference *next, const struct phr_limits *limits, uint64_t max_body,
                    const char *stream, size_t len);
void reference_free(struct reference *next);

/* Aborts unless the loop's request is this one, to the last byte of its body. */
void reference_must_be(const struct reference *expected, const struct rhb_request *request);

#endif
