/* The strict chunked decoder, as strict.h describes it. */
#include "char_class.h"
#include "chunk_bytes.h"
#include "chunk_extension.h"
#include "hex_digit.h"
#include "strict.h"

enum chunk_state {
    IN_SIZE,
    IN_EXTENSION, /* or in the white space before one */
    SIZE_LF,      /* the LF of a size line is next */
    IN_DATA,
    DATA_CR, /* the CR behind the data is next */
    DATA_LF,
    TRAILER_START, /* at the start of a line of the trailer section */
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LF,
    END_LF, /* the LF of the empty line is next */
    ENDED
};

/* With sixteen digits a size could exceed 2^63. */
enum { SIZE_DIGITS = 15 };

/* Each of these functions handles one byte of framing, and returns whether it was valid. */

static bool extension_byte(struct phr_strict_chunked *decoder, char byte)
{
    decoder->extension = phr_extension_next(decoder->extension, byte);
    if (decoder->extension == PHR_EXTENSION_END) {
        decoder->state = SIZE_LF;
        return true;
    }
    return decoder->extension != PHR_EXTENSION_BAD && ++decoder->used <= decoder->max_extension;
}

static bool size_byte(struct phr_strict_chunked *decoder, char byte)
{
    int digit = phr_hex_digit(byte);

    if (digit >= 0) {
        decoder->chunk_left = decoder->chunk_left * 16 + (uint64_t)digit;
        return decoder->digits++ < SIZE_DIGITS;
    }
    if (decoder->digits == 0)
        return false;
    decoder->digits = 0;
    decoder->used = 0;
    if (byte == '\r') {
        decoder->state = SIZE_LF;
        return true;
    }
    decoder->state = IN_EXTENSION;
    decoder->extension = PHR_EXTENSION_START;
    return extension_byte(decoder, byte);
}

static bool size_lf(struct phr_strict_chunked *decoder, char byte)
{
    decoder->state = decoder->chunk_left > 0 ? IN_DATA : TRAILER_START;
    decoder->used = 0;
    return byte == '\n';
}

/* The CR of the empty line is not counted for the limit of trailers. */
static bool trailer_start(struct phr_strict_chunked *decoder, char byte)
{
    if (byte == '\r') {
        decoder->state = END_LF;
        return true;
    }
    decoder->state = TRAILER_NAME;
    return phr_is(byte, PHR_TOKEN) && ++decoder->used <= decoder->max_trailer;
}

static bool trailer_byte(struct phr_strict_chunked *decoder, char byte)
{
    if (++decoder->used > decoder->max_trailer)
        return false;
    if (decoder->state == TRAILER_NAME) {
        if (byte == ':')
            decoder->state = TRAILER_VALUE;
        return byte == ':' || phr_is(byte, PHR_TOKEN);
    }
    if (decoder->state == TRAILER_VALUE) {
        if (byte == '\r')
            decoder->state = TRAILER_LF;
        return byte == '\r' || phr_is(byte, PHR_TEXT);
    }
    decoder->state = TRAILER_START;
    return byte == '\n';
}

static bool framing_byte(struct phr_strict_chunked *decoder, char byte)
{
    switch ((enum chunk_state)decoder->state) {
    case IN_SIZE:
        return size_byte(decoder, byte);
    case IN_EXTENSION:
        return extension_byte(decoder, byte);
    case SIZE_LF:
        return size_lf(decoder, byte);
    case DATA_CR:
        decoder->state = DATA_LF;
        return byte == '\r';
    case DATA_LF:
        decoder->state = IN_SIZE;
        return byte == '\n';
    case TRAILER_START:
        return trailer_start(decoder, byte);
    case TRAILER_NAME:
    case TRAILER_VALUE:
    case TRAILER_LF:
        return trailer_byte(decoder, byte);
    case END_LF:
        decoder->state = ENDED;
        return byte == '\n';
    case IN_DATA:
    case ENDED:
        break;
    }
    return false;
}

static void copy_data(struct phr_strict_chunked *decoder, struct phr_chunk_bytes *bytes)
{
    decoder->chunk_left -= phr_chunk_copy(bytes, decoder->chunk_left);
    if (decoder->chunk_left == 0)
        decoder->state = DATA_CR;
}

ssize_t phr_decode_chunked_strict(struct phr_strict_chunked *decoder, char *buf, size_t *bufsz)
{
    struct phr_chunk_bytes bytes = {.buf = buf, .len = *bufsz};
    bool good = true;

    while (good && bytes.read < bytes.len && decoder->state != ENDED) {
        if (decoder->state == IN_DATA)
            copy_data(decoder, &bytes);
        else
            good = framing_byte(decoder, buf[bytes.read++]);
    }
    *bufsz = bytes.written;
    if (!good)
        return -1;
    return decoder->state == ENDED ? (ssize_t)phr_chunk_keep_rest(&bytes) : -2;
}
