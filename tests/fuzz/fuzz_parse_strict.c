/* The strict parser. Invariants: all variants give the same; the result does not depend on how the
 * bytes arrive; an accepted head is, byte for byte, its outputs in the form of RFC 9112, and within
 * the limits.
 *
 * Input: fields at most (0: 16), the three limits (0: none), bytes of a piece, then the head. */
#include "fuzz_parse.h"

static size_t limit_of(uint8_t byte, size_t unit)
{
    return byte * unit; /* in parse_ways.h 0 is no limit */
}

/* This text must be at `at`. Returns the position behind it. */
static const char *reads(const char *at, const char *end, const char *text, size_t len)
{
    MUST((size_t)(end - at) >= len && memcmp(at, text, len) == 0);
    return at + len;
}

static const char *reads_blanks(const char *at, const char *end)
{
    while (at < end && fuzz_is_blank(*at))
        at++;
    return at;
}

static const char *reads_request_line(const struct parse_outcome *out, const char *at,
                                      const char *end, size_t limit)
{
    const char *start = at;
    MUST(out->words[0] == at && out->word_lens[0] > 0 && out->word_lens[0] <= 32);
    for (size_t i = 0; i < out->word_lens[0]; i++)
        MUST(fuzz_is_tchar(*at++));
    at = reads(at, end, " ", 1);
    MUST(out->words[1] == at && out->word_lens[1] > 0);
    for (size_t i = 0; i < out->word_lens[1]; i++, at++)
        MUST(*at != ' ' && *at != '\t' && fuzz_is_text(*at));
    MUST(out->minor_version == 0 || out->minor_version == 1);
    at = reads(at, end, out->minor_version ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n", 11);
    MUST((size_t)(at - start) <= limit);
    return at;
}

static const char *reads_field(const struct phr_header *field, const char *at, const char *end,
                               size_t limit)
{
    const char *start = at;
    MUST(field->name == at && field->name_len > 0);
    for (size_t i = 0; i < field->name_len; i++)
        MUST(fuzz_is_tchar(*at++));
    at = reads_blanks(reads(at, end, ":", 1), end);
    MUST(field->value_len == 0 || field->value == at);
    for (size_t i = 0; i < field->value_len; i++)
        MUST(fuzz_is_text(*at++));
    MUST(field->value_len == 0 || !fuzz_is_blank(at[-1]));
    at = reads(reads_blanks(at, end), end, "\r\n", 2);
    MUST((size_t)(at - start) <= limit);
    return at;
}

static void check_accepted(const struct parse_setup *setup, const struct parse_outcome *out)
{
    const char *at = out->base, *end = at + out->result;
    if (*at == '\r')
        at = reads(at, end, "\r\n", 2);
    at = reads_request_line(out, at, end, parse_limit(setup->limits.line));
    MUST(out->num_fields <= (setup->fields ? setup->fields : PARSE_FIELDS_MAX));
    for (size_t i = 0; i < out->num_fields; i++)
        at = reads_field(&out->fields[i], at, end, parse_limit(setup->limits.field));
    MUST(reads(at, end, "\r\n", 2) == end);
    MUST((size_t)out->result <= parse_limit(setup->limits.head));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    struct parse_setup setup = {.parser = PARSER_STRICT};
    struct parse_outcome out;
    setup.fields = fuzz_byte(&in) % (PARSE_FIELDS_MAX + 1);
    setup.limits.line = limit_of(fuzz_byte(&in), 1);
    setup.limits.field = limit_of(fuzz_byte(&in), 1);
    setup.limits.head = limit_of(fuzz_byte(&in), 4);
    size_t step = fuzz_byte(&in) + 1u;
    if (in.len > FUZZ_PARSE_MAX)
        return 0;
    char *bytes = fuzz_copy((const char *)in.at, in.len);
    fuzz_parse_ways(&setup, step, bytes, in.len, &out);
    MUST(out.result >= PHR_METHOD_TOO_LONG && out.result != 0 && out.result <= (int)in.len);
    if (out.result > 0)
        check_accepted(&setup, &out);
    free(bytes);
    return 0;
}
