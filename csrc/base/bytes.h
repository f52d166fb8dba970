/* A growing array of bytes. The holder of the struct owns the memory. A zeroed struct is valid and
 * empty. */
#ifndef RHB_BYTES_H
#define RHB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct rhb_bytes {
    char *data;
    size_t len;
    size_t cap;
};

/* The slow part of rhb_bytes_reserve. */
bool rhb_bytes_grow(struct rhb_bytes *bytes, size_t more);

/* Makes space for `more` bytes behind len. False when there is no memory; the bytes are unchanged
 * then. */
static inline bool rhb_bytes_reserve(struct rhb_bytes *bytes, size_t more)
{
    return more <= bytes->cap - bytes->len || rhb_bytes_grow(bytes, more);
}

/* Frees the memory; the struct is empty then. */
void rhb_bytes_free(struct rhb_bytes *bytes);

/* Appends len bytes, for which the caller has reserved space. */
static inline void rhb_bytes_put(struct rhb_bytes *bytes, const void *data, size_t len)
{
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

/* Appends len bytes. False when there is no memory; the bytes are unchanged then. */
bool rhb_bytes_append(struct rhb_bytes *bytes, const void *data, size_t len);

#endif
