/* Request targets (RFC 9112 section 3.2): their form, their path, query and authority, and
 * percent-decoding. The functions are pure: nothing is kept or allocated. */
#ifndef RHB_HTTP_TARGET_H
#define RHB_HTTP_TARGET_H

#include <stddef.h>
#include <sys/types.h>

enum rhb_target_form { RHB_TARGET_ORIGIN, RHB_TARGET_ABSOLUTE, RHB_TARGET_ASTERISK };

struct rhb_target {
    enum rhb_target_form form;
    const char *path; /* still percent-encoded; "/" for an absolute form without a path, "*" for the
                         asterisk */
    size_t path_len;
    const char *query; /* without the '?'; query_len 0 when there is none */
    size_t query_len;
    const char *authority; /* absolute form only, otherwise NULL */
    size_t authority_len;
};

/* Splits a raw target. Returns 0, or the status to answer: 400 for a target of no known form, for
 * one with a '#', for "*" without OPTIONS and for an authority that is not a host; 501 for CONNECT.
 */
int rhb_target_split(struct rhb_target *target, const char *method, size_t method_len,
                     const char *raw, size_t raw_len);

/* Decodes %XX in the len bytes at src (RFC 3986 section 2.1) into dst, which is as large as src and
 * may be src itself. Returns the length written, or -1 for a bad escape. "+" is not changed. %00 is
 * decoded like any other byte. */
ssize_t rhb_percent_decode(char *dst, const char *src, size_t len);

/* Returns 1 if the bytes are a host (RFC 9110 section 7.2), otherwise 0: a registered name, IPv4,
 * or IPv6 in brackets; behind it there may be ':' and a port of up to 65535, or ':' alone. An empty
 * host is not valid. */
int rhb_is_host(const char *host, size_t len);

#endif
