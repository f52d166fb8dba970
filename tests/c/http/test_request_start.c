/* csrc/http/request_start.c: the times that proxies write, in their units. */
#include "harness.h"
#include "http/request_start.h"
#include <inttypes.h>
#include <stdlib.h>

/* In memory of exactly its size. */
static bool reads(const char *text, size_t len, uint64_t *ns)
{
    char *copy = memcpy(malloc(len ? len : 1), text, len);
    bool read = rhb_request_start_read(copy, len, ns);
    free(copy);
    return read;
}

static void each_unit_is_known_by_its_size(struct rhb_test *t)
{
    static const struct {
        const char *text;
        uint64_t ns;
    } rows[] = {
        {"t=1512379167.574", UINT64_C(1512379167574000000)}, /* nginx */
        {"1512379167", UINT64_C(1512379167000000000)},
        {"1512379167.5", UINT64_C(1512379167500000000)},
        {"1512379167.1234567899", UINT64_C(1512379167123456789)},
        {"1512379167574", UINT64_C(1512379167574000000)}, /* Heroku */
        {"1512379167574.25", UINT64_C(1512379167574250000)},
        {"t=1512379167574000", UINT64_C(1512379167574000000)}, /* Apache */
        {"T=1512379167574000001", UINT64_C(1512379167574000001)},
        {"100000000", UINT64_C(100000000000000000)},
        {"18446744073", UINT64_C(18446744073000000000)},
        {"000000000000001512379167", UINT64_C(1512379167000000000)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t ns = 0;
        if (!CHECK(reads(rows[i].text, strlen(rows[i].text), &ns)) || !CHECK_INT(ns, rows[i].ns))
            rhb_note(t, "%s: %" PRIu64, rows[i].text, ns);
    }
}

static void what_is_no_time_is_refused(struct rhb_test *t)
{
    static const char *const wrong[] = {
        "",
        "t=",
        "t",
        ".",
        "t=.5",
        "1512379167.",
        "1512379167.5x",
        "x1512379167",
        "99999999",
        "-1512379167",
        "1512379167 ",
        "1512379167,5",
        "1.5.1512379167",
        "18446744074",
        "99999999999",
        "99999999999999",
        "99999999999999999999999",
        "s=1512379167",
        "0",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t ns;
        if (!CHECK(!reads(wrong[i], strlen(wrong[i]), &ns)))
            rhb_note(t, "read: %s as %" PRIu64, wrong[i], ns);
    }
}

static void only_one_field_of_an_allowed_peer_is_read(struct rhb_test *t)
{
    static const struct rhb_allowed_peers unix_only = {.unix_sockets = true};
    static const struct rhb_peer unix_peer;
    struct rhb_peer other = {0};
    rhb_peer_read(&other, "192.0.2.1", 9);
    const struct phr_header fields[] = {
        {"X-REQUEST-START", 15, "1512379167", 10},
        {"x-request-start", 15, "1512379167", 10},
        {"x-request-stark", 15, "1512379167", 10},
    };
    uint64_t ns;
    CHECK(rhb_request_start_find(&unix_only, &unix_peer, fields, 1, &ns));
    CHECK(!rhb_request_start_find(&unix_only, &unix_peer, fields, 2, &ns));
    CHECK(rhb_request_start_find(&unix_only, &unix_peer, fields + 1, 2, &ns));
    CHECK(!rhb_request_start_find(&unix_only, &unix_peer, fields + 2, 1, &ns));
    CHECK(!rhb_request_start_find(&unix_only, &other, fields, 1, &ns));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(each_unit_is_known_by_its_size),
        RHB_CASE(what_is_no_time_is_refused),
        RHB_CASE(only_one_field_of_an_allowed_peer_is_read),
    };
    return RHB_RUN(cases);
}
