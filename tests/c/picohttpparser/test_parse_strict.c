/* The strict parser, picohttpparser/strict.h: what is accepted, and what is refused. */
#include "strict_checks.h"
#include <stdio.h>

/* What is accepted. */

static void a_minimal_request_is_parsed(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, LINE "Host: x\r\n\r\n");

    CHECK_WORD(out, 0, "GET");
    CHECK_WORD(out, 1, "/");
    CHECK_INT(out.minor_version, 1);
    CHECK_INT(out.num_fields, 1);
    parse_check_field(t, &out, 0, "Host", "x");
}

static void a_request_without_fields_is_complete(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "G / HTTP/1.0\r\n\r\n");

    CHECK_WORD(out, 0, "G");
    CHECK_INT(out.minor_version, 0);
    CHECK_INT(out.num_fields, 0);
}

static void one_empty_line_before_the_request_line_is_skipped(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "\r\n" LINE "Host: x\r\n\r\n");

    CHECK_WORD(out, 0, "GET");
    CHECK_INT(out.num_fields, 1);
}

static void bytes_behind_the_head_are_not_parsed(struct rhb_test *t)
{
    static const char wire[] = "POST / HTTP/1.1\r\nA: b\r\n\r\n\0\n\r\x7f body";
    struct parse_outcome out;

    parse_every_way(t, &strict, wire, sizeof(wire) - 1, 25, &out);
    CHECK_WORD(out, 0, "POST");
}

static void methods_are_tokens_in_any_case(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, "!#$%&'*+-.^_`|~09azAZ * HTTP/1.1\r\n\r\n");

    CHECK_WORD(out, 0, "!#$%&'*+-.^_`|~09azAZ");
    CHECK_WORD(out, 1, "*");
}

static void a_method_of_32_bytes_is_accepted(struct rhb_test *t)
{
    accepted(t, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n\r\n");
}

static void targets_keep_their_bytes(struct rhb_test *t)
{
    struct parse_outcome out =
        accepted(t, "GET /%7e/\xc3\xa4?q=\"<>\\^`{|}\"#frag HTTP/1.1\r\nHost: x\r\n\r\n");

    CHECK_WORD(out, 1, "/%7e/\xc3\xa4?q=\"<>\\^`{|}\"#frag");
}

static void white_space_around_values_is_left_out(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, LINE "A:b\r\nC: \t d e\t f \t \r\nG:\r\nH: \t\r\n\r\n");

    CHECK_INT(out.num_fields, 4);
    parse_check_field(t, &out, 0, "A", "b");
    parse_check_field(t, &out, 1, "C", "d e\t f");
    parse_check_field(t, &out, 2, "G", "");
    parse_check_field(t, &out, 3, "H", "");
}

static void values_may_hold_colons_and_bytes_above_ascii(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, LINE "A: ::\x80\xff:\r\n\r\n");

    parse_check_field(t, &out, 0, "A", "::\x80\xff:");
}

static void long_words_cross_every_window(struct rhb_test *t)
{
    char wire[512], target[160], name[160], value[160];

    for (int n = 1; n < 150; n += 7) {
        struct parse_outcome out;
        snprintf(target, sizeof(target), "%0*d", n, 0);
        snprintf(name, sizeof(name), "%0*d", n + 3, 0);
        snprintf(value, sizeof(value), "%0*d", n + 5, 0);
        snprintf(wire, sizeof(wire), "GET %s HTTP/1.1\r\n%s: %s\r\n\r\n", target, name, value);
        out = accepted(t, wire);
        CHECK_WORD(out, 1, target);
        parse_check_field(t, &out, 0, name, value);
    }
}

/* What is refused in the request line, and at which byte. */

REFUSED(a_tls_hello_is_refused_at_its_first_byte, "\x16")
REFUSED(an_ssl2_hello_is_refused_at_its_first_byte, "\x80")
REFUSED(a_nul_is_refused_at_once, "\0")
REFUSED(a_leading_space_is_refused, " ")
REFUSED(a_leading_bare_lf_is_refused, "\n")
REFUSED(a_leading_bare_cr_is_refused, "\rG")
REFUSED(a_second_leading_empty_line_is_refused, "\r\n\r")
REFUSED(a_second_leading_bare_lf_is_refused, "\r\n\n")
REFUSED(a_space_behind_the_leading_empty_line_is_refused, "\r\n ")
REFUSED(a_method_that_is_no_token_is_refused, "GE(")
REFUSED(a_tab_behind_the_method_is_refused, "GET\t")
REFUSED(a_method_alone_is_refused, "GET\r")
REFUSED(two_spaces_before_the_target_are_refused, "GET  ")
REFUSED(two_spaces_behind_another_method_are_refused, "POST  ")
REFUSED(a_tab_in_the_target_is_refused, "GET /a\t")
REFUSED(a_nul_in_the_target_is_refused, "GET /a\0")
REFUSED(a_del_in_the_target_is_refused, "GET /a\x7f")
REFUSED(a_bare_lf_in_the_target_is_refused, "GET /a\n")
REFUSED(http_0_9_is_refused, "GET /\r")
REFUSED(a_missing_target_is_refused, "GET HTTP/1.1\r")
REFUSED(two_spaces_before_the_version_are_refused, "GET /  ")
REFUSED(a_space_in_the_target_is_refused, "GET /a b")
REFUSED(a_lower_case_version_is_refused, "GET / h")
REFUSED(another_protocol_is_refused, "GET / HTTPS")
REFUSED(a_version_without_slash_is_refused, "GET / HTTP1")
REFUSED(a_version_without_digit_is_refused, "GET / HTTP/.")
REFUSED(a_version_with_two_major_digits_is_refused, "GET / HTTP/11")
REFUSED(a_version_with_a_comma_is_refused, "GET / HTTP/1,")
REFUSED(a_version_without_minor_digit_is_refused, "GET / HTTP/1.\r")
REFUSED(http_1_10_is_refused, "GET / HTTP/1.10")
REFUSED(http_1_01_is_refused, "GET / HTTP/1.01")
REFUSED(a_space_behind_the_version_is_refused, "GET / HTTP/1.1 ")
REFUSED(a_bare_lf_behind_the_version_is_refused, "GET / HTTP/1.1\n")
REFUSED(a_bare_cr_behind_the_version_is_refused, "GET / HTTP/1.1\rH")
REFUSED(two_crs_behind_the_version_are_refused, "GET / HTTP/1.1\r\r")
REFUSED(a_nul_behind_the_version_is_refused, "GET / HTTP/1.1\0")

/* At its 33rd byte, whatever follows. A byte before that which is not of a token is PHR_BAD. */
static void a_method_that_is_too_long_has_its_own_result(struct rhb_test *t)
{
#define METHOD_33 "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG"
    static const char *const wires[] = {METHOD_33, "\r\n" METHOD_33};

    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        decides_at_the_last_byte(t, &strict, wires[i], strlen(wires[i]), PHR_METHOD_TOO_LONG);
    decides_at_the_last_byte(t, &strict, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF(", 33, PHR_BAD);
}

static void unsupported_versions_have_their_own_result(struct rhb_test *t)
{
    static const char *const wires[] = {"GET / HTTP/0.9", "GET / HTTP/1.2", "GET / HTTP/1.9",
                                        "GET / HTTP/2.0", "GET / HTTP/3.0", "GET / HTTP/9.9"};

    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        decides_at_the_last_byte(t, &strict, wires[i], strlen(wires[i]), PHR_BAD_VERSION);
}

static void the_http2_preface_is_a_bad_version(struct rhb_test *t)
{
    static const char wire[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    struct parse_outcome out;

    parse_every_way(t, &strict, wire, sizeof(wire) - 1, PHR_BAD_VERSION, &out);
}

/* What is refused in the fields, and at which byte. */

REFUSED(folding_is_refused, LINE "A: b\r\n ")
REFUSED(folding_with_a_tab_is_refused, LINE "A: b\r\n\t")
REFUSED(white_space_before_the_first_field_is_refused, LINE " ")
REFUSED(a_space_before_the_colon_is_refused, LINE "Host ")
REFUSED(a_tab_before_the_colon_is_refused, LINE "Host\t")
REFUSED(an_empty_name_is_refused, LINE ":")
REFUSED(a_name_that_is_no_token_is_refused, LINE "Ho(")
REFUSED(a_name_above_ascii_is_refused, LINE "H\xf6")
REFUSED(a_nul_in_a_name_is_refused, LINE "Ho\0")
REFUSED(a_line_without_colon_is_refused, LINE "Host\r")
REFUSED(a_bare_lf_behind_a_name_is_refused, LINE "Host\n")
REFUSED(a_bare_lf_behind_a_value_is_refused, LINE "A: b\n")
REFUSED(a_bare_lf_instead_of_a_value_is_refused, LINE "A:\n")
REFUSED(a_bare_cr_in_a_value_is_refused, LINE "A: b\rc")
REFUSED(two_crs_behind_a_value_are_refused, LINE "A: b\r\r")
REFUSED(a_bare_cr_before_a_space_is_refused, LINE "A: b\r ")
REFUSED(a_nul_in_a_value_is_refused, LINE "A: b\0")
REFUSED(a_nul_behind_the_cr_is_refused, LINE "A: b\r\0")
REFUSED(a_del_in_a_value_is_refused, LINE "A: b\x7f")
REFUSED(a_vertical_tab_in_a_value_is_refused, LINE "A: \v")
REFUSED(an_escape_in_a_value_is_refused, LINE "A: \x1b")
REFUSED(a_bare_lf_for_the_empty_line_is_refused, LINE "A: b\r\n\n")
REFUSED(a_bare_cr_for_the_empty_line_is_refused, LINE "A: b\r\n\rc")
REFUSED(two_crs_for_the_empty_line_are_refused, LINE "A: b\r\n\r\r")
REFUSED(a_bare_lf_for_the_only_empty_line_is_refused, LINE "\n")

static void the_published_function_is_the_strict_one(struct rhb_test *t)
{
    static const char wire[] = LINE "Host: x\r\n\r\n";
    const struct phr_limits limits = {.line = 100, .head = 100, .field = 100};
    struct phr_header fields[1];
    struct phr_request_head head = {.fields = fields, .num_fields = 1};

    CHECK_INT(phr_parse_request_strict(wire, sizeof(wire) - 1, &limits, &head, 0), 27);
    CHECK_STR(head.fields[0].name, head.fields[0].name_len, "Host");
    CHECK_INT(phr_parse_request_strict("GET / HTTP/1.1\n", 15, &limits, &head, 0), PHR_BAD);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_minimal_request_is_parsed),
        RHB_CASE(a_request_without_fields_is_complete),
        RHB_CASE(one_empty_line_before_the_request_line_is_skipped),
        RHB_CASE(bytes_behind_the_head_are_not_parsed),
        RHB_CASE(methods_are_tokens_in_any_case),
        RHB_CASE(a_method_of_32_bytes_is_accepted),
        RHB_CASE(targets_keep_their_bytes),
        RHB_CASE(white_space_around_values_is_left_out),
        RHB_CASE(values_may_hold_colons_and_bytes_above_ascii),
        RHB_CASE(long_words_cross_every_window),
        RHB_CASE(a_tls_hello_is_refused_at_its_first_byte),
        RHB_CASE(an_ssl2_hello_is_refused_at_its_first_byte),
        RHB_CASE(a_nul_is_refused_at_once),
        RHB_CASE(a_leading_space_is_refused),
        RHB_CASE(a_leading_bare_lf_is_refused),
        RHB_CASE(a_leading_bare_cr_is_refused),
        RHB_CASE(a_second_leading_empty_line_is_refused),
        RHB_CASE(a_second_leading_bare_lf_is_refused),
        RHB_CASE(a_space_behind_the_leading_empty_line_is_refused),
        RHB_CASE(a_method_that_is_no_token_is_refused),
        RHB_CASE(a_tab_behind_the_method_is_refused),
        RHB_CASE(a_method_that_is_too_long_has_its_own_result),
        RHB_CASE(a_method_alone_is_refused),
        RHB_CASE(two_spaces_before_the_target_are_refused),
        RHB_CASE(two_spaces_behind_another_method_are_refused),
        RHB_CASE(a_tab_in_the_target_is_refused),
        RHB_CASE(a_nul_in_the_target_is_refused),
        RHB_CASE(a_del_in_the_target_is_refused),
        RHB_CASE(a_bare_lf_in_the_target_is_refused),
        RHB_CASE(http_0_9_is_refused),
        RHB_CASE(a_missing_target_is_refused),
        RHB_CASE(two_spaces_before_the_version_are_refused),
        RHB_CASE(a_space_in_the_target_is_refused),
        RHB_CASE(a_lower_case_version_is_refused),
        RHB_CASE(another_protocol_is_refused),
        RHB_CASE(a_version_without_slash_is_refused),
        RHB_CASE(a_version_without_digit_is_refused),
        RHB_CASE(a_version_with_two_major_digits_is_refused),
        RHB_CASE(a_version_with_a_comma_is_refused),
        RHB_CASE(a_version_without_minor_digit_is_refused),
        RHB_CASE(http_1_10_is_refused),
        RHB_CASE(http_1_01_is_refused),
        RHB_CASE(a_space_behind_the_version_is_refused),
        RHB_CASE(a_bare_lf_behind_the_version_is_refused),
        RHB_CASE(a_bare_cr_behind_the_version_is_refused),
        RHB_CASE(two_crs_behind_the_version_are_refused),
        RHB_CASE(a_nul_behind_the_version_is_refused),
        RHB_CASE(unsupported_versions_have_their_own_result),
        RHB_CASE(the_http2_preface_is_a_bad_version),
        RHB_CASE(folding_is_refused),
        RHB_CASE(folding_with_a_tab_is_refused),
        RHB_CASE(white_space_before_the_first_field_is_refused),
        RHB_CASE(a_space_before_the_colon_is_refused),
        RHB_CASE(a_tab_before_the_colon_is_refused),
        RHB_CASE(an_empty_name_is_refused),
        RHB_CASE(a_name_that_is_no_token_is_refused),
        RHB_CASE(a_name_above_ascii_is_refused),
        RHB_CASE(a_nul_in_a_name_is_refused),
        RHB_CASE(a_line_without_colon_is_refused),
        RHB_CASE(a_bare_lf_behind_a_name_is_refused),
        RHB_CASE(a_bare_lf_behind_a_value_is_refused),
        RHB_CASE(a_bare_lf_instead_of_a_value_is_refused),
        RHB_CASE(a_bare_cr_in_a_value_is_refused),
        RHB_CASE(two_crs_behind_a_value_are_refused),
        RHB_CASE(a_bare_cr_before_a_space_is_refused),
        RHB_CASE(a_nul_in_a_value_is_refused),
        RHB_CASE(a_nul_behind_the_cr_is_refused),
        RHB_CASE(a_del_in_a_value_is_refused),
        RHB_CASE(a_vertical_tab_in_a_value_is_refused),
        RHB_CASE(an_escape_in_a_value_is_refused),
        RHB_CASE(a_bare_lf_for_the_empty_line_is_refused),
        RHB_CASE(a_bare_cr_for_the_empty_line_is_refused),
        RHB_CASE(two_crs_for_the_empty_line_are_refused),
        RHB_CASE(a_bare_lf_for_the_only_empty_line_is_refused),
        RHB_CASE(the_published_function_is_the_strict_one),
    };
    return RHB_RUN(cases);
}
