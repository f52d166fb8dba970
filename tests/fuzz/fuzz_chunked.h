/* Decodes a chunked body, whole and in pieces. For the two fuzz_chunked_*.c, which pass the
 * decoder. */
#ifndef RHB_FUZZ_CHUNKED_H
#define RHB_FUZZ_CHUNKED_H

#include "fuzz.h"
#include <sys/types.h>

enum { FUZZ_CHUNKED_MAX = 4096 };

typedef ssize_t fuzz_decode(void *decoder, char *buf, size_t *bufsz);

/* The data, and the last result of the decoder. If that is a number of bytes, those that were not
 * fed are included. */
struct fuzz_decoded {
    char data[FUZZ_CHUNKED_MAX];
    size_t len;
    ssize_t result;
};

/* Feeds pieces of `step` bytes, each in a copy of its own, to a new decoder. */
static inline void fuzz_decode_pieces(fuzz_decode *decode, void *decoder, size_t step,
                                      const char *bytes, size_t len, struct fuzz_decoded *out)
{
    out->len = 0;
    out->result = -2;
    for (size_t fed = 0; fed < len && out->result == -2;) {
        size_t piece = len - fed < step ? len - fed : step, size = piece;
        char *buf = fuzz_copy(bytes + fed, piece);
        fed += piece;
        out->result = decode(decoder, buf, &size);
        MUST(size <= piece && out->result >= -2);
        memcpy(out->data + out->len, buf, size);
        out->len += size;
        if (out->result >= 0) {
            size_t left = (size_t)out->result;
            MUST(size + left <= piece && memcmp(buf + size, bytes + fed - left, left) == 0);
            out->result += (ssize_t)(len - fed);
        }
        free(buf);
    }
}

static inline void fuzz_must_agree(const struct fuzz_decoded *one, const struct fuzz_decoded *other)
{
    MUST(one->result == other->result);
    if (one->result != -1)
        MUST(fuzz_same(one->data, one->len, other->data, other->len));
}

#endif
