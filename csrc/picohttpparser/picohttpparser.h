/* The lenient parser: the published interface of picohttpparser, implemented here from that
 * interface alone. Nothing is allocated, copied or kept; the pointers that it returns point into
 * the caller's buffer. The server itself uses the strict parser (strict.h). */
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

/* The three parsers return the number of bytes of the head, -2 when it is incomplete, or -1 when it
 * is bad.
 *
 * num_headers: the caller sets it to the capacity, the parser to the count, also when incomplete.
 * last_len: len of the previous call on the same bytes, 0 at first. With it a head that is still
 * incomplete is recognised without another parse; the outputs are empty then.
 *
 * Without last_len the outputs for an incomplete head are what is certain already: method and path
 * when a space follows them, version and status when a byte follows them; otherwise NULL, -1 and 0.
 */

/* Parses a request line and fields. One empty line before them is skipped. */
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len,
                      const char **path, size_t *path_len, int *minor_version,
                      struct phr_header *headers, size_t *num_headers, size_t last_len);

/* Parses a status line and fields. */
int phr_parse_response(const char *buf, size_t len, int *minor_version, int *status,
                       const char **msg, size_t *msg_len, struct phr_header *headers,
                       size_t *num_headers, size_t last_len);

/* Parses fields and the empty line behind them. */
int phr_parse_headers(const char *buf, size_t len, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);

/* The state of a decoder of one chunked body. It starts zeroed, except for consume_trailer. */
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer; /* whether the trailer section is consumed, or left in the buffer */
    char _hex_count;
    char _state;
    uint64_t _total_read;
    uint64_t _total_overhead;
};

/* Decodes *bufsz bytes in place, and sets *bufsz to the number of decoded bytes. Returns -2 when
 * more is needed, and -1 when the framing is bad, or when nearly all bytes are framing. Otherwise
 * the body is complete, and the return value is the number of bytes that follow it; they are in buf
 * right behind the decoded ones. */
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *bufsz);

/* Whether the next byte belongs to the data of a chunk. */
int phr_decode_chunked_is_in_data(struct phr_chunked_decoder *decoder);

#ifdef __cplusplus
}
#endif

#endif
