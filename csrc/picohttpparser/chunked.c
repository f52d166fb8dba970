/* The lenient chunked decoder, as picohttpparser.h describes it. */
#include "chunk_bytes.h"
#include "hex_digit.h"
#include "picohttpparser.h"
#include <stdbool.h>

enum chunk_state {
    IN_SIZE,
    IN_EXTENSION,
    SIZE_LF, /* the LF of a size line is next */
    IN_DATA,
    DATA_CR, /* the CR behind the data is next */
    DATA_LF,
    TRAILER_START, /* at the start of a line of the trailer section */
    IN_TRAILER,
    ENDED
};

/* Nearly all framing: at least so many bytes of it, and less than a quarter of all bytes is data.
 */
enum { LEAST_FRAMING = 100 * 1024, DATA_SHARE = 4 };

enum { SIZE_DIGITS = 2 * sizeof(size_t) };

/* Each of these functions handles one byte of framing, and returns whether it was valid. */

static bool size_byte(struct phr_chunked_decoder *decoder, char byte)
{
    int digit = phr_hex_digit(byte);

    if (digit >= 0) {
        if (decoder->_hex_count == SIZE_DIGITS)
            return false;
        decoder->bytes_left_in_chunk = decoder->bytes_left_in_chunk * 16 + (size_t)digit;
        decoder->_hex_count++;
        return true;
    }
    if (decoder->_hex_count == 0)
        return false;
    decoder->_hex_count = 0;
    decoder->_state = byte == '\r' ? SIZE_LF : IN_EXTENSION;
    return byte == '\r' || byte == ' ' || byte == '\t' || byte == ';';
}

static bool extension_byte(struct phr_chunked_decoder *decoder, char byte)
{
    if (byte == '\r')
        decoder->_state = SIZE_LF;
    return byte != '\n';
}

static bool size_lf(struct phr_chunked_decoder *decoder, char byte)
{
    if (decoder->bytes_left_in_chunk > 0)
        decoder->_state = IN_DATA;
    else
        decoder->_state = decoder->consume_trailer ? TRAILER_START : ENDED;
    return byte == '\n';
}

static bool trailer_byte(struct phr_chunked_decoder *decoder, char byte)
{
    if (byte == '\n')
        decoder->_state = decoder->_state == TRAILER_START ? ENDED : TRAILER_START;
    else if (byte != '\r')
        decoder->_state = IN_TRAILER;
    return true;
}

static bool framing_byte(struct phr_chunked_decoder *decoder, char byte)
{
    switch ((enum chunk_state)decoder->_state) {
    case IN_SIZE:
        return size_byte(decoder, byte);
    case IN_EXTENSION:
        return extension_byte(decoder, byte);
    case SIZE_LF:
        return size_lf(decoder, byte);
    case DATA_CR:
        decoder->_state = DATA_LF;
        return byte == '\r';
    case DATA_LF:
        decoder->_state = IN_SIZE;
        return byte == '\n';
    case TRAILER_START:
    case IN_TRAILER:
        return trailer_byte(decoder, byte);
    case IN_DATA:
    case ENDED:
        break;
    }
    return false;
}

static void copy_data(struct phr_chunked_decoder *decoder, struct phr_chunk_bytes *bytes)
{
    decoder->bytes_left_in_chunk -= phr_chunk_copy(bytes, decoder->bytes_left_in_chunk);
    if (decoder->bytes_left_in_chunk == 0)
        decoder->_state = DATA_CR;
}

static bool is_mostly_framing(struct phr_chunked_decoder *decoder,
                              const struct phr_chunk_bytes *bytes)
{
    uint64_t data;

    decoder->_total_read += bytes->len;
    decoder->_total_overhead += bytes->len - bytes->written;
    data = decoder->_total_read - decoder->_total_overhead;
    return decoder->_total_overhead >= LEAST_FRAMING && data < decoder->_total_read / DATA_SHARE;
}

ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz)
{
    struct phr_chunk_bytes bytes = {.buf = buf, .len = *bufsz};
    bool good = true;

    while (good && bytes.read < bytes.len && decoder->_state != ENDED) {
        if (decoder->_state == IN_DATA)
            copy_data(decoder, &bytes);
        else
            good = framing_byte(decoder, buf[bytes.read++]);
    }
    *bufsz = bytes.written;
    if (good && decoder->_state == ENDED)
        return (ssize_t)phr_chunk_keep_rest(&bytes);
    return good && !is_mostly_framing(decoder, &bytes) ? -2 : -1;
}

int phr_decode_chunked_is_in_data(struct phr_chunked_decoder *decoder)
{
    return decoder->_state == IN_DATA;
}
