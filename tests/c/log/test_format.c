/* csrc/log/format.c and access_log_atoms.c: what compiles, and what each atom writes. */
#include "harness.h"
#include "log/format.h"
#include <stdio.h>
#include <stdlib.h>

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                           \
    }

static const char default_format[] =
    "%(h)s %(l)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(f)s\" \"%(a)s\"";

static struct phr_header fields[] = {
    FIELD("Host", "example.com"),
    FIELD("USER-AGENT", "curl/8.5 \"x\""),
    FIELD("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
    FIELD("Referer", "http://example.com/from"),
    FIELD("X-Forwarded-For", "10.0.0.1"),
    FIELD("x-forwarded-for", "10.0.0.2"),
    FIELD("X-Empty", ""),
};

static const struct phr_request_head full_head = {
    .method = "POST",
    .method_len = 4,
    .target = "/a%20b/c?x=1&y=2",
    .target_len = 16,
    .minor_version = 1,
    .fields = fields,
    .num_fields = sizeof fields / sizeof *fields,
};

static const char response_head[] = "HTTP/1.1 404 Not Found\r\nContent-Type:  text/html\t\r\n"
                                    "Set-Cookie: a=1\r\nset-cookie: b=\"2\"\r\nX-None:\r\n\r\n";

/* 2026-11-21 10:00:00 UTC */
#define FINISHED ((time_t)1795255200)

static struct rhb_access_entry full_entry(void)
{
    return (struct rhb_access_entry){
        .request = &full_head,
        .peer = "192.0.2.7",
        .peer_len = 9,
        .status = 404,
        .body_bytes = 1234,
        .response_head = response_head,
        .response_head_len = sizeof response_head - 1,
        .finished = FINISHED,
        .duration_ns = 3004005999u,
        .pid = 4711,
    };
}

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static struct rhb_access_format *compiled(struct rhb_test *t, const char *source)
{
    const char *error;
    size_t error_at;
    struct rhb_access_format *format = rhb_access_format_new(source, &error, &error_at);
    if (!CHECK(format != NULL))
        rhb_note(t, "%s: %s at %zu", source, error, error_at);
    return format;
}

static void check_line(struct rhb_test *t, const char *source, const struct rhb_access_entry *entry,
                       const char *expected)
{
    struct rhb_access_second second = {0};
    struct rhb_bytes out = {0};
    struct rhb_access_format *format = compiled(t, source);
    if (format != NULL && CHECK(rhb_access_format_render(format, &second, &out, entry)) &&
        CHECK(out.len > 0 && out.data[out.len - 1] == '\n') &&
        !CHECK_STR(out.data, out.len - 1, expected))
        rhb_note(t, "of: %s", source);
    rhb_access_format_free(format);
    rhb_bytes_free(&out);
}

static void the_default_format_gives_the_combined_line(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    set_zone("UTC0");
    check_line(
        t, default_format, &entry,
        "192.0.2.7 - Aladdin [21/Nov/2026:10:00:00 +0000] \"POST /a%20b/c?x=1&y=2 HTTP/1.1\" "
        "404 1234 \"http://example.com/from\" \"curl/8.5 \\x22x\\x22\"");
}

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

static void what_is_missing_is_a_dash(struct rhb_test *t)
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

static void repeated_fields_are_joined_whatever_their_case(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({X-FORWARDED-FOR}i)s", &entry, "10.0.0.1, 10.0.0.2");
    check_line(t, "%({Set-Cookie}o)s", &entry, "a=1, b=\\x222\\x22");
}

static void a_response_head_cut_anywhere_is_read_to_its_end_only(struct rhb_test *t)
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

static void bytes_from_the_client_are_escaped_wherever_they_stand(struct rhb_test *t)
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

static void environ_variables_are_listed_once_in_order(struct rhb_test *t)
{
    struct rhb_access_format *format =
        compiled(t, "%({REMOTE_USER}e)s %({wsgi.url_scheme}e)s %({Host}i)s %({REMOTE_USER}e)s");
    const char *first = rhb_access_format_environ_key(format, 0);
    const char *next = rhb_access_format_environ_key(format, 1);
    if (CHECK(first != NULL && next != NULL)) {
        CHECK_STR(first, strlen(first), "REMOTE_USER");
        CHECK_STR(next, strlen(next), "wsgi.url_scheme");
    }
    CHECK(rhb_access_format_environ_key(format, 2) == NULL);
    CHECK(rhb_access_format_environ_key(format, SIZE_MAX) == NULL);
    rhb_access_format_free(format);
}

static void environ_values_come_from_the_entry_in_that_order(struct rhb_test *t)
{
    static const char *const values[] = {"alice", "https", NULL};
    static const size_t lens[] = {5, 5, 0};
    struct rhb_access_entry entry = full_entry();
    entry.environ = values;
    entry.environ_len = lens;
    check_line(t, "%({A}e)s %({B}e)s %({A}e)s %({C}e)s", &entry, "alice https alice -");
}

static void a_format_names_so_many_environ_variables_and_no_more(struct rhb_test *t)
{
    char source[(RHB_ACCESS_VARIABLES + 1) * 16] = "";
    const char *error;
    size_t len = 0, at;
    for (int i = 0; i < RHB_ACCESS_VARIABLES; i++)
        len += (size_t)sprintf(source + len, "%%({V%d}e)s", i);
    struct rhb_access_format *format = compiled(t, source);
    CHECK(rhb_access_format_environ_key(format, RHB_ACCESS_VARIABLES - 1) != NULL);
    rhb_access_format_free(format);
    strcpy(source + len, "%({V0}e)s%({more}e)s");
    CHECK(rhb_access_format_new(source, &error, &at) == NULL);
    CHECK_STR(error, strlen(error), "more environ variables than one format can have");
    CHECK_INT(at, len + strlen("%({V0}e)s"));
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

static void a_clock_beyond_four_digit_years_is_a_dash(struct rhb_test *t)
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

/* The line, appended at every offset of a buffer of 512 bytes: ASan sees a byte too far. */
static void check_room(struct rhb_test *t, const char *source, const struct rhb_access_entry *entry)
{
    struct rhb_access_format *format = compiled(t, source);
    struct rhb_access_second second = {0};
    struct rhb_bytes reference = {0};
    CHECK(rhb_access_format_render(format, &second, &reference, entry));
    for (size_t start = 0; start <= 512; start++) {
        struct rhb_bytes out = {0};
        CHECK(rhb_bytes_reserve(&out, 512));
        out.len = start;
        CHECK(rhb_access_format_render(format, &second, &out, entry));
        CHECK_MEM(out.data + start, out.len - start, reference.data, reference.len);
        rhb_bytes_free(&out);
    }
    rhb_bytes_free(&reference);
    rhb_access_format_free(format);
}

static void check_room_for_each_atom(struct rhb_test *t, const struct rhb_access_entry *entry)
{
    static const char letters[] = "hlutrmUqHsBbfaTMDLp";
    char source[] = "%(?)s";
    for (const char *letter = letters; *letter != '\0'; letter++) {
        source[2] = *letter;
        check_room(t, source, entry);
    }
    check_room(t, "%({x-forwarded-for}i)s", entry);
    check_room(t, "%({set-cookie}o)s", entry);
    check_room(t, "a literal, longer than a short one, %(h)s%(B)s", entry);
}

static void every_atom_fits_wherever_it_stands_in_the_buffer(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    entry.body_bytes = entry.duration_ns = UINT64_MAX;
    check_room_for_each_atom(t, &entry);
}

static void values_of_escaped_bytes_fit_wherever_they_stand_in_the_buffer(struct rhb_test *t)
{
    char dirty[100], credentials[6 + 100 + 4 + 1] = "Basic ";
    struct phr_header user = {.name = "Authorization", .name_len = 13, .value = credentials};
    struct phr_request_head head = {.method = dirty,
                                    .method_len = sizeof dirty,
                                    .target = dirty,
                                    .target_len = sizeof dirty,
                                    .fields = &user,
                                    .num_fields = 1};
    struct rhb_access_entry entry = {.request = &head, .peer = dirty, .peer_len = sizeof dirty};
    memset(dirty, '"', sizeof dirty);
    for (int i = 0; i < 25; i++)
        strcat(credentials, "IiIi");                      /* three quotes */
    user.value_len = strlen(strcat(credentials, "Og==")); /* a colon */
    check_room_for_each_atom(t, &entry);
}

static void fields_that_are_repeated_empty_fit_wherever_they_stand_in_the_buffer(struct rhb_test *t)
{
    enum { COUNT = 100 };
    struct phr_header many[COUNT];
    struct phr_request_head head = {
        .method = "GET", .method_len = 3, .fields = many, .num_fields = COUNT};
    struct rhb_access_entry entry = {.request = &head};
    struct rhb_bytes response = {0};
    for (size_t i = 0; i < COUNT; i++) {
        many[i] = (struct phr_header)FIELD("Referer", "");
        CHECK(rhb_bytes_append(&response, "A:\r\n", 4));
    }
    many[0].value = "/";
    many[0].value_len = 1;
    memcpy(response.data, "A:b\n", 4);
    entry.response_head = response.data;
    entry.response_head_len = response.len;
    check_room(t, "%(f)s", &entry);
    check_room(t, "%({a}o)s", &entry);
    rhb_bytes_free(&response);
}

static void a_format_that_makes_no_sense_is_refused_with_its_offset(struct rhb_test *t)
{
    static const struct {
        const char *source, *error;
        size_t at;
    } cases[] = {
        {"%(h)s %(z)s", "unknown atom", 6},
        {"%()s", "unknown atom", 0},
        {"%(hh)s", "unknown atom", 0},
        {"%({}i)s", "unknown atom", 0},
        {"%({)s", "unknown atom", 0},
        {"%({})s", "unknown atom", 0},
        {"%({host)s", "unknown atom", 0},
        {"%({host}x)s", "unknown atom", 0},
        {"%({host}ii)s", "unknown atom", 0},
        {"ab %(h", "%( without its closing parenthesis", 3},
        {"%(", "%( without its closing parenthesis", 0},
        {"%(h)", "%(...) is to be followed by s", 0},
        {"%(h)s %(D)d", "%(...) is to be followed by s", 6},
        {"100%", "a lone %, to be written as %%", 3},
        {"%%%", "a lone %, to be written as %%", 2},
        {"%h %l", "a lone %, to be written as %%", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *error = NULL;
        size_t at = SIZE_MAX;
        if (CHECK(rhb_access_format_new(cases[i].source, &error, &at) == NULL && error != NULL)) {
            CHECK_STR(error, strlen(error), cases[i].error);
            CHECK_INT(at, cases[i].at);
        }
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_default_format_gives_the_combined_line),
        RHB_CASE(each_atom_writes_its_value),
        RHB_CASE(what_is_missing_is_a_dash),
        RHB_CASE(fields_that_are_absent_or_empty_are_a_dash),
        RHB_CASE(repeated_fields_are_joined_whatever_their_case),
        RHB_CASE(a_response_head_cut_anywhere_is_read_to_its_end_only),
        RHB_CASE(the_path_of_an_absolute_target_leaves_out_the_authority),
        RHB_CASE(a_target_of_no_known_form_is_in_the_request_line_only),
        RHB_CASE(bytes_from_the_client_are_escaped_wherever_they_stand),
        RHB_CASE(environ_variables_are_listed_once_in_order),
        RHB_CASE(environ_values_come_from_the_entry_in_that_order),
        RHB_CASE(a_format_names_so_many_environ_variables_and_no_more),
        RHB_CASE(the_time_is_local_with_its_zone),
        RHB_CASE(the_time_is_rendered_anew_for_another_second_only),
        RHB_CASE(a_clock_beyond_four_digit_years_is_a_dash),
        RHB_CASE(every_atom_fits_wherever_it_stands_in_the_buffer),
        RHB_CASE(values_of_escaped_bytes_fit_wherever_they_stand_in_the_buffer),
        RHB_CASE(fields_that_are_repeated_empty_fit_wherever_they_stand_in_the_buffer),
        RHB_CASE(a_format_that_makes_no_sense_is_refused_with_its_offset),
    };
    return RHB_RUN(cases);
}
