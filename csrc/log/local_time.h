/* Local times as text, by hand, since strftime follows the locale. */
#ifndef RHB_LOG_LOCAL_TIME_H
#define RHB_LOG_LOCAL_TIME_H

#include "base/bytes.h"
#include <time.h>

/* The longest text. */
#define RHB_LOCAL_TIME 32

/* [25/Nov/2026:10:00:00 +0100], or "-" when the clock is outside the years 0 to 9999. The caller
 * has reserved. */
void rhb_local_time_put(struct rhb_bytes *out, time_t now);

/* The same as in RFC 3339: 2026-11-25T10:00:00+01:00. */
void rhb_local_time_put_iso(struct rhb_bytes *out, time_t now);

#endif
