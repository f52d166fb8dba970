/* A growing run of bytes, owned by whoever holds the struct. Zeroed is empty and valid. */
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

/* Makes room for `more` bytes behind len. False when there is no memory; nothing is lost then. */
bool rhb_bytes_reserve(struct rhb_bytes *bytes, size_t more);

/* Frees the memory and empties it. */
void rhb_bytes_free(struct rhb_bytes *bytes);

/* Appends; the caller has reserved. */
static inline void rhb_bytes_put(struct rhb_bytes *bytes, const void *data, size_t len)
{
    memcpy(bytes->data + bytes->len, data, len);
    bytes->len += len;
}

/* Appends, growing first. False when there is no memory. */
bool rhb_bytes_append(struct rhb_bytes *bytes, const void *data, size_t len);

#endif
