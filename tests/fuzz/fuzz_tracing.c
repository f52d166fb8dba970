/* The fields by which requests are followed: traceparent, X-Request-Start, X-Request-ID.
 * Invariants: simple readers give the same, and no byte beyond the value is read.
 *
 * Input: the value. */
#include "fuzz.h"
#include "http/request_id.h"
#include "http/request_start.h"
#include "http/traceparent.h"

enum { WHOLE = 55 };

/* ---- simple readers ---- */

/* Each byte against a pattern: x is a digit, - is itself. */
static bool is_traceparent(const char *value, size_t len)
{
    static const char pattern[] = "xx-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx-xxxxxxxxxxxxxxxx-xx";
    char trace[33] = {0}, span[17] = {0};
    if (len < WHOLE)
        return false;
    for (size_t i = 0; i < WHOLE; i++)
        if (pattern[i] == 'x' ? value[i] == '\0' || strchr("0123456789abcdef", value[i]) == NULL
                              : value[i] != '-')
            return false;
    memcpy(trace, value + 3, 32);
    memcpy(span, value + 36, 16);
    if (strspn(trace, "0") == 32 || strspn(span, "0") == 16 || strncmp(value, "ff", 2) == 0)
        return false;
    return len == WHOLE || (strncmp(value, "00", 2) != 0 && value[WHOLE] == '-');
}

/* By floating point, so to one part in 10^15. 0: it is no time. */
static long double seconds_of(const char *value, size_t len)
{
    char text[64];
    if (len >= sizeof text)
        return 0;
    memcpy(text, value, len);
    text[len] = '\0';
    const char *number =
        len > 2 && (value[0] == 't' || value[0] == 'T') && value[1] == '=' ? text + 2 : text;
    size_t whole = strspn(number, "0123456789"), all = whole;
    if (whole == 0 || whole - strspn(number, "0") > 19 || strlen(text) != len)
        return 0;
    if (number[whole] == '.') {
        size_t fraction = strspn(number + whole + 1, "0123456789");
        all += fraction + 1;
        if (fraction == 0)
            return 0;
    }
    if (number[all] != '\0')
        return 0;
    long double seconds = strtold(number, NULL);
    if (seconds < 100000000)
        return 0;
    for (int i = 0; i < 3 && seconds >= 100000000000; i++)
        seconds /= 1000;
    return seconds < 18446744074.0L ? seconds : 0;
}

static bool is_id(const char *value, size_t len)
{
    static const char safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                               "-._~+/=:;@";
    for (size_t i = 0; i < len; i++)
        if (value[i] == '\0' || strchr(safe, value[i]) == NULL)
            return false;
    return len >= 1 && len <= 128;
}

/* ---- */

static void run_request_start(const char *value, size_t len)
{
    uint64_t ns = 0;
    bool read = rhb_request_start_read(value, len, &ns);
    long double expected = seconds_of(value, len);
    if (len >= 64) /* leading zeros only: not judged */
        return;
    if (read != (expected != 0)) /* at the last second that fits, rounding decides */
        MUST(!read && expected > 18446744073.0L);
    if (read) {
        long double difference = (long double)ns / 1e9L - expected;
        MUST(difference < 1e-5L && difference > -1e-5L);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *value = fuzz_copy((const char *)data, size);
    struct rhb_traceparent trace;
    bool read = rhb_traceparent_read(&trace, value, size);
    MUST(read == is_traceparent(value, size));
    MUST(!read || (trace.trace_id == value + 3 && trace.span_id == value + 36));
    MUST(rhb_is_request_id(value, size) == is_id(value, size));
    run_request_start(value, size);
    free(value);
    return 0;
}
