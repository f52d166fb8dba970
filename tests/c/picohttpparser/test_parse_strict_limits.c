/* The strict parser, picohttpparser/strict.h: its limits, and incomplete heads. */
#include "strict_checks.h"
#include <stdlib.h>

/* Limits: reported at the first byte too many. */

static void passes(struct rhb_test *t, const struct parse_setup *setup, const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, setup, wire, strlen(wire), (int)strlen(wire), &out);
}

static void too_much_at_the_last_byte(struct rhb_test *t, const struct parse_setup *setup,
                                      const char *wire, int expected)
{
    decides_at_the_last_byte(t, setup, wire, strlen(wire), expected);
}

static void the_request_line_may_be_as_long_as_its_limit(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.line = 18}};

    passes(t, &setup, "GET /ab HTTP/1.1\r\n\r\n");
    passes(t, &setup, "\r\nGET /ab HTTP/1.1\r\n\r\n");
}

static void a_request_line_beyond_its_limit_is_too_long(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.line = 18}};

    too_much_at_the_last_byte(t, &setup, "GET /abc HTTP/1.1\r\n", PHR_LINE_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, "GET /abcdefghijklmn", PHR_LINE_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, "\r\nGET /abcdefghijklmn", PHR_LINE_TOO_LONG);
}

static void a_bad_byte_within_the_line_limit_is_bad(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.line = 18}};

    too_much_at_the_last_byte(t, &setup, "GET /abcdefghijkl\t", PHR_BAD);
    too_much_at_the_last_byte(t, &setup, "GET /abcdefghijklm\t", PHR_LINE_TOO_LONG);
}

static void a_field_may_be_as_long_as_its_limit(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.field = 9}};

    passes(t, &setup, LINE "Host: x\r\nHost: x\r\n\r\n");
}

static void a_field_beyond_its_limit_is_too_long(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.field = 9}};

    too_much_at_the_last_byte(t, &setup, LINE "Host: xy\r\n", PHR_FIELD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, LINE "Host: x\r\nHost: xyzz", PHR_FIELD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, LINE "A: b\r\nHostHostHo", PHR_FIELD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, LINE "A: b\r\nHost: xy\x01", PHR_BAD);
}

static void a_head_may_be_as_long_as_its_limit(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.head = 27}};

    passes(t, &setup, LINE "Host: x\r\n\r\n");
}

static void bytes_behind_the_head_do_not_count_for_its_limit(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.head = 27}};
    static const char wire[] = LINE "Host: x\r\n\r\nand a body";
    struct parse_outcome out;

    parse_every_way(t, &setup, wire, sizeof(wire) - 1, 27, &out);
}

static void a_head_beyond_its_limit_is_too_long(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.head = 27}};

    too_much_at_the_last_byte(t, &setup, LINE "Host: xy\r\n\r\n", PHR_HEAD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, LINE "Host: xyzabc", PHR_HEAD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, "GET /abcdefghijklmnopqrstuvw", PHR_HEAD_TOO_LONG);
    too_much_at_the_last_byte(t, &setup, "\r\n" LINE "Host: x\r\n\r", PHR_HEAD_TOO_LONG);
}

/* The last vector ends at the limit: it must not begin before the input (ASan checks the heap). */
static void a_small_limit_of_the_head_reads_nothing_before_it(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.head = 20}};
    static const char wire[] = LINE "Host: x\r\nAnd: more than a vector\r\n\r\n";
    char *heap = malloc(sizeof(wire) - 1);
    struct parse_outcome out;

    if (heap == NULL)
        abort();
    memcpy(heap, wire, sizeof(wire) - 1);
    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        if (variant == NULL)
            continue;
        parse_once(variant, &setup, heap, sizeof(wire) - 1, 0, &out);
        CHECK_INT(out.result, PHR_HEAD_TOO_LONG);
    }
    free(heap);
}

static void a_limit_of_the_line_is_met_before_one_of_the_head(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .limits = {.line = 20, .head = 21}};

    too_much_at_the_last_byte(t, &setup, "GET /abcdefghijklmnop", PHR_LINE_TOO_LONG);
}

static void as_many_fields_as_the_capacity_are_accepted(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .fields = 2};

    passes(t, &setup, LINE "A: 1\r\nB: 2\r\n\r\n");
}

static void one_field_more_is_too_many_at_its_first_byte(struct rhb_test *t)
{
    struct parse_setup setup = {.parser = PARSER_STRICT, .fields = 2};

    too_much_at_the_last_byte(t, &setup, LINE "A: 1\r\nB: 2\r\nC", PHR_TOO_MANY_FIELDS);
    too_much_at_the_last_byte(t, &setup, LINE "A: 1\r\nB: 2\r\n ", PHR_TOO_MANY_FIELDS);
}

/* The outputs for an incomplete head. */

static void incomplete_heads_have_the_outputs_that_are_certain(struct rhb_test *t)
{
    struct parse_outcome out;

    parse_every_way(t, &strict, "GET", 3, PHR_INCOMPLETE, &out);
    CHECK(out.words[0] == NULL);
    CHECK_INT(out.minor_version, -1);
    parse_every_way(t, &strict, "GET /", 5, PHR_INCOMPLETE, &out);
    CHECK_WORD(out, 0, "GET");
    CHECK(out.words[1] == NULL);
    parse_every_way(t, &strict, "GET / HTTP/1.0", 14, PHR_INCOMPLETE, &out);
    CHECK_WORD(out, 1, "/");
    CHECK_INT(out.minor_version, -1);
    parse_every_way(t, &strict, "GET / HTTP/1.0\r", 15, PHR_INCOMPLETE, &out);
    CHECK_INT(out.minor_version, 0);
    parse_every_way(t, &strict, LINE "A: b\r\nC: d\r", 27, PHR_INCOMPLETE, &out);
    CHECK_INT(out.num_fields, 1);
    parse_check_field(t, &out, 0, "A", "b");
}

static void an_empty_input_is_incomplete(struct rhb_test *t)
{
    struct parse_outcome out;

    parse_every_way(t, &strict, "", 0, PHR_INCOMPLETE, &out);
}

/* A resumed parse is as strict as a fresh one at every pair of lengths. */
static void no_pair_of_lengths_changes_a_result(struct rhb_test *t)
{
    static const char *const wires[] = {
        LINE "Host: x\r\nA: b\r\n\r\n",  LINE "Host: x\nA: b\r\n\r\n",
        LINE "Host: x\rA: b\r\n\r\n",    LINE "Host: x\r\n A: b\r\n\r\n",
        LINE "Host: x\n\nA: b\r\n",      LINE "Host: x\r\n\nA: b\r\n\r\n",
        LINE "Host : x\r\nA: b\r\n\r\n", "\r\n" LINE "Host: x\r\n\r\n"};
    struct parse_outcome fresh, resumed;

    for (size_t i = 0; i < sizeof(wires) / sizeof(wires[0]); i++)
        for (size_t last = 1; last <= strlen(wires[i]); last++)
            for (size_t len = last; len <= strlen(wires[i]); len++) {
                parse_once(phr_best_variant(), &strict, wires[i], last, 0, &fresh);
                if (fresh.result != PHR_INCOMPLETE)
                    break;
                parse_once(phr_best_variant(), &strict, wires[i], len, 0, &fresh);
                parse_once(phr_best_variant(), &strict, wires[i], len, last, &resumed);
                CHECK_INT(resumed.result, fresh.result);
            }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_request_line_may_be_as_long_as_its_limit),
        RHB_CASE(a_request_line_beyond_its_limit_is_too_long),
        RHB_CASE(a_bad_byte_within_the_line_limit_is_bad),
        RHB_CASE(a_field_may_be_as_long_as_its_limit),
        RHB_CASE(a_field_beyond_its_limit_is_too_long),
        RHB_CASE(a_head_may_be_as_long_as_its_limit),
        RHB_CASE(bytes_behind_the_head_do_not_count_for_its_limit),
        RHB_CASE(a_head_beyond_its_limit_is_too_long),
        RHB_CASE(a_small_limit_of_the_head_reads_nothing_before_it),
        RHB_CASE(a_limit_of_the_line_is_met_before_one_of_the_head),
        RHB_CASE(as_many_fields_as_the_capacity_are_accepted),
        RHB_CASE(one_field_more_is_too_many_at_its_first_byte),
        RHB_CASE(incomplete_heads_have_the_outputs_that_are_certain),
        RHB_CASE(an_empty_input_is_incomplete),
        RHB_CASE(no_pair_of_lengths_changes_a_result),
    };
    return RHB_RUN(cases);
}
