/* The strict face of the parser: the server's own. It shares its core with the lenient face
 * (picohttpparser.h) and refuses what docs/HTTP.md lists. Nothing is allocated, copied or kept;
 * every pointer it hands out points into the caller's buffer. */
#ifndef RHB_PHR_STRICT_H
#define RHB_PHR_STRICT_H

#include "picohttpparser.h"

#ifdef __cplusplus
extern "C" {
#endif

/* In bytes. line: the request line with its CRLF; head: everything up to and with the empty line;
 * field: one field line with its CRLF. The count of fields is the capacity the caller hands in. */
struct phr_limits {
    size_t line;
    size_t head;
    size_t field;
};

/* fields and num_fields (the capacity) are set by the caller; num_fields comes back as the count.
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

/* What phr_parse_request_strict returns besides the bytes consumed (> 0). */
enum phr_strict_result {
    PHR_INCOMPLETE = -2,
    PHR_BAD = -1,            /* 400 */
    PHR_BAD_VERSION = -3,    /* 505: HTTP/<digit>.<digit>, but not 1.0 or 1.1 */
    PHR_LINE_TOO_LONG = -4,  /* 414 */
    PHR_FIELD_TOO_LONG = -5, /* 431 */
    PHR_HEAD_TOO_LONG = -6,  /* 431 */
    PHR_TOO_MANY_FIELDS = -7 /* 431 */
};

/* Parses one request head (RFC 9112 section 2.1): CRLF line ends only, single spaces in the request
 * line, token methods (of at most 32 bytes) and names, no folding, no space before the colon, no
 * NUL, CTL (HTAB apart) or DEL in values, nothing but 0x21..0x7E and 0x80..0xFF in the target. At
 * most one leading CRLF is skipped. Leading and trailing spaces and tabs of values are left out.
 *
 * The verdict does not depend on how the bytes arrive. Every refusal and every limit belongs to the
 * first byte that makes the head impossible and is reported as soon as that byte is there, whether
 * or not the head is complete; the earliest such byte decides between them, a limit before a bad
 * byte at the same place.
 *
 * last_len: len of the previous call on the same bytes if that was PHR_INCOMPLETE and the limits
 * were the same, otherwise 0. While the bytes since then only go on with a field line, nothing is
 * parsed again and the outputs stay empty. Otherwise an incomplete head reports what is certain, as
 * in picohttpparser.h. */
int phr_parse_request_strict(const char *buf, size_t len, const struct phr_limits *limits,
                             struct phr_request_head *head, size_t last_len);

/* Decodes chunked bodies (RFC 9112 section 7.1) in place and to the letter. Starts zeroed, apart
 * from the two limits. */
struct phr_strict_chunked {
    size_t max_extension; /* bytes of extension on one size line, from the ';' on, without CRLF */
    size_t max_trailer;   /* bytes of all trailer lines with their CRLFs, without the empty line */
    uint64_t chunk_left;
    size_t used; /* of the limit that applies in this state */
    uint8_t state;
    uint8_t digits;
};

/* *bufsz bytes in, decoded bytes out in *bufsz. Returns -2 when more is needed, -1 when the framing
 * is bad, otherwise the count of bytes behind the end of the body, which stand in buf right after
 * the decoded ones. The trailer section is checked as field lines and thrown away. Refused:
 * anything but 1 to 15 hex digits in a size, white space before CRLF, bare CR or LF anywhere,
 * controls in extensions and trailers, data not followed by CRLF, extensions and trailers beyond
 * the limits. */
ssize_t phr_decode_chunked_strict(struct phr_strict_chunked *decoder, char *buf, size_t *bufsz);

#ifdef __cplusplus
}
#endif

#endif
