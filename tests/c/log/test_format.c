/* csrc/log/format.c: which formats compile, and the space that a line needs. */
#include "format_fixture.h"

static void the_default_format_gives_the_combined_line(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    set_zone("UTC0");
    check_line(
        t, default_format, &entry,
        "192.0.2.7 - Aladdin [21/Nov/2026:10:00:00 +0000] \"POST /a%20b/c?x=1&y=2 HTTP/1.1\" "
        "404 1234 \"http://example.com/from\" \"curl/8.5 \\x22x\\x22\"");
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

static void a_format_has_a_limit_of_environ_variables(struct rhb_test *t)
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

static void every_atom_fits_at_every_offset_of_the_buffer(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    entry.body_bytes = entry.duration_ns = UINT64_MAX;
    check_room_for_each_atom(t, &entry);
}

static void values_of_escaped_bytes_fit_at_every_offset_of_the_buffer(struct rhb_test *t)
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

static void repeated_empty_fields_fit_at_every_offset_of_the_buffer(struct rhb_test *t)
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

static void an_unknown_atom_is_a_hyphen(struct rhb_test *t)
{
    static const char *const unknown[] = {
        "%(z)s",  "%()s",      "%(hh)s",      "%({}i)s",      "%({)s",
        "%({})s", "%({host)s", "%({host}x)s", "%({host}ii)s",
    };
    char source[64];
    struct rhb_access_entry entry = full_entry();
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        snprintf(source, sizeof source, "%%(m)s %s %%(m)s", unknown[i]);
        check_line(t, source, &entry, "POST - POST");
    }
    check_line(t, "escape=json {\"a\": %(z)s, \"b\": \"%(z)s\"}", &entry,
               "{\"a\": null, \"b\": \"-\"}");
}

static void an_invalid_format_is_refused_with_its_offset(struct rhb_test *t)
{
    static const struct {
        const char *source, *error;
        size_t at;
    } cases[] = {
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
        RHB_CASE(environ_variables_are_listed_once_in_order),
        RHB_CASE(environ_values_come_from_the_entry_in_that_order),
        RHB_CASE(a_format_has_a_limit_of_environ_variables),
        RHB_CASE(every_atom_fits_at_every_offset_of_the_buffer),
        RHB_CASE(values_of_escaped_bytes_fit_at_every_offset_of_the_buffer),
        RHB_CASE(repeated_empty_fields_fit_at_every_offset_of_the_buffer),
        RHB_CASE(an_unknown_atom_is_a_hyphen),
        RHB_CASE(an_invalid_format_is_refused_with_its_offset),
    };
    return RHB_RUN(cases);
}
