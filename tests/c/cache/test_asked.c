/* csrc/cache/asked.c: which requests have the same key, and which have none. */
#include "cache/asking_fixture.h"
#include <stdio.h>

#define HEAD "GET /page?q HTTP/1.1\r\nHost: a\r\n"
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

enum relation { SAME, OTHER, NONE };

struct row {
    const char *one, *other; /* fields */
    enum relation relation;
};

static enum relation relation_of(struct asking_fixture *f, const struct row *row)
{
    char one[512], other[512];
    enum relation relation = NONE;
    snprintf(one, sizeof one, HEAD "%s\r\n", row->one);
    snprintf(other, sizeof other, HEAD "%s\r\n", row->other);
    if (!has_key(f, one))
        return NONE;
    struct rhb_bytes first = f->key;
    f->key = (struct rhb_bytes){0};
    if (has_key(f, other)) {
        bool same = first.len == f->key.len && memcmp(first.data, f->key.data, first.len) == 0;
        relation = same ? SAME : OTHER;
    }
    rhb_bytes_free(&first);
    return relation;
}

static void check_rows(struct rhb_test *t, const struct rhb_forwarded_policy *proxies,
                       const struct row *rows, size_t count)
{
    struct asking_fixture f = {.proxies = *proxies};
    for (size_t i = 0; i < count; i++)
        if (!CHECK_INT(relation_of(&f, &rows[i]), rows[i].relation))
            rhb_note(t, "%s | %s", rows[i].one, rows[i].other);
    rhb_bytes_free(&f.key);
}

static void what_a_client_may_choose_is_in_the_key_or_forbids(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"", "", SAME},
        {"", "User-Agent: x\r\n", SAME},
        {"", "X-Forwarded-For: 192.0.2.1\r\n", SAME},
        {"", "X-Forwarded-Host: x\r\n", OTHER},
        {"", "x-forwarded-prefix: x\r\n", OTHER},
        {"X-Scheme: a\r\n", "X-Scheme: b\r\n", OTHER},
        {"X-HTTP-Method-Override: PUT\r\n", "", NONE},
        {"x-http-host-override: x\r\n", "", NONE},
        {"X-HTTP-Path-Override: /x\r\n", "", NONE},
        {"X-Override-URL: /x\r\n", "", NONE},
        {"X-Envoy-Original-Path: /x\r\n", "", NONE},
        {"X-Original-URL: /x\r\n", "", NONE},
        {"X-Host: x\r\n", "", NONE},
        {"X-Vhm-Root: /x\r\n", "", NONE},
        {"X-Vhm-Host: http://x\r\n", "", NONE},
        {"X-Original-Method: PUT\r\n", "", NONE},
        {"X-Replaced-Path: /x\r\n", "", OTHER},
        {"X-Real-Host: x\r\n", "", NONE},
        {"CloudFront-Forwarded-Proto: https\r\n", "", OTHER},
        {"CF-Visitor: {\"scheme\":\"https\"}\r\n", "", OTHER},
        {"X-AppEngine-HTTPS: on\r\n", "", OTHER},
        {"X-ARR-SSL: x\r\n", "", OTHER},
        {"Range: bytes=0-1\r\n", "", SAME},
        {"Cookie: a=b\r\n", "", SAME},
        {"Content-Length: 0\r\n", "", NONE},
        {"Forwarded: for=a\r\n", "", NONE},
    };
    static const struct rhb_forwarded_policy nobody = {.fields = RHB_X_FORWARDED | RHB_FORWARDED};
    check_rows(t, &nobody, rows, COUNT(rows));
}

/* Frameworks read other elements of it than those that are believed. */
static void what_forwarded_says_of_the_page_is_in_the_key(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"Forwarded: for=a;host=b\r\n", "Forwarded: for=\"[2001:db8::1]:80\";host=b\r\n", SAME},
        {"Forwarded: For=a, by=b ; proto=http\r\n", "Forwarded: For=c, by=d;proto=http\r\n", SAME},
        {"Forwarded: for=a;host=e, for=b;host=b\r\n", "Forwarded: for=a, for=b;host=b\r\n", OTHER},
        {"Forwarded: for=a;prefix=e\r\n", "Forwarded: for=a\r\n", OTHER},
        {"Forwarded: for=a\r\n", "Forwarded: for=a\r\nForwarded: host=e\r\n", OTHER},
        {"X-Forwarded-For: a\r\nForwarded: host=e\r\n", "X-Forwarded-For: a\r\n", OTHER},
        {"Forwarded: for=\"a;host=e\"\r\n", "", NONE},
        {"Forwarded: for=\"a,host=e\"\r\n", "", NONE},
        {"Forwarded: for=a host=e\r\n", "", NONE},
        {"Forwarded: for=\"a\\\"b\"\r\n", "", NONE},
        {"Forwarded: for\r\n", "Forwarded: for=;\r\n", OTHER},
    };
    static const struct rhb_forwarded_policy all = {.allowed = {.anybody = true},
                                                    .fields = RHB_X_FORWARDED | RHB_FORWARDED};
    check_rows(t, &all, rows, COUNT(rows));
}

static void an_absolute_form_has_no_key_but_changes_what_its_origin_form_has(struct rhb_test *t)
{
    static const struct {
        const char *target, *uri;
    } rows[] = {
        {"/page?q", "http://a/page?q"}, {"http://a/page?q", "http://a/page?q"},
        {"http://a", "http://a/"},      {"HTTPS://a:1/page", "http://a:1/page"},
        {"http://a?q", "http://a/?q"},
    };
    struct asking_fixture f = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[128];
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].target);
        CHECK_INT(has_key(&f, text), i == 0);
        CHECK(rhb_asked_uri(&f.asker, &f.proxies, &f.key));
        CHECK_STR(f.key.data, f.key.len, rows[i].uri);
    }
    CHECK(read_request(&f, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
    CHECK(!rhb_asked_uri(&f.asker, &f.proxies, &f.key));
    rhb_bytes_free(&f.key);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(what_a_client_may_choose_is_in_the_key_or_forbids),
        RHB_CASE(what_forwarded_says_of_the_page_is_in_the_key),
        RHB_CASE(an_absolute_form_has_no_key_but_changes_what_its_origin_form_has),
    };
    return RHB_RUN(cases);
}
