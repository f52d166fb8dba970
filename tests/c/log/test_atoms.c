/* csrc/log/atoms.c: what each atom writes. */
#include "format_fixture.h"

static void each_atom_writes_its_value(struct rhb_test *t)
{
    static const struct {
        const char *source, *expected;
    } cases[] = {
        {"%(h)s", "192.0.2.7"},
        {"%(l)s", "-"},
        {"%(u)s", "Aladdin"},
        {"%(r)s", "POST /a%20b/c?x=1&y=2 HTTP/1.1"},
        {"%(m)s", "POST"},
        {"%(U)s", "/a%20b/c"},
        {"%(q)s", "x=1&y=2"},
        {"%(H)s", "HTTP/1.1"},
        {"%(s)s", "404"},
        {"%(B)s", "1234"},
        {"%(b)s", "1234"},
        {"%(f)s", "http://example.com/from"},
        {"%(a)s", "curl/8.5 \\x22x\\x22"},
        {"%(T)s", "3"},
        {"%(M)s", "3004"},
        {"%(D)s", "3004005"},
        {"%(L)s", "3.004005"},
        {"%(p)s", "<4711>"},
        {"%({Host}i)s", "example.com"},
        {"%({content-type}o)s", "text/html"},
        {"", ""},
        {"100%% of %(m)s\t%%(m)s", "100% of POST\t%(m)s"},
        {"a literal that is longer than sixteen bytes %(s)s",
         "a literal that is longer than sixteen bytes 404"},
    };
    struct rhb_access_entry entry = full_entry();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_line(t, cases[i].source, &entry, cases[i].expected);
}

static void a_missing_value_is_a_dash(struct rhb_test *t)
{
    struct rhb_access_entry nothing = {.finished = FINISHED};
    set_zone("UTC0");
    check_line(t, default_format, &nothing,
               "- - - [21/Nov/2026:10:00:00 +0000] \"-\" - - \"-\" \"-\"");
    check_line(t, "%(m)s %(U)s %(q)s %(H)s %({x}i)s %({x}o)s %({X}e)s", &nothing, "- - - - - - -");
    check_line(t, "%(B)s %(T)s %(M)s %(D)s %(L)s", &nothing, "0 0 0 0 0.000000");
}

static void fields_that_are_absent_or_empty_are_a_dash(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({X-Absent}i)s %({X-Empty}i)s %({Hos}i)s", &entry, "- - -");
    check_line(t, "%({X-Absent}o)s %({X-None}o)s %({Set}o)s", &entry, "- - -");
}

static void repeated_fields_are_joined_in_any_case(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({X-FORWARDED-FOR}i)s", &entry, "10.0.0.1, 10.0.0.2");
    check_line(t, "%({Set-Cookie}o)s", &entry, "a=1, b=\\x222\\x22");
}

static void a_response_head_cut_anywhere_is_not_read_beyond_its_end(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(sizeof response_head);
    struct rhb_access_entry entry = full_entry();
    struct rhb_access_format *format = compiled(t, "%({X-None}o)s%({Set-Cookie}o)s");
    for (size_t len = 0; len < sizeof response_head; len++) {
        struct rhb_access_second second = {0};
        struct rhb_bytes out = {0};
        entry.response_head = rhb_guard_put(&guard, response_head, len);
        entry.response_head_len = len;
        CHECK(rhb_access_format_render(format, &second, &out, &entry));
        CHECK(out.len >= 3 && out.data[0] == '-');
        rhb_bytes_free(&out);
    }
    rhb_access_format_free(format);
    rhb_guard_free(&guard);
}

static void the_path_of_an_absolute_target_leaves_out_the_authority(struct rhb_test *t)
{
    struct phr_request_head head = full_head;
    struct rhb_access_entry entry = full_entry();
    entry.request = &head;
    head.target = "http://example.com/p?q";
    head.target_len = strlen(head.target);
    check_line(t, "%(U)s %(q)s", &entry, "/p q");
    head.target = "/plain";
    head.target_len = strlen(head.target);
    check_line(t, "%(U)s?%(q)s", &entry, "/plain?");
}

static void a_target_of_no_known_form_is_in_the_request_line_only(struct rhb_test *t)
{
    struct phr_request_head head = full_head;
    struct rhb_access_entry entry = full_entry();
    entry.request = &head;
    head.target = "nonsense";
    head.target_len = strlen(head.target);
    check_line(t, "%(r)s|%(U)s|%(q)s", &entry, "POST nonsense HTTP/1.1|-|-");
}

static void bytes_from_the_client_are_escaped_in_every_atom(struct rhb_test *t)
{
    struct phr_header hostile[] = {FIELD("X", "\"\n"), FIELD("Referer", "\"\n"),
                                   FIELD("User-Agent", "\"\n"),
                                   FIELD("Authorization", "Basic IgogOg==")};
    struct phr_request_head head = {.method = "\"\n",
                                    .method_len = 2,
                                    .target = "/\"\n?\"\n",
                                    .target_len = 6,
                                    .fields = hostile,
                                    .num_fields = 4};
    const char *variable = "\"\n";
    size_t variable_len = 2;
    struct rhb_access_entry entry = {.request = &head,
                                     .peer = "\"\n",
                                     .peer_len = 2,
                                     .response_head = "A: \"\x01\n",
                                     .response_head_len = 6,
                                     .environ = &variable,
                                     .environ_len = &variable_len};
    check_line(t, "%(h)s %(m)s %(r)s", &entry,
               "\\x22\\x0A \\x22\\x0A \\x22\\x0A /\\x22\\x0A?\\x22\\x0A HTTP/1.0");
    check_line(t, "%(u)s %(f)s %(a)s", &entry, "\\x22\\x0A\\x20 \\x22\\x0A \\x22\\x0A");
    check_line(t, "%({x}i)s %({A}o)s %({V}e)s", &entry, "\\x22\\x0A \\x22\\x01 \\x22\\x0A");
}

static void the_time_is_local_with_its_zone(struct rhb_test *t)
{
    static const struct {
        const char *zone, *expected;
    } cases[] = {
        {"JST-9", "[21/Nov/2026:19:00:00 +0900]"},
        {"NST3:30", "[21/Nov/2026:06:30:00 -0330]"},
        {"XXX-14", "[22/Nov/2026:00:00:00 +1400]"},
    };
    struct rhb_access_entry entry = full_entry();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_zone(cases[i].zone);
        check_line(t, "%(t)s", &entry, cases[i].expected);
    }
}

static void the_time_is_rendered_anew_for_another_second_only(struct rhb_test *t)
{
    struct rhb_access_format *format = compiled(t, "%(t)s");
    struct rhb_access_entry entry = full_entry();
    struct rhb_access_second second = {0};
    struct rhb_bytes out = {0};
    set_zone("UTC0");
    CHECK(rhb_access_format_render(format, &second, &out, &entry));
    set_zone("JST-9"); /* not looked at within the second */
    CHECK(rhb_access_format_render(format, &second, &out, &entry));
    entry.finished--;
    CHECK(rhb_access_format_render(format, &second, &out, &entry));
    CHECK_STR(out.data, out.len,
              "[21/Nov/2026:10:00:00 +0000]\n[21/Nov/2026:10:00:00 +0000]\n"
              "[21/Nov/2026:18:59:59 +0900]\n");
    rhb_bytes_free(&out);
    rhb_access_format_free(format);
}

static void a_year_of_more_than_four_digits_is_a_dash(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    set_zone("UTC0");
    entry.finished = (time_t)253402300800; /* the year 10000 */
    check_line(t, "%(t)s", &entry, "-");
    entry.finished = (time_t)INT64_MAX;
    check_line(t, "%(t)s", &entry, "-");
    entry.finished = 0;
    check_line(t, "%(t)s", &entry, "[01/Jan/1970:00:00:00 +0000]");
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(each_atom_writes_its_value),
        RHB_CASE(a_missing_value_is_a_dash),
        RHB_CASE(fields_that_are_absent_or_empty_are_a_dash),
        RHB_CASE(repeated_fields_are_joined_in_any_case),
        RHB_CASE(a_response_head_cut_anywhere_is_not_read_beyond_its_end),
        RHB_CASE(the_path_of_an_absolute_target_leaves_out_the_authority),
        RHB_CASE(a_target_of_no_known_form_is_in_the_request_line_only),
        RHB_CASE(bytes_from_the_client_are_escaped_in_every_atom),
        RHB_CASE(the_time_is_local_with_its_zone),
        RHB_CASE(the_time_is_rendered_anew_for_another_second_only),
        RHB_CASE(a_year_of_more_than_four_digits_is_a_dash),
    };
    return RHB_RUN(cases);
}
