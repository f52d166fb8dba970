#include "date.h"
#include <stdint.h>
#include <string.h>
#include <strings.h>

struct date {
    int year, month, day, hour, minute, second; /* month: from 0 */
};

/* A text that is read from its beginning. Each reader returns false at what it does not expect. */
struct text {
    const char *at, *end;
    bool any_case;
};

static bool skip(struct text *text, const char *literal)
{
    size_t len = strlen(literal);
    if ((size_t)(text->end - text->at) < len)
        return false;
    if (text->any_case ? strncasecmp(text->at, literal, len) != 0
                       : memcmp(text->at, literal, len) != 0)
        return false;
    text->at += len;
    return true;
}

static bool number(struct text *text, int digits, int *value)
{
    *value = 0;
    for (; digits > 0; digits--, text->at++) {
        if (text->at == text->end || *text->at < '0' || *text->at > '9')
            return false;
        *value = *value * 10 + (*text->at - '0');
    }
    return true;
}

static bool one_of(struct text *text, const char *const *names, int count, int *index)
{
    for (int i = 0; i < count; i++) {
        if (skip(text, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool month(struct text *text, int *index)
{
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    return one_of(text, names, 12, index);
}

static bool short_day(struct text *text)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    int index;
    return one_of(text, names, 7, &index);
}

static bool long_day(struct text *text)
{
    static const char *const names[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                        "Friday", "Saturday", "Sunday"};
    int index;
    return one_of(text, names, 7, &index);
}

static bool time_of_day(struct text *text, struct date *date)
{
    return number(text, 2, &date->hour) && skip(text, ":") && number(text, 2, &date->minute) &&
           skip(text, ":") && number(text, 2, &date->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool imf_fixdate(struct text text, struct date *date)
{
    return short_day(&text) && skip(&text, ", ") && number(&text, 2, &date->day) &&
           skip(&text, " ") && month(&text, &date->month) && skip(&text, " ") &&
           number(&text, 4, &date->year) && skip(&text, " ") && time_of_day(&text, date) &&
           skip(&text, " GMT") && text.at == text.end;
}

/* Sun Nov  6 08:49:37 1994 */
static bool asctime_date(struct text text, struct date *date)
{
    return short_day(&text) && skip(&text, " ") && month(&text, &date->month) && skip(&text, " ") &&
           number(&text, skip(&text, " ") ? 1 : 2, &date->day) && skip(&text, " ") &&
           time_of_day(&text, date) && skip(&text, " ") && number(&text, 4, &date->year) &&
           text.at == text.end;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool rfc850_date(struct text text, struct date *date)
{
    return long_day(&text) && skip(&text, ", ") && number(&text, 2, &date->day) &&
           skip(&text, "-") && month(&text, &date->month) && skip(&text, "-") &&
           number(&text, 2, &date->year) && skip(&text, " ") && time_of_day(&text, date) &&
           skip(&text, " GMT") && text.at == text.end;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && is_leap(year));
}

/* A leap second is allowed, and counts as the next second. */
static bool exists(const struct date *date)
{
    return date->year >= 1 && date->day >= 1 &&
           date->day <= days_of_month(date->year, date->month) && date->hour <= 23 &&
           date->minute <= 59 && date->second <= 60;
}

static int leap_years_before(int year)
{
    return (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
}

static time_t seconds_of(const struct date *date)
{
    int64_t days = (int64_t)(date->year - 1970) * 365 + leap_years_before(date->year) -
                   leap_years_before(1970) + date->day - 1;
    for (int month = 0; month < date->month; month++)
        days += days_of_month(date->year, month);
    return (time_t)(((days * 24 + date->hour) * 60 + date->minute) * 60 + date->second);
}

/* RFC 9110 section 5.6.7: a year that seems to be more than 50 years ahead is one of the last
 * century. */
static int year_of_century(int year, time_t now)
{
    struct tm tm;
    gmtime_r(&now, &tm);
    int this_year = tm.tm_year + 1900;
    year += this_year / 100 * 100;
    return year > this_year + 50 ? year - 100 : year;
}

static bool read_whole(struct text whole, time_t now, time_t *seconds)
{
    struct date date;
    if (!imf_fixdate(whole, &date) && !asctime_date(whole, &date)) {
        if (!rfc850_date(whole, &date))
            return false;
        date.year = year_of_century(date.year, now);
    }
    if (!exists(&date))
        return false;
    *seconds = seconds_of(&date);
    return true;
}

bool rhb_date_read(const char *text, size_t len, time_t now, time_t *seconds)
{
    return read_whole((struct text){text, text + len, false}, now, seconds);
}

bool rhb_date_read_any_case(const char *text, size_t len, time_t now, time_t *seconds)
{
    return read_whole((struct text){text, text + len, true}, now, seconds);
}
