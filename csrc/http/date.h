/* Dates of HTTP as seconds since 1970 (RFC 9110 section 5.6.7). base/clock.h writes them. */
#ifndef RHB_HTTP_DATE_H
#define RHB_HTTP_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Reads a date of any of the three forms. now: decides the century of years with two digits. False
 * for anything else; the name of the day is not compared with the date. */
bool rhb_date_read(const char *text, size_t len, time_t now, time_t *seconds);

/* The same in lower and upper case, as a cache reads what decides on freshness (RFC 9111 section
 * 4.2). */
bool rhb_date_read_any_case(const char *text, size_t len, time_t now, time_t *seconds);

#endif
