/* The strict chunked decoder, picohttpparser/strict.h. */
#include "chunk_ways.h"
#include "picohttpparser/strict.h"

/* The limits that the cases are written for. */
enum { MAX_EXTENSION = 8, MAX_TRAILER = 16 };

static ssize_t decode(void *decoder, char *buf, size_t *bufsz)
{
    return phr_decode_chunked_strict(decoder, buf, bufsz);
}

static void reset(void *decoder)
{
    *(struct phr_strict_chunked *)decoder =
        (struct phr_strict_chunked){.max_extension = MAX_EXTENSION, .max_trailer = MAX_TRAILER};
}

static void reset_without_room(void *decoder)
{
    *(struct phr_strict_chunked *)decoder = (struct phr_strict_chunked){0};
}

static void decodes(struct rhb_test *t, const char *wire, size_t len, ssize_t expected,
                    const char *data)
{
    struct phr_strict_chunked decoder;
    struct chunk_setup setup = {&decoder, decode, reset};

    chunk_every_way(t, &setup, wire, len, expected, data);
}

#define DECODES(wire, expected, data) decodes(t, wire, sizeof(wire) - 1, expected, data)

/* Bad at the last byte: one less is incomplete, more change nothing. */
static void refused(struct rhb_test *t, const char *wire, size_t len)
{
    char longer[128];

    memcpy(longer, wire, len);
    memcpy(longer + len, "\r\n0\r\n\r\n", 7);
    decodes(t, wire, len, -1, NULL);
    decodes(t, longer, len + 7, -1, NULL);
    decodes(t, wire, len - 1, -2, NULL);
}

#define REFUSED(sentence, wire)                                                                    \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused(t, "" wire, sizeof(wire) - 1);                                                     \
    }

static void chunks_are_joined(struct rhb_test *t)
{
    DECODES("6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n", 0, "hello world");
}

static void an_empty_body_is_decoded(struct rhb_test *t)
{
    DECODES("0\r\n\r\n", 0, "");
}

static void hex_digits_may_have_either_case(struct rhb_test *t)
{
    DECODES("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", 0, "01234567890123456789");
}

static void fifteen_digits_are_accepted(struct rhb_test *t)
{
    DECODES("000000000000003\r\nabc\r\n000000000000000\r\n\r\n", 0, "abc");
    DECODES("fffffffffffffff\r\nabcdefg", -2, "abcdefg");
}

static void data_may_hold_framing(struct rhb_test *t)
{
    DECODES("7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", 0, "0\r\n\r\n\r\n");
}

static void extensions_are_skipped(struct rhb_test *t)
{
    DECODES("3;a=b\r\nabc\r\n0;c=\"d\"\r\n\r\n", 0, "abc");
    DECODES("3; a =\tb\r\nabc\r\n0 ;a\r\n\r\n", 0, "abc");
    DECODES("3;a;b;c\r\nabc\r\n0;a=\"\xff\"\r\n\r\n", 0, "abc");
    DECODES("3;a=\";\"\r\nabc\r\n0;a=\"\\\"\"\r\n\r\n", 0, "abc");
}

static void each_size_line_has_its_own_limit_of_extensions(struct rhb_test *t)
{
    DECODES("1;1234567\r\na\r\n1;1234567\r\nb\r\n0;1234567\r\n\r\n", 0, "ab");
}

static void trailers_are_thrown_away(struct rhb_test *t)
{
    DECODES("3\r\nabc\r\n0\r\nA: b\r\nC:\r\n\r\nnext", 4, "abc");
}

static void trailers_may_be_as_long_as_their_limit(struct rhb_test *t)
{
    DECODES("0\r\nA: b\r\nABC: def\r\n\r\n", 0, "");
}

static void bytes_behind_the_body_are_behind_the_data(struct rhb_test *t)
{
    DECODES("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 18, "abc");
}

static void an_incomplete_body_gives_the_data_so_far(struct rhb_test *t)
{
    DECODES("b\r\nhello", -2, "hello");
    DECODES("3\r\nabc\r\n0\r\n", -2, "abc");
    DECODES("3\r\nabc\r\n0\r\n\r", -2, "abc");
}

static void with_limits_of_zero_plain_bodies_are_decoded(struct rhb_test *t)
{
    struct phr_strict_chunked decoder;
    struct chunk_setup setup = {&decoder, decode, reset_without_room};

    chunk_every_way(t, &setup, "1\r\na\r\n0\r\n\r\n", 11, 0, "a");
    chunk_every_way(t, &setup, "1;", 2, -1, NULL);
    chunk_every_way(t, &setup, "0\r\nA", 4, -1, NULL);
}

static void after_the_end_everything_is_left_over(struct rhb_test *t)
{
    struct phr_strict_chunked decoder = {0};
    char body[] = "0\r\n\r\n", next[] = "GET";
    size_t size = 5;

    CHECK_INT(phr_decode_chunked_strict(&decoder, body, &size), 0);
    size = 3;
    CHECK_INT(phr_decode_chunked_strict(&decoder, next, &size), 3);
    CHECK_INT(size, 0);
    CHECK_STR(next, 3, "GET");
}

REFUSED(a_missing_size_is_refused, "\r")
REFUSED(an_extension_without_size_is_refused, ";")
REFUSED(a_sixteenth_digit_is_refused, "0000000000000000")
REFUSED(a_sixteenth_digit_of_a_later_chunk_is_refused, "1\r\na\r\n0000000000000001")
REFUSED(a_letter_is_refused, "g")
REFUSED(a_plus_is_refused, "+")
REFUSED(a_minus_is_refused, "-")
REFUSED(a_prefix_of_0x_is_refused, "0x")
REFUSED(an_underscore_is_refused, "1_")
REFUSED(a_leading_space_is_refused, " ")
REFUSED(a_space_behind_the_size_is_refused, "1 \r")
REFUSED(a_tab_behind_the_size_is_refused, "1\t\r")
REFUSED(a_word_behind_white_space_is_refused, "1 a")
REFUSED(white_space_that_goes_beyond_the_limit_is_refused, "1         ")
REFUSED(an_extension_without_a_name_is_refused, "1;\r")
REFUSED(white_space_instead_of_a_name_is_refused, "1; \r")
REFUSED(two_semicolons_are_refused, "1;;")
REFUSED(a_value_without_a_name_is_refused, "1;=")
REFUSED(a_quoted_name_is_refused, "1;\"")
REFUSED(two_names_are_refused, "1;a b")
REFUSED(a_missing_value_is_refused, "1;a=\r")
REFUSED(a_semicolon_instead_of_a_value_is_refused, "1;a=;")
REFUSED(two_equal_signs_are_refused, "1;a==")
REFUSED(a_second_value_is_refused, "1;a=b=")
REFUSED(a_delimiter_in_a_value_is_refused, "1;a=b/")
REFUSED(two_values_are_refused, "1;a=b c")
REFUSED(a_quote_in_a_value_is_refused, "1;a=b\"")
REFUSED(quotes_that_do_not_end_are_refused, "1;a=\"b\r")
REFUSED(an_escape_that_does_not_end_is_refused, "1;a=\"\\\r")
REFUSED(a_word_behind_quotes_is_refused, "1;a=\"\"b")
REFUSED(quotes_behind_quotes_are_refused, "1;a=\"\"\"")
REFUSED(a_del_in_quotes_is_refused, "1;a=\"\x7f")
REFUSED(a_nul_in_an_escape_is_refused, "1;a=\"\\\0")
REFUSED(a_byte_above_7f_in_a_name_is_refused, "1;\xff")
REFUSED(a_nul_behind_the_size_is_refused, "1\0")
REFUSED(a_bare_lf_behind_the_size_is_refused, "1\n")
REFUSED(a_bare_cr_behind_the_size_is_refused, "1\ra")
REFUSED(two_crs_behind_the_size_are_refused, "1\r\r")
REFUSED(a_bare_lf_in_an_extension_is_refused, "1;a\n")
REFUSED(a_bare_cr_in_an_extension_is_refused, "1;a\rb")
REFUSED(a_nul_in_an_extension_is_refused, "1;a\0")
REFUSED(a_del_in_an_extension_is_refused, "1;a\x7f")
REFUSED(a_space_at_the_end_of_an_extension_is_refused, "1;a \r")
REFUSED(a_tab_at_the_end_of_an_extension_is_refused, "1;a\t\r")
REFUSED(an_extension_beyond_its_limit_is_refused, "1;a=bcdefg")
REFUSED(quotes_beyond_the_limit_are_refused, "1;a=\"bcdef")
REFUSED(data_without_line_end_is_refused, "1\r\nab")
REFUSED(a_bare_lf_behind_data_is_refused, "1\r\na\n")
REFUSED(a_bare_cr_behind_data_is_refused, "1\r\na\rb")
REFUSED(an_empty_line_between_chunks_is_refused, "1\r\na\r\n\r")
REFUSED(a_bare_lf_behind_the_last_chunk_is_refused, "0\r\n\n")
REFUSED(a_bare_cr_behind_the_last_chunk_is_refused, "0\r\n\rA")
REFUSED(a_trailer_that_begins_with_white_space_is_refused, "0\r\n ")
REFUSED(a_trailer_without_name_is_refused, "0\r\n:")
REFUSED(a_space_before_the_colon_of_a_trailer_is_refused, "0\r\nA ")
REFUSED(a_trailer_without_colon_is_refused, "0\r\nA\r")
REFUSED(a_folded_trailer_is_refused, "0\r\nA: b\r\n ")
REFUSED(a_bare_lf_behind_a_trailer_is_refused, "0\r\nA: b\n")
REFUSED(a_bare_cr_in_a_trailer_is_refused, "0\r\nA: b\rc")
REFUSED(a_nul_in_a_trailer_is_refused, "0\r\nA: b\0")
REFUSED(a_bare_lf_behind_the_trailers_is_refused, "0\r\nA: b\r\n\n")
REFUSED(a_trailer_beyond_its_limit_is_refused, "0\r\nA: b\r\nABC: defghi")
REFUSED(a_line_end_beyond_the_limit_of_trailers_is_refused, "0\r\nA: b\r\nABC: defg\r\n")

/* Every byte at every position of the framing: only those of the grammar are accepted. */
static void only_the_grammar_is_accepted(struct rhb_test *t)
{
    static const struct {
        const char *before;
        const char *good; /* the ranges that may follow */
    } places[] = {{"", "09afAF"},         {"1", "09afAF;;\r\r  \t\t"}, {"1\r", "\n\n"},
                  {"1\r\na", "\r\r"},     {"1\r\na\r", "\n\n"},        {"1\r\na\r\n", "09afAF"},
                  {"0\r\nA: b\r", "\n\n"}};

    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        for (int byte = 0; byte < 256; byte++) {
            char wire[32];
            size_t len = strlen(places[i].before);
            bool good = false;
            memcpy(wire, places[i].before, len);
            wire[len++] = (char)byte;
            for (const char *range = places[i].good; *range != '\0'; range += 2)
                good = good || (byte >= range[0] && byte <= range[1]);
            decodes(t, wire, len, good ? -2 : -1, NULL);
        }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(chunks_are_joined),
        RHB_CASE(an_empty_body_is_decoded),
        RHB_CASE(hex_digits_may_have_either_case),
        RHB_CASE(fifteen_digits_are_accepted),
        RHB_CASE(data_may_hold_framing),
        RHB_CASE(extensions_are_skipped),
        RHB_CASE(each_size_line_has_its_own_limit_of_extensions),
        RHB_CASE(trailers_are_thrown_away),
        RHB_CASE(trailers_may_be_as_long_as_their_limit),
        RHB_CASE(bytes_behind_the_body_are_behind_the_data),
        RHB_CASE(an_incomplete_body_gives_the_data_so_far),
        RHB_CASE(with_limits_of_zero_plain_bodies_are_decoded),
        RHB_CASE(after_the_end_everything_is_left_over),
        RHB_CASE(a_missing_size_is_refused),
        RHB_CASE(an_extension_without_size_is_refused),
        RHB_CASE(a_sixteenth_digit_is_refused),
        RHB_CASE(a_sixteenth_digit_of_a_later_chunk_is_refused),
        RHB_CASE(a_letter_is_refused),
        RHB_CASE(a_plus_is_refused),
        RHB_CASE(a_minus_is_refused),
        RHB_CASE(a_prefix_of_0x_is_refused),
        RHB_CASE(an_underscore_is_refused),
        RHB_CASE(a_leading_space_is_refused),
        RHB_CASE(a_space_behind_the_size_is_refused),
        RHB_CASE(a_tab_behind_the_size_is_refused),
        RHB_CASE(a_word_behind_white_space_is_refused),
        RHB_CASE(white_space_that_goes_beyond_the_limit_is_refused),
        RHB_CASE(an_extension_without_a_name_is_refused),
        RHB_CASE(white_space_instead_of_a_name_is_refused),
        RHB_CASE(two_semicolons_are_refused),
        RHB_CASE(a_value_without_a_name_is_refused),
        RHB_CASE(a_quoted_name_is_refused),
        RHB_CASE(two_names_are_refused),
        RHB_CASE(a_missing_value_is_refused),
        RHB_CASE(a_semicolon_instead_of_a_value_is_refused),
        RHB_CASE(two_equal_signs_are_refused),
        RHB_CASE(a_second_value_is_refused),
        RHB_CASE(a_delimiter_in_a_value_is_refused),
        RHB_CASE(two_values_are_refused),
        RHB_CASE(a_quote_in_a_value_is_refused),
        RHB_CASE(quotes_that_do_not_end_are_refused),
        RHB_CASE(an_escape_that_does_not_end_is_refused),
        RHB_CASE(a_word_behind_quotes_is_refused),
        RHB_CASE(quotes_behind_quotes_are_refused),
        RHB_CASE(a_del_in_quotes_is_refused),
        RHB_CASE(a_nul_in_an_escape_is_refused),
        RHB_CASE(a_byte_above_7f_in_a_name_is_refused),
        RHB_CASE(quotes_beyond_the_limit_are_refused),
        RHB_CASE(a_nul_behind_the_size_is_refused),
        RHB_CASE(a_bare_lf_behind_the_size_is_refused),
        RHB_CASE(a_bare_cr_behind_the_size_is_refused),
        RHB_CASE(two_crs_behind_the_size_are_refused),
        RHB_CASE(a_bare_lf_in_an_extension_is_refused),
        RHB_CASE(a_bare_cr_in_an_extension_is_refused),
        RHB_CASE(a_nul_in_an_extension_is_refused),
        RHB_CASE(a_del_in_an_extension_is_refused),
        RHB_CASE(a_space_at_the_end_of_an_extension_is_refused),
        RHB_CASE(a_tab_at_the_end_of_an_extension_is_refused),
        RHB_CASE(an_extension_beyond_its_limit_is_refused),
        RHB_CASE(data_without_line_end_is_refused),
        RHB_CASE(a_bare_lf_behind_data_is_refused),
        RHB_CASE(a_bare_cr_behind_data_is_refused),
        RHB_CASE(an_empty_line_between_chunks_is_refused),
        RHB_CASE(a_bare_lf_behind_the_last_chunk_is_refused),
        RHB_CASE(a_bare_cr_behind_the_last_chunk_is_refused),
        RHB_CASE(a_trailer_that_begins_with_white_space_is_refused),
        RHB_CASE(a_trailer_without_name_is_refused),
        RHB_CASE(a_space_before_the_colon_of_a_trailer_is_refused),
        RHB_CASE(a_trailer_without_colon_is_refused),
        RHB_CASE(a_folded_trailer_is_refused),
        RHB_CASE(a_bare_lf_behind_a_trailer_is_refused),
        RHB_CASE(a_bare_cr_in_a_trailer_is_refused),
        RHB_CASE(a_nul_in_a_trailer_is_refused),
        RHB_CASE(a_bare_lf_behind_the_trailers_is_refused),
        RHB_CASE(a_trailer_beyond_its_limit_is_refused),
        RHB_CASE(a_line_end_beyond_the_limit_of_trailers_is_refused),
        RHB_CASE(only_the_grammar_is_accepted),
    };
    return RHB_RUN(cases);
}
