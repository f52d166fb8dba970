/* The strict parser, which the server uses. It shares its core with the lenient parser
 * (picohttpparser.h), and refuses what docs/HTTP.md lists. Nothing is allocated, copied or kept;
 * the pointers that it returns point into the caller's buffer. */
#ifndef RHB_PHR_STRICT_H
#define RHB_PHR_STRICT_H

#include "picohttpparser.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Limits in bytes. line: the request line with its CRLF; head: all of it, including the empty line;
 * field: one field line with its CRLF. The capacity of the caller's array limits the number of
 * fields. */
struct phr_limits {
    size_t line;
    size_t head;
    size_t field;
};

/* The caller sets fields and, to the capacity, num_fields. The parser sets num_fields to the count.
 */
struct phr_request_head {
    const char *method;
    size_t method_len;
    const char *target;
    size_t target_len;
    int minor_version;
    struct phr_header *fields;
    size_t num_fields;
};

/* What phr_parse_request_strict returns, besides the number of bytes of the head (> 0). */
enum phr_strict_result {
    PHR_INCOMPLETE = -2,
    PHR_BAD = -1,             /* 400 */
    PHR_BAD_VERSION = -3,     /* 505: HTTP/<digit>.<digit>, but not 1.0 or 1.1 */
    PHR_LINE_TOO_LONG = -4,   /* 414 */
    PHR_FIELD_TOO_LONG = -5,  /* 431 */
    PHR_HEAD_TOO_LONG = -6,   /* 431 */
    PHR_TOO_MANY_FIELDS = -7, /* 431 */
    PHR_METHOD_TOO_LONG = -8  /* 501: longer than any method that is accepted */
};

/* Parses one request head (RFC 9112 section 2.1). Lines end with CRLF; the request line has single
 * spaces; methods (of at most 32 bytes) and field names are tokens; there is no folding, no space
 * before the colon, and no control (DEL is one) but HTAB in values; a target has only the bytes
 * 0x21..0x7E and 0x80..0xFF. One CRLF before the request line is skipped. Spaces and tabs around a
 * value are left out. Returns the number of bytes of the head, or one of enum phr_strict_result.
 *
 * The result does not depend on how the bytes arrive. Each refusal, by a limit too, belongs to the
 * first byte with which no head can be valid. It is returned as soon as that byte is there, whether
 * or not the head is complete. Of several refusals the one at the earliest byte is returned; at the
 * same byte, a limit comes before a bad byte.
 *
 * last_len: len of the previous call on the same bytes with the same limits, if that returned
 * PHR_INCOMPLETE; otherwise 0. If all bytes since then only continue one field line, nothing is
 * parsed again, and the outputs are empty. Otherwise the outputs for an incomplete head are as in
 * picohttpparser.h. */
int phr_parse_request_strict(const char *buf, size_t len, const struct phr_limits *limits,
                             struct phr_request_head *head, size_t last_len);

/* The state of a decoder of one chunked body (RFC 9112 section 7.1). It starts zeroed, except for
 * the two limits. */
struct phr_strict_chunked {
    size_t max_extension; /* bytes in one size line from behind the size to the CRLF */
    size_t max_trailer;   /* bytes of all trailer lines with their CRLF, without the empty line */
    uint64_t chunk_left;
    size_t used; /* bytes counted for the limit that applies in this state */
    uint8_t state;
    uint8_t digits;
    uint8_t extension; /* chunk_extension.h */
};

/* Decodes *bufsz bytes in place, and sets *bufsz to the number of decoded bytes. Returns -2 when
 * more is needed, and -1 when the framing is bad. Otherwise the body is complete, and the return
 * value is the number of bytes that follow it; they are in buf right behind the decoded ones.
 * Trailer fields are checked and dropped. Refused: a size of other than 1 to 15 hex digits,
 * extensions that do not follow the grammar of chunk_extension.h, white space before the CRLF of a
 * size line, CR or LF alone, controls in trailers, data that CRLF does not follow, and extensions
 * and trailers beyond the limits. */
ssize_t phr_decode_chunked_strict(struct phr_strict_chunked *decoder, char *buf, size_t *bufsz);

#ifdef __cplusplus
}
#endif

#endif
