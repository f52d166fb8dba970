/* One full entry of the access log, and checks of its line, for test_format.c and test_atoms.c. */
#ifndef RHB_TEST_FORMAT_FIXTURE_H
#define RHB_TEST_FORMAT_FIXTURE_H

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

static inline struct rhb_access_entry full_entry(void)
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

static inline void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static inline struct rhb_access_format *compiled(struct rhb_test *t, const char *source)
{
    const char *error;
    size_t error_at;
    struct rhb_access_format *format = rhb_access_format_new(source, &error, &error_at);
    if (!CHECK(format != NULL))
        rhb_note(t, "%s: %s at %zu", source, error, error_at);
    return format;
}

static inline void check_line(struct rhb_test *t, const char *source,
                              const struct rhb_access_entry *entry, const char *expected)
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

#endif
