/* The lenient parser, requests: picohttpparser/picohttpparser.h. */
#include "parse_ways.h"

static const struct parse_setup lenient = {.parser = PARSER_REQUEST};

#define LINE "GET / HTTP/1.1\r\n"

/* The wire is a whole head, to its last byte. */
static struct parse_outcome accepted(struct rhb_test *t, const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, &lenient, wire, strlen(wire), (int)strlen(wire), &out);
    return out;
}

static void refused(struct rhb_test *t, const char *wire, size_t len)
{
    struct parse_outcome out;

    parse_every_way(t, &lenient, wire, len, PHR_BAD, &out);
}

/* Ends with an empty line, so that a parse with last_len is made in the end. */
#define REFUSED(sentence, wire)                                                                    \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused(t, "" wire "\r\n\r\n", sizeof(wire) + 3);                                          \
    }

static struct parse_outcome incomplete(struct rhb_test *t, const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, &lenient, wire, strlen(wire), PHR_INCOMPLETE, &out);
    return out;
}

static void a_request_is_parsed(struct rhb_test *t)
{
    struct parse_outcome out =
        accepted(t, "GET /hoge HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x (y)\r\n\r\n");

    CHECK_WORD(out, 0, "GET");
    CHECK_WORD(out, 1, "/hoge");
    CHECK_INT(out.minor_version, 1);
    CHECK_INT(out.num_fields, 2);
    parse_check_field(t, &out, 0, "Host", "example.com");
    parse_check_field(t, &out, 1, "User-Agent", "x (y)");
}

static void a_request_without_fields_is_complete(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "GET / HTTP/1.0\r\n\r\n");

    CHECK_INT(out.minor_version, 0);
    CHECK_INT(out.num_fields, 0);
}

static void every_minor_version_is_accepted(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "GET / HTTP/1.9\r\n\r\n");

    CHECK_INT(out.minor_version, 9);
}

static void an_empty_line_of_either_kind_may_come_first(struct rhb_test *t)
{
    accepted(t, "\r\n" LINE "A: b\r\n\r\n");
    accepted(t, "\n" LINE "A: b\r\n\r\n");
}

static void a_bare_lf_ends_a_line(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "GET / HTTP/1.1\nA: b\nC: d\r\nE: f\n\n");

    CHECK_INT(out.num_fields, 3);
    parse_check_field(t, &out, 0, "A", "b");
    parse_check_field(t, &out, 2, "E", "f");
    accepted(t, LINE "A: b\n\r\n");
    accepted(t, LINE "A: b\r\n\n");
}

static void words_may_be_several_spaces_apart(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "GET   /a    HTTP/1.1\r\n\r\n");

    CHECK_WORD(out, 0, "GET");
    CHECK_WORD(out, 1, "/a");
}

static void bytes_above_ascii_are_accepted_in_path_and_values(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "GET /\xa0\xff HTTP/1.0\r\nh: c\xa2y\x80\r\n\r\n");

    CHECK_WORD(out, 1, "/\xa0\xff");
    parse_check_field(t, &out, 0, "h", "c\xa2y\x80");
}

static void a_continuation_line_is_a_field_without_name(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, LINE "foo: \r\nfoo: b\r\n  \tc \r\n\td\r\n\r\n");

    CHECK_INT(out.num_fields, 4);
    parse_check_field(t, &out, 0, "foo", "");
    parse_check_field(t, &out, 1, "foo", "b");
    parse_check_field(t, &out, 2, NULL, "  \tc");
    parse_check_field(t, &out, 3, NULL, "\td");
}

static void values_lose_the_white_space_around_them(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, LINE "foo: a \t \r\nbar:\t b c\r\nbaz:d\r\n\r\n");

    parse_check_field(t, &out, 0, "foo", "a");
    parse_check_field(t, &out, 1, "bar", "b c");
    parse_check_field(t, &out, 2, "baz", "d");
}

static void bytes_behind_the_head_are_not_parsed(struct rhb_test *t)
{
    static const char wire[] = "POST / HTTP/1.1\r\nA: b\r\n\r\n\0\n\r\x7f body";
    struct parse_outcome out;

    parse_every_way(t, &lenient, wire, sizeof(wire) - 1, 25, &out);
}

REFUSED(an_empty_method_is_refused, " / HTTP/1.0")
REFUSED(an_empty_path_is_refused, "GET  HTTP/1.0")
REFUSED(a_nul_in_the_method_is_refused, "G\0T / HTTP/1.0")
REFUSED(a_tab_in_the_method_is_refused, "G\tT / HTTP/1.0")
REFUSED(a_method_that_is_no_token_is_refused, ":GET / HTTP/1.0")
REFUSED(a_del_in_the_path_is_refused, "GET /\x7fhello HTTP/1.0")
REFUSED(a_tab_in_the_path_is_refused, "GET /\thello HTTP/1.0")
REFUSED(http_0_9_is_refused, "GET /")
REFUSED(another_major_version_is_refused, "GET / HTTP/2.0")
REFUSED(a_version_without_digit_is_refused, "GET / HTTP/1.x")
REFUSED(a_lower_case_version_is_refused, "GET / http/1.1")
REFUSED(two_minor_digits_are_refused, "GET / HTTP/1.10")
REFUSED(a_space_behind_the_version_is_refused, "GET / HTTP/1.1 ")
REFUSED(a_bare_cr_behind_the_version_is_refused, "GET / HTTP/1.1\rA: b")
REFUSED(an_empty_name_is_refused, LINE ":a")
REFUSED(a_name_of_a_space_is_refused, LINE " :a")
REFUSED(a_space_before_the_colon_is_refused, LINE "Host : a")
REFUSED(a_tab_before_the_colon_is_refused, LINE "Host\t: a")
REFUSED(a_nul_in_a_name_is_refused, LINE "a\0b: c")
REFUSED(a_name_above_ascii_is_refused, LINE "\xe4: c")
REFUSED(a_name_with_a_delimiter_is_refused, LINE "/: 1")
REFUSED(a_line_without_colon_is_refused, LINE "abc")
REFUSED(a_nul_in_a_value_is_refused, LINE "ab: c\0d")
REFUSED(a_control_in_a_value_is_refused, LINE "ab: c\033d")
REFUSED(a_del_in_a_value_is_refused, LINE "ab: c\177d")
REFUSED(a_bare_cr_in_a_value_is_refused, LINE "ab: c\rd")
REFUSED(a_continuation_before_any_field_is_refused, LINE " abc: d")
REFUSED(a_control_in_a_continuation_is_refused, LINE "a: b\r\n c\1d")
REFUSED(a_second_empty_line_at_the_start_is_refused, "\r\n\r\nGET / HTTP/1.1")

static void a_bare_cr_for_the_empty_line_is_refused(struct rhb_test *t)
{
    static const char wire[] = LINE "A: b\r\n\rC: d\r\n\r\n";

    refused(t, wire, sizeof(wire) - 1);
}

static void as_many_fields_as_the_capacity_are_accepted(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_REQUEST, .fields = 2};
    struct parse_outcome out;

    parse_every_way(t, &setup, LINE "A: 1\r\nB: 2\r\n\r\n", 30, 30, &out);
    parse_every_way(t, &setup, LINE "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 36, PHR_BAD, &out);
    CHECK_INT(out.num_fields, 2);
}

static void incomplete_heads_have_the_outputs_that_are_certain(struct rhb_test *t)
{
    CHECK(incomplete(t, "GET").words[0] == NULL);
    CHECK_WORD(incomplete(t, "GET "), 0, "GET");
    CHECK(incomplete(t, "GET /").words[1] == NULL);
    CHECK_WORD(incomplete(t, "GET / "), 1, "/");
    CHECK_INT(incomplete(t, "GET / H").minor_version, -1);
    CHECK_INT(incomplete(t, "GET / HTTP/1.").minor_version, -1);
    CHECK_INT(incomplete(t, "GET / HTTP/1.0").minor_version, -1);
    CHECK_INT(incomplete(t, "GET / HTTP/1.0\r").minor_version, 0);
    CHECK_INT(incomplete(t, LINE "A: b\r\nC: d\r").num_fields, 1);
}

static void an_empty_input_is_incomplete(struct rhb_test *t)
{
    incomplete(t, "");
    incomplete(t, "\r");
    incomplete(t, "\r\n");
}

/* Slow senders: with last_len a head without its empty line is not parsed again, even a bad one. */
static void with_last_len_an_incomplete_head_is_not_parsed(struct rhb_test *t)
{
    static const char bad[] = "GET / HTTP/1.0\r\n\x01: x\r";
    struct parse_outcome out;

    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        if (variant == NULL)
            continue;
        parse_once(variant, &lenient, bad, sizeof(bad) - 1, sizeof(bad) - 2, &out);
        CHECK_INT(out.result, PHR_INCOMPLETE);
        parse_once(variant, &lenient, bad, sizeof(bad) - 1, 0, &out);
        CHECK_INT(out.result, PHR_BAD);
    }
}

static void a_last_len_beyond_the_input_is_ignored(struct rhb_test *t)
{
    struct parse_outcome out;

    parse_once(phr_best_variant(), &lenient, LINE "\r\n", 18, 40, &out);
    CHECK_INT(out.result, 18);
}

static void the_published_function_hands_out_the_same(struct rhb_test *t)
{
    static const char wire[] = "GET /p HTTP/1.1\r\nA: b\r\n c\n\n";
    struct phr_header headers[4];
    size_t count = 4, method_len, path_len;
    const char *method, *path;
    int minor;

    CHECK_INT(phr_parse_request(wire, sizeof(wire) - 1, &method, &method_len, &path, &path_len,
                                &minor, headers, &count, 0),
              sizeof(wire) - 1);
    CHECK_STR(method, method_len, "GET");
    CHECK_STR(path, path_len, "/p");
    CHECK_INT(minor, 1);
    CHECK_INT(count, 2);
    CHECK_STR(headers[0].value, headers[0].value_len, "b");
    CHECK(headers[1].name == NULL);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_is_parsed),
        RHB_CASE(a_request_without_fields_is_complete),
        RHB_CASE(every_minor_version_is_accepted),
        RHB_CASE(an_empty_line_of_either_kind_may_come_first),
        RHB_CASE(a_bare_lf_ends_a_line),
        RHB_CASE(words_may_be_several_spaces_apart),
        RHB_CASE(bytes_above_ascii_are_accepted_in_path_and_values),
        RHB_CASE(a_continuation_line_is_a_field_without_name),
        RHB_CASE(values_lose_the_white_space_around_them),
        RHB_CASE(bytes_behind_the_head_are_not_parsed),
        RHB_CASE(an_empty_method_is_refused),
        RHB_CASE(an_empty_path_is_refused),
        RHB_CASE(a_nul_in_the_method_is_refused),
        RHB_CASE(a_tab_in_the_method_is_refused),
        RHB_CASE(a_method_that_is_no_token_is_refused),
        RHB_CASE(a_del_in_the_path_is_refused),
        RHB_CASE(a_tab_in_the_path_is_refused),
        RHB_CASE(http_0_9_is_refused),
        RHB_CASE(another_major_version_is_refused),
        RHB_CASE(a_version_without_digit_is_refused),
        RHB_CASE(a_lower_case_version_is_refused),
        RHB_CASE(two_minor_digits_are_refused),
        RHB_CASE(a_space_behind_the_version_is_refused),
        RHB_CASE(a_bare_cr_behind_the_version_is_refused),
        RHB_CASE(an_empty_name_is_refused),
        RHB_CASE(a_name_of_a_space_is_refused),
        RHB_CASE(a_space_before_the_colon_is_refused),
        RHB_CASE(a_tab_before_the_colon_is_refused),
        RHB_CASE(a_nul_in_a_name_is_refused),
        RHB_CASE(a_name_above_ascii_is_refused),
        RHB_CASE(a_name_with_a_delimiter_is_refused),
        RHB_CASE(a_line_without_colon_is_refused),
        RHB_CASE(a_nul_in_a_value_is_refused),
        RHB_CASE(a_control_in_a_value_is_refused),
        RHB_CASE(a_del_in_a_value_is_refused),
        RHB_CASE(a_bare_cr_in_a_value_is_refused),
        RHB_CASE(a_continuation_before_any_field_is_refused),
        RHB_CASE(a_control_in_a_continuation_is_refused),
        RHB_CASE(a_second_empty_line_at_the_start_is_refused),
        RHB_CASE(a_bare_cr_for_the_empty_line_is_refused),
        RHB_CASE(as_many_fields_as_the_capacity_are_accepted),
        RHB_CASE(incomplete_heads_have_the_outputs_that_are_certain),
        RHB_CASE(an_empty_input_is_incomplete),
        RHB_CASE(with_last_len_an_incomplete_head_is_not_parsed),
        RHB_CASE(a_last_len_beyond_the_input_is_ignored),
        RHB_CASE(the_published_function_hands_out_the_same),
    };
    return RHB_RUN(cases);
}
