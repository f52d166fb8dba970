#include "request_start.h"
#include "base/decimal.h"
#include "field_name.h"

/* In seconds: 1973, and the year 5138. As another unit the second is the first again. */
#define EARLIEST UINT64_C(100000000)
#define LATEST UINT64_C(100000000000)

enum { FRACTION_DIGITS = 9 };

/* The unit of a whole number, in ns; 0: it is no time. */
static uint64_t unit_of(uint64_t number)
{
    uint64_t unit = UINT64_C(1000000000);
    if (number < EARLIEST)
        return 0;
    for (uint64_t end = LATEST; number >= end && unit > 1; end *= 1000)
        unit /= 1000;
    return unit;
}

/* The digits behind the point, in ns of a second. Digits beyond those of ns are dropped. */
static bool read_fraction(const char *text, size_t len, uint64_t *ns)
{
    uint64_t number;
    size_t used = len < FRACTION_DIGITS ? len : FRACTION_DIGITS;
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    if (!rhb_decimal_read(text, used, UINT64_MAX, &number))
        return false;
    for (; used < FRACTION_DIGITS; used++)
        number *= 10;
    *ns = number;
    return true;
}

bool rhb_request_start_read(const char *value, size_t len, uint64_t *ns)
{
    uint64_t number, fraction = 0;
    if (len > 2 && (value[0] | 0x20) == 't' && value[1] == '=') {
        value += 2;
        len -= 2;
    }
    const char *point = len > 0 ? memchr(value, '.', len) : NULL;
    size_t whole = point == NULL ? len : (size_t)(point - value);
    if (point != NULL && !read_fraction(point + 1, len - whole - 1, &fraction))
        return false;
    if (!rhb_decimal_read(value, whole, UINT64_MAX, &number))
        return false;
    uint64_t unit = unit_of(number);
    if (unit == 0 || number > (UINT64_MAX - fraction) / unit)
        return false;
    *ns = number * unit + fraction / (UINT64_C(1000000000) / unit);
    return true;
}

bool rhb_request_start_find(const struct rhb_allowed_peers *allowed, const struct rhb_peer *peer,
                            const struct phr_header *fields, size_t count, uint64_t *ns)
{
    const struct phr_header *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!rhb_name_is(fields[i].name, fields[i].name_len, "x-request-start"))
            continue;
        if (found != NULL)
            return false;
        found = &fields[i];
    }
    return found != NULL && rhb_peer_is_allowed(allowed, peer) &&
           rhb_request_start_read(found->value, found->value_len, ns);
}
