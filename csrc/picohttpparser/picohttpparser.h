/* The lenient face of the parser: picohttpparser's published interface, implemented here from that
 * interface alone. Nothing is allocated, copied or kept; every pointer handed out points into the
 * caller's buffer. The server itself uses the strict face (strict.h). */
#ifndef picohttpparser_h
#define picohttpparser_h

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One field. A continuation line (obsolete folding) is an entry of its own with name NULL, whose
 * value keeps its leading white space. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

/* The three parsers return the bytes consumed, -2 when the head is incomplete, -1 when it is bad.
 *
 * num_headers: the capacity going in, the count coming out, also when incomplete.
 * last_len: len of the previous call on the same bytes, 0 at first. With it a head that is still
 * incomplete is recognised without being parsed again; the outputs then stay empty.
 *
 * Without last_len an incomplete head reports what is already certain: method and path once the
 * space behind them has come, version and status once a byte follows them; before that NULL, -1 and
 * 0. */

/* Parses a request line and fields, after at most one empty line. */
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len);

/* Parses a status line and fields. */
int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status,
                       const char **msg, size_t *msg_len, struct phr_header *headers,
                       size_t *num_headers, size_t last_len);

/* Parses fields up to and with the empty line. */
int phr_parse_headers(const char *buf, size_t len, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);

/* Starts zeroed, apart from consume_trailer. */
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer; /* whether the trailer section is swallowed, or left over */
    char _hex_count;
    char _state;
    uint64_t _total_read;
    uint64_t _total_overhead;
};

/* Decodes a chunked body in place: *bufsz bytes in, decoded bytes out in *bufsz. Returns -2 when
 * more is needed, -1 when the framing is bad (or next to nothing but framing), otherwise the count
 * of bytes behind the end of the body, which stand in buf right after the decoded ones. */
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);

/* Whether the next byte belongs to the data of a chunk. */
int phr_decode_chunked_is_in_data(struct phr_chunked_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
