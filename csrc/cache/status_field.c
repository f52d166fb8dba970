#include "status_field.h"
#include "base/decimal.h"

static char *put(char *to, const char *text)
{
    size_t len = strlen(text);
    memcpy(to, text, len);
    return to + len;
}

static char *put_signed(char *to, int64_t number)
{
    if (number < 0)
        *to++ = '-';
    return rhb_decimal_write(to, (uint64_t)(number < 0 ? -number : number));
}

bool rhb_put_hit_fields(struct rhb_bytes *out, const struct rhb_record *record, uint64_t age,
                        int status)
{
    enum { SPACE = 160 };
    if (!rhb_bytes_reserve(out, SPACE))
        return false;
    char *to = put(out->data + out->len, "Age: ");
    to = rhb_decimal_write(to, age < RHB_MOST_SECONDS ? age : RHB_MOST_SECONDS);
    to = put(to, "\r\nCache-Status: rhebok; ");
    if (status == 0)
        to = put(to, "hit");
    else
        to = rhb_decimal_write(put(to, "fwd=stale; fwd-status="), (uint64_t)status);
    to = put_signed(put(to, "; ttl="), (int64_t)record->lifetime.fresh - (int64_t)age);
    to = put(to, "\r\n");
    out->len = (size_t)(to - out->data);
    return true;
}

bool rhb_put_forward_field(struct rhb_bytes *out, const char *why, bool stored)
{
    enum { SPACE = 96 };
    if (!rhb_bytes_reserve(out, SPACE))
        return false;
    char *to = put(put(out->data + out->len, "Cache-Status: rhebok; fwd="), why);
    to = put(to, stored ? "; stored\r\n" : "\r\n");
    out->len = (size_t)(to - out->data);
    return true;
}
