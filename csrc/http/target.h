/* Request targets (RFC 9112 section 3.2): which form, where path, query and authority stand, and
 * percent-decoding of the path. Pure functions over the caller's bytes. */
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

/* Returns 0, or the status to answer: 400 for a target that is none of the forms (or "*" without
 * OPTIONS, or an authority that is not a host), 501 for CONNECT. A fragment is stripped. */
int rhb_target_split(struct rhb_target *target, const char *method, size_t method_len,
                     const char *raw, size_t raw_len);

/* Decodes %XX of len bytes at src into dst (as large as src; may be src itself). Returns the length
 * written, or -1 for a bad escape. "+" stays. %00 is decoded like any other byte. */
ssize_t rhb_percent_decode(char *dst, const char *src, size_t len);

/* Whether the bytes are a host, optionally with a port (RFC 9110 section 7.2): reg-name, IPv4 or
 * bracketed IPv6, then optionally ':' and digits up to 65535. An empty host is not one. */
int rhb_is_host(const char *host, size_t len);

#endif
