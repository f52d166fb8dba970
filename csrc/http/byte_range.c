#include "byte_range.h"
#include "base/decimal.h"
#include "token_list.h"

/* The digits at *at: false when there are none. A number that does not fit is the largest one. */
static bool read_digits(const char **at, const char *end, uint64_t *number)
{
    const char *first = *at;
    while (*at < end && **at >= '0' && **at <= '9')
        ++*at;
    if (*at == first)
        return false;
    if (!rhb_decimal_read(first, (size_t)(*at - first), INT64_MAX, number))
        *number = INT64_MAX;
    return true;
}

/* "-5": the last bytes. All of an empty representation cannot be named, so it is sent whole. */
static enum rhb_range suffix(uint64_t wanted, uint64_t size, struct rhb_part *part)
{
    if (wanted == 0)
        return RHB_RANGE_UNSATISFIABLE;
    if (size == 0)
        return RHB_RANGE_NONE;
    part->length = wanted < size ? wanted : size;
    part->first = size - part->length;
    return RHB_RANGE_PART;
}

static enum rhb_range from_to(uint64_t first, uint64_t last, uint64_t size, struct rhb_part *part)
{
    if (last < first)
        return RHB_RANGE_NONE;
    if (first >= size)
        return RHB_RANGE_UNSATISFIABLE;
    part->first = first;
    part->length = (last < size ? last + 1 : size) - first;
    return RHB_RANGE_PART;
}

static enum rhb_range read_spec(const char *at, const char *end, uint64_t size,
                                struct rhb_part *part)
{
    uint64_t first = 0, last = INT64_MAX;
    bool has_first = read_digits(&at, end, &first);
    if (at == end || *at++ != '-')
        return RHB_RANGE_NONE;
    bool has_last = read_digits(&at, end, &last);
    if (at != end || (!has_first && !has_last))
        return RHB_RANGE_NONE;
    return has_first ? from_to(first, last, size, part) : suffix(last, size, part);
}

enum rhb_range rhb_range_read(const char *value, size_t len, uint64_t size, struct rhb_part *part)
{
    const char *unit = "bytes=";
    size_t unit_len = strlen(unit);
    if (len <= unit_len || !rhb_same_name(value, "bytes", 5) || value[5] != '=')
        return RHB_RANGE_NONE;
    const char *at = value + unit_len, *end = value + len;
    while (at < end && rhb_is_ows(*at))
        at++;
    while (end > at && rhb_is_ows(end[-1]))
        end--;
    return read_spec(at, end, size, part);
}

enum rhb_range rhb_range_find(const struct phr_header *fields, size_t count, uint64_t size,
                              struct rhb_part *part)
{
    const struct phr_header *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!rhb_name_is(fields[i].name, fields[i].name_len, "range"))
            continue;
        if (found != NULL)
            return RHB_RANGE_NONE;
        found = &fields[i];
    }
    return found == NULL ? RHB_RANGE_NONE
                         : rhb_range_read(found->value, found->value_len, size, part);
}
