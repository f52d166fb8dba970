#include "local_time.h"
#include <stdbool.h>

static void put_char(struct rhb_bytes *out, char c)
{
    out->data[out->len++] = c;
}

static void put_two(struct rhb_bytes *out, int value)
{
    put_char(out, (char)('0' + value / 10));
    put_char(out, (char)('0' + value % 10));
}

static void put_zone(struct rhb_bytes *out, long offset, const char *between)
{
    put_char(out, offset < 0 ? '-' : '+');
    offset = (offset < 0 ? -offset : offset) / 60;
    put_two(out, (int)(offset / 60));
    rhb_bytes_put(out, between, strlen(between));
    put_two(out, (int)(offset % 60));
}

static void put_year(struct rhb_bytes *out, const struct tm *tm)
{
    put_two(out, (tm->tm_year + 1900) / 100);
    put_two(out, (tm->tm_year + 1900) % 100);
}

static void put_clock(struct rhb_bytes *out, const struct tm *tm)
{
    put_two(out, tm->tm_hour);
    put_char(out, ':');
    put_two(out, tm->tm_min);
    put_char(out, ':');
    put_two(out, tm->tm_sec);
}

/* A clock outside the years 0 to 9999 is wrong, and there is no such column. */
static bool split(time_t now, struct tm *tm)
{
    return localtime_r(&now, tm) != NULL && tm->tm_year >= -1900 && tm->tm_year <= 9999 - 1900;
}

void rhb_local_time_put(struct rhb_bytes *out, time_t now)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    if (!split(now, &tm)) {
        put_char(out, '-');
        return;
    }
    put_char(out, '[');
    put_two(out, tm.tm_mday);
    put_char(out, '/');
    rhb_bytes_put(out, months + 3 * tm.tm_mon, 3);
    put_char(out, '/');
    put_year(out, &tm);
    put_char(out, ':');
    put_clock(out, &tm);
    put_char(out, ' ');
    put_zone(out, tm.tm_gmtoff, "");
    put_char(out, ']');
}

void rhb_local_time_put_iso(struct rhb_bytes *out, time_t now)
{
    struct tm tm;
    if (!split(now, &tm)) {
        put_char(out, '-');
        return;
    }
    put_year(out, &tm);
    put_char(out, '-');
    put_two(out, tm.tm_mon + 1);
    put_char(out, '-');
    put_two(out, tm.tm_mday);
    put_char(out, 'T');
    put_clock(out, &tm);
    put_zone(out, tm.tm_gmtoff, ":");
}
