/* The lenient parser, responses and fields alone: picohttpparser/picohttpparser.h. */
#include "parse_ways.h"

static const struct parse_setup response = {.parser = PARSER_RESPONSE};
static const struct parse_setup fields = {.parser = PARSER_FIELDS};

static struct parse_outcome accepted(struct rhb_test *t, const struct parse_setup *setup,
                                     const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, setup, wire, strlen(wire), (int)strlen(wire), &out);
    return out;
}

static void refused(struct rhb_test *t, const struct parse_setup *setup, const char *wire,
                    size_t len)
{
    struct parse_outcome out;

    parse_every_way(t, setup, wire, len, PHR_BAD, &out);
}

static struct parse_outcome incomplete(struct rhb_test *t, const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, &response, wire, strlen(wire), PHR_INCOMPLETE, &out);
    return out;
}

#define REFUSED(sentence, wire)                                                                    \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused(t, &response, "" wire "\r\n\r\n", sizeof(wire) + 3);                               \
    }

#define REFUSED_FIELDS(sentence, wire)                                                             \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused(t, &fields, "" wire "\r\n\r\n", sizeof(wire) + 3);                                 \
    }

static void a_response_is_parsed(struct rhb_test *t)
{
    struct parse_outcome out =
        accepted(t, &response, "HTTP/1.1 200 OK then\r\nHost: example.com\r\nCookie: \r\n\r\n");

    CHECK_INT(out.minor_version, 1);
    CHECK_INT(out.status, 200);
    CHECK_WORD(out, 0, "OK then");
    CHECK_INT(out.num_fields, 2);
    parse_check_field(t, &out, 0, "Host", "example.com");
    parse_check_field(t, &out, 1, "Cookie", "");
}

static void a_continuation_line_is_a_field_without_name(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, &response, "HTTP/1.0 200 OK\r\nfoo: \r\n  bar\r\n\r\n");

    CHECK_INT(out.num_fields, 2);
    parse_check_field(t, &out, 1, NULL, "  bar");
}

static void spaces_between_the_words_do_not_matter(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, &response, "HTTP/1.1   200   OK\r\n\r\n");

    CHECK_INT(out.status, 200);
    CHECK_WORD(out, 0, "OK");
}

static void the_reason_may_be_missing(struct rhb_test *t)
{
    struct parse_outcome bare = accepted(t, &response, "HTTP/1.1 204\r\n\r\n");
    struct parse_outcome space = accepted(t, &response, "HTTP/1.1 204 \r\n\r\n");

    CHECK_INT(bare.status, 204);
    CHECK_INT(bare.word_lens[0], 0);
    CHECK_INT(space.word_lens[0], 0);
}

static void a_bare_lf_ends_a_line(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, &response, "HTTP/1.1 200 OK\nA: b\n\n");

    CHECK_WORD(out, 0, "OK");
    accepted(t, &response, "HTTP/1.1 200\n\n");
}

static void the_reason_may_hold_tabs_and_bytes_above_ascii(struct rhb_test *t)
{
    struct parse_outcome out = accepted(t, &response, "HTTP/1.1 200 O\t\xff\r\n\r\n");

    CHECK_WORD(out, 0, "O\t\xff");
}

REFUSED(a_leading_empty_line_is_refused, "\r\nHTTP/1.1 200 OK")
REFUSED(another_major_version_is_refused, "HTTP/2.0 200 OK")
REFUSED(a_version_without_minor_is_refused, "HTTP/1. 200 OK")
REFUSED(a_version_of_two_digits_is_refused, "HTTP/1.2z 200 OK")
REFUSED(a_missing_status_is_refused, "HTTP/1.1\r\nA: b")
REFUSED(a_status_of_two_digits_is_refused, "HTTP/1.1 20 OK")
REFUSED(a_status_of_four_digits_is_refused, "HTTP/1.1 2000 OK")
REFUSED(garbage_behind_the_status_is_refused, "HTTP/1.1 200X OK")
REFUSED(a_tab_behind_the_status_is_refused, "HTTP/1.1 200\tOK")
REFUSED(a_control_in_the_reason_is_refused, "HTTP/1.1 200 O\1K")
REFUSED(a_bare_cr_in_the_reason_is_refused, "HTTP/1.1 200 O\rK")
REFUSED(a_del_in_the_reason_is_refused, "HTTP/1.1 200 OK\x7f")
REFUSED(a_space_before_the_colon_is_refused, "HTTP/1.1 200 OK\r\nA : b")

static void incomplete_heads_have_the_outputs_that_are_certain(struct rhb_test *t)
{
    CHECK_INT(incomplete(t, "H").minor_version, -1);
    CHECK_INT(incomplete(t, "HTTP/1.1").minor_version, -1);
    CHECK_INT(incomplete(t, "HTTP/1.1 ").minor_version, 1);
    CHECK_INT(incomplete(t, "HTTP/1.1 2").status, 0);
    CHECK_INT(incomplete(t, "HTTP/1.1 200").status, 0);
    CHECK_INT(incomplete(t, "HTTP/1.1 200 ").status, 200);
    CHECK_WORD(incomplete(t, "HTTP/1.1 200 OK\r\n"), 0, "OK");
    CHECK_INT(incomplete(t, "HTTP/1.1 200 OK\r\nA: b\r\n").num_fields, 1);
}

static void fields_alone_are_parsed(struct rhb_test *t)
{
    struct parse_outcome out =
        accepted(t, &fields, "Host: example.com\r\nCookie: \r\n x\nA:b\r\n\r\n");

    CHECK_INT(out.num_fields, 4);
    parse_check_field(t, &out, 0, "Host", "example.com");
    parse_check_field(t, &out, 1, "Cookie", "");
    parse_check_field(t, &out, 2, NULL, " x");
    parse_check_field(t, &out, 3, "A", "b");
}

static void an_empty_line_alone_is_no_field_at_all(struct rhb_test *t)
{
    CHECK_INT(accepted(t, &fields, "\r\n").num_fields, 0);
    CHECK_INT(accepted(t, &fields, "\n").num_fields, 0);
}

static void unfinished_fields_are_incomplete(struct rhb_test *t)
{
    struct parse_outcome out;

    parse_every_way(t, &fields, "A: b\r\nC: d\r\n\r", 13, PHR_INCOMPLETE, &out);
    CHECK_INT(out.num_fields, 2);
}

REFUSED_FIELDS(fields_may_not_begin_with_a_continuation, " A: b")
REFUSED_FIELDS(fields_may_not_have_controls, "A: b\r\nC: \x7f")
REFUSED_FIELDS(fields_may_not_lack_a_colon, "A: b\r\nC")

static void one_field_beyond_the_capacity_is_bad(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_FIELDS, .fields = 1};
    struct parse_outcome out;

    parse_every_way(t, &setup, "A: b\r\n\r\n", 8, 8, &out);
    parse_every_way(t, &setup, "A: b\r\nC: d\r\n\r\n", 14, PHR_BAD, &out);
}

static void the_published_functions_hand_out_the_same(struct rhb_test *t)
{
    static const char wire[] = "HTTP/1.0 404 Not Found\r\nA: b\r\n\r\n";
    struct phr_header headers[2];
    size_t count = 2, msg_len;
    int minor, status;
    const char *msg;

    CHECK_INT(phr_parse_response(wire, sizeof(wire) - 1, &minor, &status, &msg, &msg_len, headers,
                                 &count, 0),
              sizeof(wire) - 1);
    CHECK_INT(minor, 0);
    CHECK_INT(status, 404);
    CHECK_STR(msg, msg_len, "Not Found");
    CHECK_INT(count, 1);
    count = 2;
    CHECK_INT(phr_parse_headers("A: b\r\n\r\n", 8, headers, &count, 0), 8);
    CHECK_INT(count, 1);
    CHECK_STR(headers[0].value, headers[0].value_len, "b");
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_response_is_parsed),
        RHB_CASE(a_continuation_line_is_a_field_without_name),
        RHB_CASE(spaces_between_the_words_do_not_matter),
        RHB_CASE(the_reason_may_be_missing),
        RHB_CASE(a_bare_lf_ends_a_line),
        RHB_CASE(the_reason_may_hold_tabs_and_bytes_above_ascii),
        RHB_CASE(a_leading_empty_line_is_refused),
        RHB_CASE(another_major_version_is_refused),
        RHB_CASE(a_version_without_minor_is_refused),
        RHB_CASE(a_version_of_two_digits_is_refused),
        RHB_CASE(a_missing_status_is_refused),
        RHB_CASE(a_status_of_two_digits_is_refused),
        RHB_CASE(a_status_of_four_digits_is_refused),
        RHB_CASE(garbage_behind_the_status_is_refused),
        RHB_CASE(a_tab_behind_the_status_is_refused),
        RHB_CASE(a_control_in_the_reason_is_refused),
        RHB_CASE(a_bare_cr_in_the_reason_is_refused),
        RHB_CASE(a_del_in_the_reason_is_refused),
        RHB_CASE(a_space_before_the_colon_is_refused),
        RHB_CASE(incomplete_heads_have_the_outputs_that_are_certain),
        RHB_CASE(fields_alone_are_parsed),
        RHB_CASE(an_empty_line_alone_is_no_field_at_all),
        RHB_CASE(unfinished_fields_are_incomplete),
        RHB_CASE(fields_may_not_begin_with_a_continuation),
        RHB_CASE(fields_may_not_have_controls),
        RHB_CASE(fields_may_not_lack_a_colon),
        RHB_CASE(one_field_beyond_the_capacity_is_bad),
        RHB_CASE(the_published_functions_hand_out_the_same),
    };
    return RHB_RUN(cases);
}
