/* The format of the access log: it is compiled once, and renders one line for each request. The
 * atoms are listed in access_log.h. Called by access_log.c. */
#ifndef RHB_ACCESS_LOG_FORMAT_H
#define RHB_ACCESS_LOG_FORMAT_H

#include "access_log.h"

struct rhb_access_format;

/* The local time of %(t)s, rendered at most once a second. A zeroed struct is valid. */
struct rhb_access_second {
    time_t second;
    size_t len; /* 0: nothing has been rendered yet */
    char text[32];
};

/* Compiles a format. Errors are returned as by rhb_access_log_new. */
struct rhb_access_format *rhb_access_format_new(const char *source, const char **error,
                                                size_t *error_at);

/* The names of the environ variables in the format, each once, in the order in which they appear.
 * NULL behind the last one. */
const char *rhb_access_format_environ_key(const struct rhb_access_format *format, size_t index);

/* Whether the lines are JSON. */
bool rhb_access_format_is_json(const struct rhb_access_format *format);

/* Appends one line with its line end. False when there is no memory; out may have a part of the
 * line then. */
bool rhb_access_format_render(const struct rhb_access_format *format,
                              struct rhb_access_second *second, struct rhb_bytes *out,
                              const struct rhb_access_entry *entry);

/* NULL is allowed. */
void rhb_access_format_free(struct rhb_access_format *format);

#endif
