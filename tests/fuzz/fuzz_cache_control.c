/* Cache-Control and targeted fields. Invariants: what forbids is never lost by what stands behind
 * it; numbers are within their bound; a field that is read twice has the same directives, and a
 * line that is cut at a comma outside of strings says the same in two lines; a targeted field that
 * is read has no byte that a dictionary cannot have.
 *
 * Input: a byte that chooses the reader, then the value. */
#include "cache/directives.h"
#include "fuzz.h"

static void check_numbers(const struct rhb_directives *read)
{
    MUST(read->max_age <= RHB_MOST_SECONDS && read->s_maxage <= RHB_MOST_SECONDS);
    MUST(read->max_stale <= RHB_MOST_SECONDS && read->min_fresh <= RHB_MOST_SECONDS);
    MUST(read->stale_while_revalidate <= RHB_MOST_SECONDS);
    MUST(read->stale_if_error <= RHB_MOST_SECONDS);
}

/* The last comma outside of strings; NULL without one. */
static const char *last_comma(const char *value, size_t len)
{
    const char *found = NULL;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        if (quoted && value[i] == '\\')
            i++;
        else if (value[i] == '"')
            quoted = !quoted;
        else if (value[i] == ',' && !quoted)
            found = value + i;
    }
    return found;
}

static void check_lines(const char *value, size_t len, const struct rhb_directives *whole)
{
    struct rhb_directives parts = {0};
    const char *comma = last_comma(value, len);
    if (comma == NULL)
        return;
    rhb_directives_read(&parts, value, (size_t)(comma - value));
    unsigned before = parts.seen;
    rhb_directives_read(&parts, comma + 1, (size_t)(value + len - comma - 1));
    MUST((parts.seen & before) == before);
    MUST(parts.seen == whole->seen && parts.broken == whole->broken);
    MUST(parts.max_age == whole->max_age && parts.s_maxage == whole->s_maxage);
}

static void check_cache_control(const char *value, size_t len)
{
    struct rhb_directives once = {0}, behind = {0};
    rhb_directives_read(&once, value, len);
    check_numbers(&once);
    check_lines(value, len, &once);
    rhb_directives_read(&behind, "no-store, private", 17);
    rhb_directives_read(&behind, value, len);
    MUST((behind.seen & (RHB_NO_STORE | RHB_PRIVATE)) == (RHB_NO_STORE | RHB_PRIVATE));
    MUST((behind.seen & once.seen) == once.seen);
}

static void check_targeted(const char *value, size_t len)
{
    struct rhb_directives read = {0};
    if (!rhb_directives_read_targeted(&read, value, len))
        return;
    check_numbers(&read);
    for (size_t i = 0; i < len; i++)
        MUST(value[i] == '\t' || (value[i] >= 0x20 && value[i] < 0x7f) ||
             memchr(value, ':', len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 4096)
        return 0;
    char *value = fuzz_copy((const char *)data + 1, size - 1);
    if (data[0] & 1)
        check_targeted(value, size - 1);
    else
        check_cache_control(value, size - 1);
    free(value);
    return 0;
}
