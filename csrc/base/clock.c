#include "clock.h"
#include <string.h>

static void put_two(char *at, int value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

/* strftime would depend on the locale. */
void rhb_date_write(char *date, time_t second)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm tm;
    gmtime_r(&second, &tm);
    memcpy(date, "Ddd, 00 Mmm 0000 00:00:00 GMT", RHB_DATE_LEN + 1);
    memcpy(date, days + 3 * tm.tm_wday, 3);
    put_two(date + 5, tm.tm_mday);
    memcpy(date + 8, months + 3 * tm.tm_mon, 3);
    put_two(date + 12, (tm.tm_year + 1900) / 100);
    put_two(date + 14, (tm.tm_year + 1900) % 100);
    put_two(date + 17, tm.tm_hour);
    put_two(date + 20, tm.tm_min);
    put_two(date + 23, tm.tm_sec);
}

const char *rhb_clock_date(struct rhb_clock *clock)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (now.tv_sec != clock->second) {
        rhb_date_write(clock->date, now.tv_sec);
        clock->second = now.tv_sec;
    }
    return clock->date;
}
