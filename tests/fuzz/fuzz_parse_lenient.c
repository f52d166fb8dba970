/* The lenient parsers: request, response and fields. Invariants: all variants give the same; so do
 * pieces and the whole; outputs point into the bytes of the head, and names are tokens.
 *
 * Input: a byte: which parser, and the number of fields at most; bytes of a piece; then the head.
 */
#include "fuzz_parse.h"

static void check_inside(const struct parse_outcome *out, const char *start, size_t len)
{
    MUST(start >= out->base && start + len <= out->base + out->result);
}

static void check_words(const struct parse_setup *setup, const struct parse_outcome *out)
{
    int words = setup->parser == PARSER_REQUEST ? 2 : setup->parser == PARSER_RESPONSE ? 1 : 0;
    for (int i = 0; i < words; i++)
        check_inside(out, out->words[i], out->word_lens[i]);
    if (setup->parser == PARSER_REQUEST)
        MUST(out->word_lens[0] > 0 && out->word_lens[1] > 0);
    if (setup->parser == PARSER_RESPONSE)
        MUST(out->status >= 0 && out->status <= 999);
    if (setup->parser != PARSER_FIELDS)
        MUST(out->minor_version >= 0 && out->minor_version <= 9);
}

static void check_field(const struct parse_outcome *out, const struct phr_header *field)
{
    check_inside(out, field->value, field->value_len);
    for (size_t i = 0; i < field->value_len; i++)
        MUST(fuzz_is_text(field->value[i]));
    if (field->name == NULL)
        return;
    check_inside(out, field->name, field->name_len);
    MUST(field->name_len > 0);
    for (size_t i = 0; i < field->name_len; i++)
        MUST(fuzz_is_tchar(field->name[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum parser_kind parsers[] = {PARSER_REQUEST, PARSER_RESPONSE, PARSER_FIELDS,
                                               PARSER_REQUEST};
    struct fuzz_input in = {.at = data, .len = size};
    uint8_t how = fuzz_byte(&in);
    struct parse_setup setup = {.parser = parsers[how % 4],
                                .fields = how / 4u % (PARSE_FIELDS_MAX + 1)};
    struct parse_outcome out;
    size_t step = fuzz_byte(&in) + 1u;
    if (in.len > FUZZ_PARSE_MAX)
        return 0;
    char *bytes = fuzz_copy((const char *)in.at, in.len);
    fuzz_parse_ways(&setup, step, bytes, in.len, &out);
    MUST(out.result >= -2 && out.result != 0 && out.result <= (int)in.len);
    if (out.result > 0) {
        check_words(&setup, &out);
        for (size_t i = 0; i < out.num_fields; i++)
            check_field(&out, &out.fields[i]);
    }
    free(bytes);
    return 0;
}
