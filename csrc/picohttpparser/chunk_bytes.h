/* The buffer of a chunked decoder. It is decoded in place: the data of each chunk is moved to
 * behind the data before it, over the framing. */
#ifndef RHB_PHR_CHUNK_BYTES_H
#define RHB_PHR_CHUNK_BYTES_H

#include <stdint.h>
#include <string.h>

struct phr_chunk_bytes {
    char *buf;
    size_t len;
    size_t read;    /* bytes that have been decoded */
    size_t written; /* bytes of data at the start of buf; at most read */
};

static inline void phr_chunk_move(struct phr_chunk_bytes *bytes, size_t count)
{
    if (bytes->written != bytes->read && count > 0)
        memmove(bytes->buf + bytes->written, bytes->buf + bytes->read, count);
}

/* Moves data up to the end of the chunk or of the buffer. Returns the number of bytes. */
static inline size_t phr_chunk_copy(struct phr_chunk_bytes *bytes, uint64_t chunk_left)
{
    size_t count = bytes->len - bytes->read;

    if (count > chunk_left)
        count = (size_t)chunk_left;
    phr_chunk_move(bytes, count);
    bytes->read += count;
    bytes->written += count;
    return count;
}

/* Moves the bytes behind the body to behind the data. Returns the number of bytes. */
static inline size_t phr_chunk_keep_rest(struct phr_chunk_bytes *bytes)
{
    size_t count = bytes->len - bytes->read;

    phr_chunk_move(bytes, count);
    return count;
}

#endif
