/* Dates of HTTP in their three forms (RFC 9110 section 5.6.7). */
#ifndef RHB_HTTP_DATE_H
#define RHB_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads a date into *seconds since 1970. now: likewise; a year of two digits is never more than 50
 * years after that. False when it is none. */
bool rhb_http_date_read(const char *text, size_t len, int64_t now, int64_t *seconds);

#endif
