/* What a stream of bytes asks for, read in one go: the requests that the loop has to deliver,
 * however the bytes reach it. For fuzz_loop.c, and for h11_differential.py, which knows the struct.
 */
#ifndef RHB_FUZZ_REFERENCE_H
#define RHB_FUZZ_REFERENCE_H

#include "fuzz.h"
#include "loop/loop.h"

enum { REFERENCE_FIELDS = 16 };

enum reference_kind { REFERENCE_INCOMPLETE, REFERENCE_REQUEST, REFERENCE_REFUSED };

/* The next request of a stream. Pointers into the stream, path and body apart. */
struct reference {
    enum reference_kind kind;
    int status;       /* of a refusal */
    int other_status; /* that is as good, when two things are wrong; 0 otherwise */
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

/* To be released with reference_free. */
void reference_next(struct reference *next, const struct phr_limits *limits, uint64_t max_body,
                    const char *stream, size_t len);
void reference_free(struct reference *next);

/* Whether the loop's request is this one, to the last byte of its body. Aborts when it is not. */
void reference_must_be(const struct reference *expected, const struct rhb_request *request);

#endif
