/* A buffer that a chunked decoder works through in place: the data of the chunks moves down over
 * the framing. */
#ifndef RHB_PHR_CHUNK_BYTES_H
#define RHB_PHR_CHUNK_BYTES_H

#include <stdint.h>
#include <string.h>

struct phr_chunk_bytes {
    char *buf;
    size_t len;
    size_t read;    /* bytes looked at */
    size_t written; /* bytes of data, from the start of buf; never more than read */
};

static inline void phr_chunk_move(struct phr_chunk_bytes *bytes, size_t count)
{
    if (bytes->written != bytes->read && count > 0)
        memmove(bytes->buf + bytes->written, bytes->buf + bytes->read, count);
}

/* Takes data up to the end of the chunk or of the buffer; returns how much. */
static inline size_t phr_chunk_take(struct phr_chunk_bytes *bytes, uint64_t chunk_left)
{
    size_t count = bytes->len - bytes->read;

    if (count > chunk_left)
        count = (size_t)chunk_left;
    phr_chunk_move(bytes, count);
    bytes->read += count;
    bytes->written += count;
    return count;
}

/* Moves what was not read to behind the data; returns how much. */
static inline size_t phr_chunk_leave(struct phr_chunk_bytes *bytes)
{
    size_t count = bytes->len - bytes->read;

    phr_chunk_move(bytes, count);
    return count;
}

#endif
