/* csrc/http/request_id.c: identifiers of trusted proxies, and new ones. */
#include "harness.h"
#include "http/request_id.h"
#include <sys/wait.h>
#include <unistd.h>

#define FIELD(name, value)                                                                         \
    {                                                                                              \
        name, sizeof(name) - 1, value, sizeof(value) - 1                                           \
    }

static const struct rhb_allowed_peers unix_only = {.unix_sockets = true};

static const struct rhb_request_id_policy policy = {
    .field = "x-request-id", .field_len = 12, .allowed = &unix_only};

static const struct rhb_peer unix_peer;

static bool is_id(const char *text)
{
    return rhb_is_request_id(text, strlen(text));
}

static void usual_identifiers_are_well_formed(struct rhb_test *t)
{
    CHECK(is_id("7b0bf1a2c3d4e5f60718293a4b5c6d7e"));
    CHECK(is_id("6f9619ff-8b86-d011-b42d-00cf4fc964ff"));
    CHECK(is_id("Root=1-67891233-abcdef012345678912345678;Self=1-67891233"));
    CHECK(is_id("a"));
    CHECK(is_id("AZaz09-._~+/=:;@"));
}

static void what_could_forge_a_line_or_a_field_is_not(struct rhb_test *t)
{
    CHECK(!is_id(""));
    for (int c = 0; c < 256; c++) {
        char text[3] = {'a', (char)c, 'b'};
        bool safe = strchr("-._~+/=:;@", c) != NULL || (c >= '0' && c <= '9') ||
                    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        CHECK_INT(rhb_is_request_id(text, 3), safe && c != 0);
    }
}

static void the_length_is_bounded(struct rhb_test *t)
{
    char text[RHB_REQUEST_ID_LONGEST + 1];
    memset(text, 'a', sizeof text);
    CHECK(rhb_is_request_id(text, RHB_REQUEST_ID_LONGEST));
    CHECK(!rhb_is_request_id(text, RHB_REQUEST_ID_LONGEST + 1));
}

static void check_found(struct rhb_test *t, const struct rhb_peer *peer,
                        const struct phr_header *fields, size_t count, const char *expected)
{
    const char *id = NULL;
    size_t len = 0;
    bool found = rhb_request_id_find(&policy, peer, fields, count, &id, &len);
    CHECK_INT(found, expected != NULL);
    if (found && expected != NULL)
        CHECK_STR(id, len, expected);
}

static void that_of_an_allowed_peer_is_found_in_any_case(struct rhb_test *t)
{
    const struct phr_header fields[] = {FIELD("Host", "h"), FIELD("X-REQUEST-id", "abc-1")};
    check_found(t, &unix_peer, fields, 2, "abc-1");
    check_found(t, &unix_peer, fields, 1, NULL);
}

static void that_of_another_peer_is_not(struct rhb_test *t)
{
    const struct phr_header fields[] = {FIELD("X-Request-Id", "abc")};
    struct rhb_peer peer = {0};
    rhb_peer_read(&peer, "192.0.2.1", 9);
    check_found(t, &peer, fields, 1, NULL);
}

static void two_of_them_are_none(struct rhb_test *t)
{
    const struct phr_header fields[] = {FIELD("X-Request-Id", "abc"), FIELD("X-Request-Id", "abc")};
    check_found(t, &unix_peer, fields, 2, NULL);
}

static void one_that_is_not_well_formed_is_none(struct rhb_test *t)
{
    const struct phr_header fields[] = {FIELD("X-Request-Id", "a b")};
    check_found(t, &unix_peer, fields, 1, NULL);
}

static void those_that_are_made_are_32_digits_and_all_differ(struct rhb_test *t)
{
    enum { COUNT = 1000 };
    static char ids[COUNT][RHB_REQUEST_ID_MADE];
    struct rhb_request_id_pool pool = {0};
    for (int i = 0; i < COUNT; i++) {
        rhb_request_id_make(&pool, ids[i]);
        for (int digit = 0; digit < RHB_REQUEST_ID_MADE; digit++)
            CHECK(strchr("0123456789abcdef", ids[i][digit]) != NULL);
        for (int before = 0; before < i; before++)
            CHECK(memcmp(ids[i], ids[before], RHB_REQUEST_ID_MADE) != 0);
    }
}

static void two_processes_make_different_ones(struct rhb_test *t)
{
    char mine[RHB_REQUEST_ID_MADE], other[RHB_REQUEST_ID_MADE];
    int ends[2];
    CHECK_INT(pipe(ends), 0);
    pid_t pid = fork();
    struct rhb_request_id_pool pool = {0};
    rhb_request_id_make(&pool, mine);
    if (pid == 0)
        _exit(write(ends[1], mine, sizeof mine) != sizeof mine);
    CHECK_INT(read(ends[0], other, sizeof other), sizeof other);
    waitpid(pid, NULL, 0);
    CHECK(memcmp(mine, other, sizeof mine) != 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(usual_identifiers_are_well_formed),
        RHB_CASE(what_could_forge_a_line_or_a_field_is_not),
        RHB_CASE(the_length_is_bounded),
        RHB_CASE(that_of_an_allowed_peer_is_found_in_any_case),
        RHB_CASE(that_of_another_peer_is_not),
        RHB_CASE(two_of_them_are_none),
        RHB_CASE(one_that_is_not_well_formed_is_none),
        RHB_CASE(those_that_are_made_are_32_digits_and_all_differ),
        RHB_CASE(two_processes_make_different_ones),
    };
    return RHB_RUN(cases);
}
