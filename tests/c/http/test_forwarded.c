/* csrc/http/forwarded.c: which elements of which fields count, as tables. */
#include "forwarded_fixture.h"

static void the_rightmost_address_that_is_not_a_proxy_is_the_client(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("192.0.2.1"), "192.0.2.1 0 - - 0"},
        {FOR("6.6.6.6, 192.0.2.1"), "192.0.2.1 0 - - 0"},
        {FOR("6.6.6.6, 192.0.2.1, 10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FOR("6.6.6.6,192.0.2.1,10.0.0.3,::1"), "192.0.2.1 0 - - 0"},
        {FOR("6.6.6.6, 192.0.2.1, ::ffff:10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FOR("2001:db8::1"), "2001:db8::1 0 - - 0"},
        {FOR("10.0.0.4, 10.0.0.3"), "10.0.0.4 0 - - 0"}, /* all are: the farthest */
        {FORWARDED("for=192.0.2.1"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=6.6.6.6, for=192.0.2.1, for=10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=10.0.0.3,for=10.0.0.2"), "10.0.0.3 0 - - 0"},
    };
    CHECK_ROWS(rows);
}

static void repeated_fields_are_one_list(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("6.6.6.6") FOR("192.0.2.1"), "192.0.2.1 0 - - 0"},
        {FOR("192.0.2.1") "A: b\n" FOR("10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FOR("192.0.2.1") FOR("") FOR(" , ,10.0.0.2, "), "192.0.2.1 0 - - 0"},
        {"x-forwarded-FOR: 192.0.2.1\n" FOR("10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=6.6.6.6;proto=http") FORWARDED("for=192.0.2.1;proto=https"),
         "192.0.2.1 0 https - 0"},
        {FORWARDED("for=192.0.2.1;proto=https") FORWARDED(", for=10.0.0.2;proto=http ,"),
         "192.0.2.1 0 https - 0"},
    };
    CHECK_ROWS(rows);
}

/* With n proxies, the value of the outermost one is the n-th from the right. */
static void lists_are_matched_by_hop(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("192.0.2.1") PROTO("http, https"), "192.0.2.1 0 https - 0"},
        {FOR("6.6.6.6, 192.0.2.1") PROTO("http, https"), "192.0.2.1 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.2") PROTO("https, http"), "192.0.2.1 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.2") PROTO("http, https, http"), "192.0.2.1 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.2") PROTO("https"), "192.0.2.1 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.3, 10.0.0.2") PROTO("https, http"), "192.0.2.1 0 - - 0"},
        {FOR("192.0.2.1") XHOST("forged, a") XPORT("1, 2"), "192.0.2.1 0 - a 2"},
        {XHOST("forged, a") PROTO("http") PROTO("https"), "- 0 https a 0"},
        {FOR("192.0.2.1, unknown") PROTO("http, https"), "- 0 https - 0"},
        {FORWARDED("for=192.0.2.1;proto=https;host=a, for=10.0.0.2;proto=http;host=b"),
         "192.0.2.1 0 https a 0"},
        {FORWARDED("for=192.0.2.1, for=10.0.0.2;proto=https;host=b"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=6.6.6.6;host=forged, for=192.0.2.1;proto=https"), "192.0.2.1 0 https - 0"},
    };
    CHECK_ROWS(rows);
}

/* A proxy appends to the value of its client. An open quote in that has no effect on the new
 * element.
 */
static void elements_of_the_client_do_not_change_those_of_proxies(struct rhb_test *t)
{
    static const char *const written[] = {
        "for=\"",
        "\"",
        "for=\"\\",
        "by=\"x\\\"",
        "for=",
        "=",
        ";",
        "for=6.6.6.6;",
        "(",
        "\\",
        "for=6.6.6.6;host=\"forged",
        "\"a\", \"",
    };
    char lines[200], said[400];
    for (size_t i = 0; i < COUNT(written); i++) {
        static const char *const joints[] = {", ", ",", "\nForwarded: "};
        for (size_t joint = 0; joint < COUNT(joints); joint++) {
            snprintf(lines, sizeof lines, "Forwarded: %s%sfor=192.0.2.1;host=\"a:1\"\n", written[i],
                     joints[joint]);
            read_from("10.0.0.1", lines, said, sizeof said);
            if (!CHECK_STR(said, strlen(said), "192.0.2.1 0 - a:1 0"))
                rhb_note_bytes("fields", lines, strlen(lines));
        }
    }
}

static void x_forwarded_is_read_instead_of_forwarded(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FORWARDED("for=6.6.6.6;proto=https;host=forged") FOR("192.0.2.1"), "192.0.2.1 0 - - 0"},
        {PROTO("http") FORWARDED("for=6.6.6.6;proto=https"), "- 0 http - 0"},
        {FOR("unknown") FORWARDED("for=6.6.6.6"), NOTHING},
        {SSL("off") FORWARDED("proto=https"), "- 0 http - 0"},
        {PROTOCOL("x") FORWARDED("proto=https"), NOTHING},
    };
    CHECK_ROWS(rows);
}

static void a_field_that_is_not_enabled_is_ignored(struct rhb_test *t)
{
    static const struct row forwarded_only[] = {
        {FORWARDED("for=192.0.2.1;proto=https") FOR("6.6.6.6") PROTO("http") XHOST("b") XPORT("1"),
         "192.0.2.1 0 https - 0"},
    };
    static const struct row without_host[] = {
        {FOR("192.0.2.1") XHOST("forged") XPORT("1"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=192.0.2.1"), NOTHING},
        {PROTO("https") FORWARDED("for=192.0.2.1"), "- 0 https - 0"},
        {PROTO("http") SSL("on") PROTOCOL("ssl"), "- 0 http - 0"},
    };
    static const struct row none[] = {{FOR("192.0.2.1") FORWARDED("for=192.0.2.1"), NOTHING}};
    policy.fields = RHB_FORWARDED;
    CHECK_ROWS(forwarded_only);
    policy.fields = RHB_X_FORWARDED_FOR | RHB_X_FORWARDED_PROTO;
    CHECK_ROWS(without_host);
    policy.fields = 0;
    CHECK_ROWS(none);
    policy.fields = ALL;
}

static void fields_of_a_peer_that_is_not_allowed_are_ignored(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("192.0.2.1") PROTO("https") XHOST("a") XPORT("1"), NOTHING},
        {FORWARDED("for=10.0.0.1;proto=https;host=a"), NOTHING},
        {FOR("10.0.0.1"), NOTHING},
    };
    check_from(t, "192.0.2.9", rows, COUNT(rows));
    check_from(t, "2001:db8::1", rows, COUNT(rows));
    check_from(t, "a unix socket", rows, COUNT(rows));
}

/* Every peer is allowed, but an address in a field is a proxy only if it is listed. */
static void with_anybody_allowed_one_hop_is_read(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("6.6.6.6, 192.0.2.1") PROTO("http, https"), "192.0.2.1 0 https - 0"},
        {FOR("6.6.6.6, 192.0.2.1, 10.0.0.2"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=6.6.6.6, for=192.0.2.1"), "192.0.2.1 0 - - 0"},
    };
    policy.allowed.anybody = true;
    check_from(t, "198.51.100.1", rows, COUNT(rows));
    check_from(t, "a unix socket", rows, COUNT(rows));
    policy.allowed.anybody = false;
}

static void other_fields_with_names_of_the_same_length_are_ignored(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"X-Forwarded-Fox: 192.0.2.1\nForwardee: for=192.0.2.1\n", NOTHING},
        {"X-Forwarded-Hosu: a\nX-Forwarded-Poru: 1\nX-Forwarded-Protp: https\n", NOTHING},
        {"X_Forwarded_For: 192.0.2.1\nX-Forwarded_Host: a\n", NOTHING},
        {"Host: a\nTransfer-Encoding: x\n", NOTHING},
        {"X-Forwarded-Ssk: on\nX-Forwarded-Protocop: ssl\n", NOTHING},
    };
    CHECK_ROWS(rows);
}

static void a_very_long_list_is_read_until_the_client(struct rhb_test *t)
{
    enum { TIMES = 20000 };
    static const char hop[] = "10.0.0.2,", client[] = "192.0.2.1,";
    char *lines = malloc(sizeof "X-Forwarded-For: " + sizeof client + TIMES * sizeof hop),
         said[400];
    char *at = lines + sprintf(lines, "X-Forwarded-For: %s", client);
    for (int i = 0; i < TIMES; i++)
        at += sprintf(at, "%s", hop);
    strcpy(at, "\n");
    read_from("10.0.0.1", lines, said, sizeof said);
    CHECK_STR(said, strlen(said), "192.0.2.1 0 - - 0");
    memset(lines + sizeof "X-Forwarded-For:", ',',
           (size_t)(at - lines) - sizeof "X-Forwarded-For:");
    read_from("10.0.0.1", lines, said, sizeof said);
    CHECK_STR(said, strlen(said), NOTHING);
    free(lines);
}

static void the_port_of_the_server(struct rhb_test *t)
{
    static const struct {
        struct rhb_forwarded said;
        const char *host;
        uint16_t port;
    } rows[] = {
        {{0}, "a:81", 0},
        {{.has_client = true}, "a:81", 0},
        {{.port = 8443}, "a:81", 8443},
        {{.scheme = RHB_SCHEME_HTTPS}, "a", 443},
        {{.scheme = RHB_SCHEME_HTTPS}, "", 443},
        {{.scheme = RHB_SCHEME_HTTPS}, "a:81", 81},
        {{.scheme = RHB_SCHEME_HTTPS}, "a:", 443},
        {{.scheme = RHB_SCHEME_HTTPS}, "a:0000081", 81},
        {{.scheme = RHB_SCHEME_HTTPS}, "[::1]:81", 81},
        {{.scheme = RHB_SCHEME_HTTPS}, "[::81]", 443},
        {{.scheme = RHB_SCHEME_HTTP}, "a", 80},
        {{.host = "b", .host_len = 1}, "a:81", 80},
        {{.host = "b:82", .host_len = 4}, "a:81", 82},
        {{.host = "b:82", .host_len = 4, .port = 83}, "a:81", 83},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].host);
        char *host = copy_exactly(rows[i].host, len);
        CHECK_INT(rhb_forwarded_server_port(&rows[i].said, host, len), rows[i].port);
        free(host);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_rightmost_address_that_is_not_a_proxy_is_the_client),
        RHB_CASE(repeated_fields_are_one_list),
        RHB_CASE(lists_are_matched_by_hop),
        RHB_CASE(elements_of_the_client_do_not_change_those_of_proxies),
        RHB_CASE(x_forwarded_is_read_instead_of_forwarded),
        RHB_CASE(a_field_that_is_not_enabled_is_ignored),
        RHB_CASE(fields_of_a_peer_that_is_not_allowed_are_ignored),
        RHB_CASE(with_anybody_allowed_one_hop_is_read),
        RHB_CASE(other_fields_with_names_of_the_same_length_are_ignored),
        RHB_CASE(a_very_long_list_is_read_until_the_client),
        RHB_CASE(the_port_of_the_server),
    };
    return RHB_RUN(cases);
}
