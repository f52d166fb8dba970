/* The format of the access log: compiled once into atoms, rendered once a request. access_log.c
 * owns one and batches what it renders; the atoms themselves are listed in access_log.h. */
#ifndef RHB_ACCESS_LOG_FORMAT_H
#define RHB_ACCESS_LOG_FORMAT_H

#include "access_log.h"

struct rhb_access_format;

/* The local time rendered last, for %(t)s. Zeroed is valid. */
struct rhb_access_second {
    time_t second;
    size_t len; /* 0 while there is none */
    char text[32];
};

/* Error reporting as in rhb_access_log_new(). */
struct rhb_access_format *rhb_access_format_new(const char *source, const char **error,
                                                size_t *error_at);

/* The environ variables that are named, each once, in order of appearance: NULL past the last. */
const char *rhb_access_format_environ_key(const struct rhb_access_format *format, size_t index);

/* Appends one line with its line end. False when there is no memory: a part of the line may stand
 * in out then. */
bool rhb_access_format_render(const struct rhb_access_format *format,
                              struct rhb_access_second *second, struct rhb_bytes *out,
                              const struct rhb_access_entry *entry);

/* NULL is fine. */
void rhb_access_format_free(struct rhb_access_format *format);

#endif
