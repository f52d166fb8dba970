/* csrc/log/json.c: lines of JSON, whatever a client sends. */
#include "harness.h"
#include "log/format.h"
#include <stdlib.h>

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                           \
    }

/* 2026-11-21 10:00:00 UTC */
#define FINISHED ((time_t)1795255200)

static struct phr_header fields[] = {
    FIELD("User-Agent", "a\"b\\c\x01\xff"),
    FIELD("Referer", "-"),
};

static const struct phr_request_head head = {
    .method = "GET",
    .method_len = 3,
    .target = "/p?q=\"",
    .target_len = 6,
    .minor_version = 1,
    .fields = fields,
    .num_fields = 2,
};

static const struct rhb_access_entry full = {
    .request = &head,
    .peer = "192.0.2.7",
    .peer_len = 9,
    .status = 200,
    .body_bytes = 12,
    .finished = FINISHED,
    .duration_ns = 1500000u,
    .pid = 4711,
};

/* Nothing could be parsed, and nothing was sent. */
static const struct rhb_access_entry empty = {.finished = FINISHED, .pid = 1};

static void check_line(struct rhb_test *t, const char *source, const struct rhb_access_entry *entry,
                       const char *expected)
{
    const char *error;
    size_t error_at;
    struct rhb_access_format *format = rhb_access_format_new(source, &error, &error_at);
    struct rhb_access_second second = {0};
    struct rhb_bytes out = {0};
    setenv("TZ", "UTC-5:30", 1);
    tzset();
    if (CHECK(format != NULL)) {
        CHECK(rhb_access_format_render(format, &second, &out, entry));
        CHECK_STR(out.data, out.len, expected);
    }
    rhb_bytes_free(&out);
    rhb_access_format_free(format);
}

static void the_format_json_has_an_object_of_what_is_known(struct rhb_test *t)
{
    check_line(
        t, "json", &full,
        "{\"time\": \"2026-11-21T15:30:00+05:30\", \"remote_addr\": \"192.0.2.7\", \"user\": null, "
        "\"method\": \"GET\", \"path\": \"/p\", \"query\": \"q=\\u0022\", "
        "\"protocol\": \"HTTP/1.1\", \"status\": 200, \"bytes\": 12, \"duration\": 0.001500, "
        "\"referer\": null, \"user_agent\": \"a\\u0022b\\u005Cc\\u0001\\u00FF\", \"pid\": 4711, "
        "\"request_id\": null, "
        "\"trace_id\": null, \"span_id\": null, \"front_time\": null, "
        "\"queue_time\": null, \"app_time\": null}\n");
}

static void what_is_missing_is_null(struct rhb_test *t)
{
    check_line(t, "json", &empty,
               "{\"time\": \"2026-11-21T15:30:00+05:30\", \"remote_addr\": null, \"user\": null, "
               "\"method\": null, \"path\": null, \"query\": null, \"protocol\": null, "
               "\"status\": null, \"bytes\": 0, \"duration\": 0.000000, \"referer\": null, "
               "\"user_agent\": null, \"pid\": 1, \"request_id\": null, "
               "\"trace_id\": null, \"span_id\": null, \"front_time\": null, "
               "\"queue_time\": null, \"app_time\": null}\n");
}

static void a_format_of_ones_own_may_have_quotes_or_not(struct rhb_test *t)
{
    check_line(
        t, "escape=json {\"a\": \"<%(a)s>\", \"s\": \"%(s)s\", \"l\": %(l)s, \"b\": %(b)s}", &full,
        "{\"a\": \"<a\\u0022b\\u005Cc\\u0001\\u00FF>\", \"s\": \"200\", \"l\": null, \"b\": 12}\n");
    check_line(t, "escape=json [\"%(s)s %(l)s %(a)s\", \"\\\"%(m)s\", %(m)s]", &empty,
               "[\"- - -\", \"\\\"-\", null]\n");
}

static void without_escape_json_nothing_changes(struct rhb_test *t)
{
    check_line(t, "{\"a\": \"%(a)s\"}", &full, "{\"a\": \"a\\x22b\\x5Cc\\x01\\xFF\"}\n");
    check_line(t, "%({iso}t)s %(b)s", &empty, "2026-11-21T15:30:00+05:30 -\n");
}

static void an_error_is_found_behind_the_prefix(struct rhb_test *t)
{
    const char *error;
    size_t error_at;
    CHECK(rhb_access_format_new("escape=json %(a", &error, &error_at) == NULL);
    CHECK_INT(error_at, 12);
    CHECK(rhb_access_format_new("%({utc}t)s", &error, &error_at) == NULL);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_format_json_has_an_object_of_what_is_known),
        RHB_CASE(what_is_missing_is_null),
        RHB_CASE(a_format_of_ones_own_may_have_quotes_or_not),
        RHB_CASE(without_escape_json_nothing_changes),
        RHB_CASE(an_error_is_found_behind_the_prefix),
    };
    return RHB_RUN(cases);
}
