#include "http_date.h"
#include <string.h>

/* What is left of the text. */
struct cursor {
    const char *at, *end;
};

struct date {
    int year, month, day, hour, minute, second;
};

static const char day_names[7][10] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                      "Thursday", "Friday", "Saturday"};
static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

static bool take(struct cursor *cursor, const char *text, size_t len)
{
    if ((size_t)(cursor->end - cursor->at) < len || memcmp(cursor->at, text, len) != 0)
        return false;
    cursor->at += len;
    return true;
}

/* So many digits. */
static bool take_number(struct cursor *cursor, int digits, int *number)
{
    *number = 0;
    for (; digits > 0; digits--, cursor->at++) {
        if (cursor->at == cursor->end || *cursor->at < '0' || *cursor->at > '9')
            return false;
        *number = *number * 10 + (*cursor->at - '0');
    }
    return true;
}

static bool take_month(struct cursor *cursor, int *month)
{
    for (*month = 1; *month <= 12; ++*month)
        if (take(cursor, month_names[*month - 1], 3))
            return true;
    return false;
}

/* full: the whole name, otherwise three letters. */
static bool take_day_name(struct cursor *cursor, bool full)
{
    for (int day = 0; day < 7; day++)
        if (take(cursor, day_names[day], full ? strlen(day_names[day]) : 3))
            return true;
    return false;
}

static bool take_time(struct cursor *cursor, struct date *date)
{
    return take_number(cursor, 2, &date->hour) && take(cursor, ":", 1) &&
           take_number(cursor, 2, &date->minute) && take(cursor, ":", 1) &&
           take_number(cursor, 2, &date->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_fixdate(struct cursor cursor, struct date *date)
{
    return take_day_name(&cursor, false) && take(&cursor, ", ", 2) &&
           take_number(&cursor, 2, &date->day) && take(&cursor, " ", 1) &&
           take_month(&cursor, &date->month) && take(&cursor, " ", 1) &&
           take_number(&cursor, 4, &date->year) && take(&cursor, " ", 1) &&
           take_time(&cursor, date) && take(&cursor, " GMT", 4) && cursor.at == cursor.end;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool read_rfc850(struct cursor cursor, struct date *date)
{
    return take_day_name(&cursor, true) && take(&cursor, ", ", 2) &&
           take_number(&cursor, 2, &date->day) && take(&cursor, "-", 1) &&
           take_month(&cursor, &date->month) && take(&cursor, "-", 1) &&
           take_number(&cursor, 2, &date->year) && take(&cursor, " ", 1) &&
           take_time(&cursor, date) && take(&cursor, " GMT", 4) && cursor.at == cursor.end;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct cursor cursor, struct date *date)
{
    if (!take_day_name(&cursor, false) || !take(&cursor, " ", 1) ||
        !take_month(&cursor, &date->month) || !take(&cursor, " ", 1))
        return false;
    int digits = take(&cursor, " ", 1) ? 1 : 2;
    return take_number(&cursor, digits, &date->day) && take(&cursor, " ", 1) &&
           take_time(&cursor, date) && take(&cursor, " ", 1) &&
           take_number(&cursor, 4, &date->year) && cursor.at == cursor.end;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_possible(const struct date *date)
{
    static const int days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int most = days[date->month - 1] + (date->month == 2 && is_leap(date->year));
    return date->day >= 1 && date->day <= most && date->hour < 24 && date->minute < 60 &&
           date->second <= 60; /* a leap second */
}

/* Days since 1970-01-01, in a calendar whose years begin in March, so that the leap day comes last.
 */
static int64_t days_of(const struct date *date)
{
    int64_t year = date->month <= 2 ? date->year - 1 : date->year;
    int64_t month = (date->month + 9) % 12;
    int64_t before_year = 365 * year + year / 4 - year / 100 + year / 400;
    return before_year + (153 * month + 2) / 5 + date->day - 1 - 719468;
}

static int64_t seconds_of(const struct date *date)
{
    return ((days_of(date) * 24 + date->hour) * 60 + date->minute) * 60 + date->second;
}

bool rhb_http_date_read(const char *text, size_t len, int64_t now, int64_t *seconds)
{
    const int64_t fifty_years = INT64_C(50) * 366 * 24 * 3600;
    struct cursor cursor = {text, text + len};
    struct date date;
    bool two_digits = false;
    if (!read_fixdate(cursor, &date) && !read_asctime(cursor, &date)) {
        two_digits = read_rfc850(cursor, &date);
        if (!two_digits)
            return false;
        date.year += 2000;
        while (date.year >= 1900 && seconds_of(&date) > now + fifty_years)
            date.year -= 100;
    }
    if (!is_possible(&date))
        return false;
    *seconds = seconds_of(&date);
    return true;
}
