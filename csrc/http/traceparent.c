#include "traceparent.h"
#include "field_name.h"

/* version "-" trace-id "-" parent-id "-" trace-flags */
enum {
    VERSION = 2,
    TRACE_AT = VERSION + 1,
    SPAN_AT = TRACE_AT + RHB_TRACE_ID + 1,
    FLAGS_AT = SPAN_AT + RHB_SPAN_ID + 1,
    WHOLE = FLAGS_AT + 2
};

/* Only in lower case. */
static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
    return true;
}

/* An identifier of zeros only is none. */
static bool is_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != '0')
            return is_hex(text, len);
    return false;
}

/* Version 00 has no more than the whole; version ff is not valid. */
static bool is_version(const char *value, size_t len)
{
    if (!is_hex(value, VERSION) || memcmp(value, "ff", VERSION) == 0)
        return false;
    return len == WHOLE || (memcmp(value, "00", VERSION) != 0 && value[WHOLE] == '-');
}

bool rhb_traceparent_read(struct rhb_traceparent *trace, const char *value, size_t len)
{
    if (len < WHOLE || !is_version(value, len))
        return false;
    if (value[TRACE_AT - 1] != '-' || value[SPAN_AT - 1] != '-' || value[FLAGS_AT - 1] != '-')
        return false;
    trace->trace_id = value + TRACE_AT;
    trace->span_id = value + SPAN_AT;
    return is_id(trace->trace_id, RHB_TRACE_ID) && is_id(trace->span_id, RHB_SPAN_ID) &&
           is_hex(value + FLAGS_AT, 2);
}

bool rhb_traceparent_find(struct rhb_traceparent *trace, const struct phr_header *fields,
                          size_t count)
{
    const struct phr_header *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!rhb_name_is(fields[i].name, fields[i].name_len, "traceparent"))
            continue;
        if (found != NULL)
            return false;
        found = &fields[i];
    }
    return found != NULL && rhb_traceparent_read(trace, found->value, found->value_len);
}
