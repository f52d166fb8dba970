/* Decodes one chunked body in all ways that must give the same result: whole, cut in two at every
 * position, and byte by byte, always at the end of readable memory. For the test_chunked*.c files.
 */
#ifndef RHB_TEST_CHUNK_WAYS_H
#define RHB_TEST_CHUNK_WAYS_H

#include "harness.h"

#include <stdlib.h>
#include <sys/types.h>

/* Decodes with the decoder behind `decoder`, which the caller resets. */
typedef ssize_t (*chunk_decode)(void *decoder, char *buf, size_t *bufsz);
typedef void (*chunk_reset)(void *decoder);

struct chunk_setup {
    void *decoder;
    chunk_decode decode;
    chunk_reset reset;
};

/* The data of all calls, and the result of the last one. */
struct chunk_outcome {
    char data[4096];
    size_t len;
    ssize_t result;
    char left[256];
};

/* Decodes one more piece; false when it was the last one. */
static inline bool chunk_feed(struct rhb_test *t, const struct chunk_setup *setup,
                              const struct rhb_guard *guard, const char *bytes, size_t len,
                              struct chunk_outcome *out)
{
    char *buf = rhb_guard_put(guard, bytes, len);
    size_t size = len;

    out->result = setup->decode(setup->decoder, buf, &size);
    if (!CHECK(size <= len && out->len + size <= sizeof(out->data)))
        return false;
    memcpy(out->data + out->len, buf, size);
    out->len += size;
    if (out->result > 0 && CHECK(size + (size_t)out->result <= len) &&
        CHECK((size_t)out->result <= sizeof(out->left)))
        memcpy(out->left, buf + size, (size_t)out->result);
    return out->result == -2;
}

/* Pieces: [0, first), then `step` bytes each. The bytes behind the body are those that the last
 * piece has left, and those that were not fed. */
static inline void chunk_run(struct rhb_test *t, const struct chunk_setup *setup,
                             const struct rhb_guard *guard, const char *bytes, size_t len,
                             size_t first, size_t step, struct chunk_outcome *out)
{
    size_t fed = first;
    bool more;

    *out = (struct chunk_outcome){.result = -2};
    setup->reset(setup->decoder);
    more = chunk_feed(t, setup, guard, bytes, first, out);
    while (more && fed < len) {
        size_t size = len - fed < step ? len - fed : step;
        more = chunk_feed(t, setup, guard, bytes + fed, size, out);
        fed += size;
    }
    if (out->result >= 0) {
        CHECK_MEM(out->left, out->result, bytes + fed - out->result, out->result);
        out->result += (ssize_t)(len - fed);
    }
}

/* Checks result and data; data NULL: not checked. */
static inline void chunk_check(struct rhb_test *t, const struct chunk_outcome *out,
                               ssize_t expected, const char *data)
{
    CHECK_INT(out->result, expected);
    if (data != NULL)
        CHECK_STR(out->data, out->len, data);
}

static inline void chunk_every_way(struct rhb_test *t, const struct chunk_setup *setup,
                                   const char *bytes, size_t len, ssize_t expected,
                                   const char *data)
{
    struct rhb_guard guard = rhb_guard_new(len);
    struct chunk_outcome out;
    int failures = t->failures;

    for (size_t first = 0; first <= len && t->failures == failures; first++) {
        chunk_run(t, setup, &guard, bytes, len, first, len, &out);
        chunk_check(t, &out, expected, data);
        if (t->failures > failures)
            rhb_note(t, "cut at %zu of %zu", first, len);
    }
    for (size_t step = 1; step <= 3 && t->failures == failures; step++) {
        chunk_run(t, setup, &guard, bytes, len, 0, step, &out);
        chunk_check(t, &out, expected, data);
        if (t->failures > failures)
            rhb_note(t, "%zu bytes at a time", step);
    }
    if (t->failures > failures)
        rhb_note_bytes("input", bytes, len);
    rhb_guard_free(&guard);
}

#endif
