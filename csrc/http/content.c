#include "content.h"
#include "base/decimal.h"
#include "field_name.h"

/* Whether there may be a field of conditions.h or byte_range.h. Most requests have none. */
static bool may_be_conditional(const struct phr_request_head *head)
{
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (rhb_name_is(field->name, field->name_len, "range") ||
            (field->name_len > 3 && rhb_same_name(field->name, "if-", 3)))
            return true;
    }
    return false;
}

static bool is_get(const struct phr_request_head *head)
{
    return head->method_len == 3 && memcmp(head->method, "GET", 3) == 0;
}

int rhb_content_status(const struct rhb_validators *validators, uint64_t size,
                       const struct phr_request_head *request, struct rhb_part *part)
{
    const struct phr_header *fields = request->fields;
    size_t count = request->num_fields;
    if (!may_be_conditional(request))
        return 200;
    time_t now = time(NULL);
    int status = rhb_conditions_status(validators, fields, count, true, now);
    if (status != 0)
        return status;
    if (!is_get(request) || !rhb_conditions_allow_range(validators, fields, count, now))
        return 200;
    switch (rhb_range_find(fields, count, size, part)) {
    case RHB_RANGE_PART:
        return 206;
    case RHB_RANGE_UNSATISFIABLE:
        return 416;
    default:
        return 200;
    }
}

bool rhb_content_range_put(struct rhb_bytes *out, const struct rhb_part *part, uint64_t size)
{
    static const char start[] = "Content-Range: bytes ";
    char line[96], *to = line + sizeof(start) - 1;
    memcpy(line, start, sizeof(start) - 1);
    if (part != NULL) {
        to = rhb_decimal_write(to, part->first);
        *to++ = '-';
        to = rhb_decimal_write(to, part->first + part->length - 1);
    } else {
        *to++ = '*';
    }
    *to++ = '/';
    to = rhb_decimal_write(to, size);
    memcpy(to, "\r\n", 2);
    return rhb_bytes_append(out, line, (size_t)(to + 2 - line));
}
