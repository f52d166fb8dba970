/* csrc/http/forwarded.c: what proxies say, as tables. Every name and value stands in memory of
 * exactly its size, so that ASan sees the first byte read too far. */
#include "harness.h"
#include "http/forwarded.h"
#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MOST_FIELDS = 8, ALL = RHB_X_FORWARDED | RHB_FORWARDED };

/* Our peer is 10.0.0.1; proxies are 10.0.0.0/8, ::1 and, where it is said, unix sockets. */
static const struct rhb_network proxies[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 10}, 96 + 8},
    {{[15] = 1}, 128},
};

static struct rhb_forwarded_policy policy = {
    .allowed = {.networks = proxies, .n_networks = COUNT(proxies)}, .fields = ALL};

static char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

/* "Name: value\n" lines into fields; values keep every byte but the newline. */
static size_t split_fields(struct phr_header *fields, const char *lines)
{
    size_t count = 0;
    for (const char *next; *lines != '\0'; lines = next + 1) {
        next = strchr(lines, '\n');
        const char *colon = strchr(lines, ':');
        struct phr_header *field = &fields[count++];
        field->name_len = (size_t)(colon - lines);
        field->value_len = (size_t)(next - colon - 2);
        field->name = copy_exactly(lines, field->name_len);
        field->value = copy_exactly(colon + 2, field->value_len);
    }
    return count;
}

/* "address port scheme host port", "-" for what is unsaid. */
static void describe(const struct rhb_forwarded *said, char *out, size_t cap)
{
    static const char *const schemes[] = {"-", "http", "https"};
    char address[RHB_PEER_TEXT + 1] = "-";
    if (said->has_client)
        address[rhb_peer_text(&said->client, address)] = '\0';
    snprintf(out, cap, "%s %u %s %.*s %u", address, said->has_client ? said->client.port : 0u,
             schemes[said->scheme], said->host ? (int)said->host_len : 1,
             said->host ? said->host : "-", said->port);
}

static void read_from(const char *from, const char *lines, char *out, size_t cap)
{
    struct phr_header fields[MOST_FIELDS];
    struct rhb_forwarded said;
    struct rhb_peer peer = {0};
    size_t count = split_fields(fields, lines);
    rhb_peer_read(&peer, from, strlen(from));
    memset(&said, 0xa5, sizeof said); /* all of it has to be set */
    rhb_forwarded_read(&said, &policy, &peer, fields, count);
    describe(&said, out, cap);
    for (size_t i = 0; i < count; i++) {
        free((void *)fields[i].name);
        free((void *)fields[i].value);
    }
}

struct row {
    const char *lines;
    const char *expected;
};

static void check_from(struct rhb_test *t, const char *from, const struct row *rows, size_t count)
{
    char said[400];
    for (size_t i = 0; i < count; i++) {
        read_from(from, rows[i].lines, said, sizeof said);
        if (!CHECK_STR(said, strlen(said), rows[i].expected))
            rhb_note_bytes("fields", rows[i].lines, strlen(rows[i].lines));
    }
}

#define CHECK_ROWS(rows) check_from(t, "10.0.0.1", rows, COUNT(rows))

#define NOTHING "- 0 - - 0"
#define FOR(value) "X-Forwarded-For: " value "\n"
#define PROTO(value) "X-Forwarded-Proto: " value "\n"
#define XHOST(value) "X-Forwarded-Host: " value "\n"
#define XPORT(value) "X-Forwarded-Port: " value "\n"
#define FORWARDED(value) "Forwarded: " value "\n"

static void the_rightmost_that_is_no_proxy_is_the_client(struct rhb_test *t)
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

static void fields_that_come_twice_are_one_list(struct rhb_test *t)
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

static void ports_of_clients(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("192.0.2.1:4711"), "192.0.2.1 4711 - - 0"},
        {FOR("[2001:db8::1]:4711"), "2001:db8::1 4711 - - 0"},
        {FOR("[2001:db8::1]"), "2001:db8::1 0 - - 0"},
        {FOR("2001:db8::1:4711"), "2001:db8::1:4711 0 - - 0"}, /* that is an address */
        {FOR("192.0.2.1:"), NOTHING},
        {FOR("192.0.2.1:0"), NOTHING},
        {FOR("192.0.2.1:65536"), NOTHING},
        {FOR("192.0.2.1:04711"), "192.0.2.1 4711 - - 0"},
        {FOR("192.0.2.1:004711"), NOTHING},
        {FOR("192.0.2.1:x"), NOTHING},
        {FOR("[2001:db8::1]4711"), NOTHING},
        {FORWARDED("for=\"192.0.2.1:4711\""), "192.0.2.1 4711 - - 0"},
        {FORWARDED("for=192.0.2.1:4711"), "192.0.2.1 4711 - - 0"},
        {FORWARDED("for=\"[2001:db8::1]:4711\""), "2001:db8::1 4711 - - 0"},
        {FORWARDED("for=\"192.0.2.1:_x.y\""), "192.0.2.1 0 - - 0"}, /* RFC 7239 section 6.3 */
        {FORWARDED("for=\"192.0.2.1:_\""), NOTHING},
        {FORWARDED("for=\"2001:db8::1\""), NOTHING}, /* brackets, RFC 7239 section 6 */
        {FORWARDED("for=\"[192.0.2.1]\""), NOTHING},
        {FORWARDED("for=\"[2001:db8::1\""), NOTHING},
    };
    CHECK_ROWS(rows);
}

static void whoever_cannot_be_read_ends_the_list(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR(""), NOTHING},
        {FOR("unknown"), NOTHING},
        {FOR("192.0.2.1, unknown"), NOTHING},
        {FOR("192.0.2.1, unknown, 10.0.0.2"), "10.0.0.2 0 - - 0"},
        {FOR("192.0.2.1, example.com, 10.0.0.2"), "10.0.0.2 0 - - 0"},
        {FOR("192.0.2.1 10.0.0.2"), NOTHING},
        {FOR("\"192.0.2.1\""), NOTHING},
        {FOR("192.0.2.1, 10.0.0.256"), NOTHING},
        {FOR("192.0.2.1, 10.0.0.2%eth0"), NOTHING},
        {FOR("fe80::1%eth0"), NOTHING},
        {FOR("0x7f.1, 10.0.0.2"), "10.0.0.2 0 - - 0"},
        {FORWARDED("for=unknown"), NOTHING},
        {FORWARDED("for=_hidden, for=10.0.0.2"), "10.0.0.2 0 - - 0"},
        {FORWARDED("for=192.0.2.1, proto=https"), "- 0 https - 0"},
        {FORWARDED("for=192.0.2.1, for=\"\""), NOTHING},
        {FORWARDED("for=192.0.2.1, for=\"\", for=10.0.0.2"), "10.0.0.2 0 - - 0"},
    };
    CHECK_ROWS(rows);
}

static void nginx_calls_clients_of_its_unix_sockets_unix(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FOR("192.0.2.1, unix:"), "192.0.2.1 0 - - 0"},
        {FOR("unix:"), NOTHING},
    };
    static const struct row not_allowed[] = {{FOR("192.0.2.1, unix:"), NOTHING}};
    CHECK_ROWS(not_allowed);
    policy.allowed.unix_sockets = true;
    CHECK_ROWS(rows);
    check_from(t, "a unix socket", rows, COUNT(rows));
    policy.allowed.unix_sockets = false;
}

static void schemes(struct rhb_test *t)
{
    static const struct row rows[] = {
        {PROTO("https"), "- 0 https - 0"},
        {PROTO("HTTPS"), "- 0 https - 0"},
        {PROTO("http"), "- 0 http - 0"},
        {PROTO("wss"), "- 0 https - 0"},
        {PROTO("ws"), "- 0 http - 0"},
        {PROTO("gopher"), NOTHING},
        {PROTO(""), NOTHING},
        {PROTO("https;"), NOTHING},
        {PROTO("\"https\""), NOTHING},
        {FORWARDED("proto=https"), "- 0 https - 0"},
        {FORWARDED("Proto=\"HTTPS\""), "- 0 https - 0"},
        {FORWARDED("proto=x"), NOTHING},
    };
    CHECK_ROWS(rows);
}

static void hosts(struct rhb_test *t)
{
    static const struct row rows[] = {
        {XHOST("example.com"), "- 0 - example.com 0"},
        {XHOST("example.com:8443"), "- 0 - example.com:8443 0"},
        {XHOST("[2001:db8::1]:8443"), "- 0 - [2001:db8::1]:8443 0"},
        {XHOST(""), NOTHING},
        {XHOST("user@example.com"), NOTHING},
        {XHOST("example.com/x"), NOTHING},
        {XHOST("exa mple.com"), NOTHING},
        {XHOST("example.com:http"), NOTHING},
        {FORWARDED("host=example.com"), "- 0 - example.com 0"},
        {FORWARDED("host=\"example.com:8443\""), "- 0 - example.com:8443 0"},
        {FORWARDED("host=\"[2001:db8::1]\""), "- 0 - [2001:db8::1] 0"},
        {FORWARDED("host=\"\""), NOTHING},
        {FORWARDED("host=\"a b\""), NOTHING},
    };
    CHECK_ROWS(rows);
}

static void ports_of_servers(struct rhb_test *t)
{
    static const struct row rows[] = {
        {XPORT("8443"), "- 0 - - 8443"}, {XPORT("65535"), "- 0 - - 65535"},
        {XPORT("0"), NOTHING},           {XPORT("65536"), NOTHING},
        {XPORT("+80"), NOTHING},         {XPORT("80 "), "- 0 - - 80"},
        {XPORT("80x"), NOTHING},         {XPORT(""), NOTHING},
    };
    CHECK_ROWS(rows);
}

/* With n proxies on the way, what the outermost of them said is the n-th from the right. */
static void lists_belong_to_the_hops(struct rhb_test *t)
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

static void the_grammar_of_forwarded(struct rhb_test *t)
{
    static const struct row rows[] = {
        {FORWARDED("FOR=192.0.2.1;By=203.0.113.60;PROTO=http"), "192.0.2.1 0 http - 0"},
        {FORWARDED("for=192.0.2.1; proto=https ;host=a"), "192.0.2.1 0 https a 0"},
        {FORWARDED(";for=192.0.2.1;;proto=https;"), "192.0.2.1 0 https - 0"},
        {FORWARDED("for=192.0.2.1;by=\"_a, b; c=d\""), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=192.0.2.1;x=y;secret=\"=,;\""), "192.0.2.1 0 - - 0"},
        {FORWARDED("by=x"), NOTHING},
        {FORWARDED(";"), NOTHING},
        {FORWARDED("for"), NOTHING},
        {FORWARDED("for="), NOTHING},
        {FORWARDED("=192.0.2.1"), NOTHING},
        {FORWARDED("for =192.0.2.1"), NOTHING},
        {FORWARDED("for= 192.0.2.1"), NOTHING},
        {FORWARDED("for=192.0.2.1 proto=https"), NOTHING},
        {FORWARDED("for=192.0.2.1;for=192.0.2.1"), NOTHING},
        {FORWARDED("proto=http;for=192.0.2.1;proto=https"), NOTHING},
        {FORWARDED("for=\"192.0.2.1"), NOTHING},
        {FORWARDED("for=192.0.2.1\""), NOTHING},
        {FORWARDED("\""), NOTHING},
        {FORWARDED("\"\""), NOTHING},
        {FORWARDED("=\"\""), NOTHING},
        {FORWARDED("for=\"192.0.2\\.1\""), NOTHING},
        {FORWARDED("for=19(2"), NOTHING},
    };
    CHECK_ROWS(rows);
}

/* A proxy appends to what its client sent. Wherever quotes began there, they do not reach over. */
static void what_a_client_wrote_cannot_swallow_what_comes_behind(struct rhb_test *t)
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
    };
    CHECK_ROWS(rows);
}

static void a_field_that_is_not_wanted_says_nothing(struct rhb_test *t)
{
    static const struct row forwarded_only[] = {
        {FORWARDED("for=192.0.2.1;proto=https") FOR("6.6.6.6") PROTO("http") XHOST("b") XPORT("1"),
         "192.0.2.1 0 https - 0"},
    };
    static const struct row without_host[] = {
        {FOR("192.0.2.1") XHOST("forged") XPORT("1"), "192.0.2.1 0 - - 0"},
        {FORWARDED("for=192.0.2.1"), NOTHING},
        {PROTO("https") FORWARDED("for=192.0.2.1"), "- 0 https - 0"},
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

static void whoever_is_not_allowed_says_nothing(struct rhb_test *t)
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

/* Anybody may speak, but that makes nobody a proxy whose name stands in a field. */
static void anybody_is_believed_for_one_hop(struct rhb_test *t)
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

static void other_fields_of_the_same_length_are_others(struct rhb_test *t)
{
    static const struct row rows[] = {
        {"X-Forwarded-Fox: 192.0.2.1\nForwardee: for=192.0.2.1\n", NOTHING},
        {"X-Forwarded-Hosu: a\nX-Forwarded-Poru: 1\nX-Forwarded-Protp: https\n", NOTHING},
        {"X_Forwarded_For: 192.0.2.1\nX-Forwarded_Host: a\n", NOTHING},
        {"Host: a\nTransfer-Encoding: x\n", NOTHING},
    };
    CHECK_ROWS(rows);
}

static void a_very_long_list_is_read_as_far_as_it_counts(struct rhb_test *t)
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
        RHB_CASE(the_rightmost_that_is_no_proxy_is_the_client),
        RHB_CASE(fields_that_come_twice_are_one_list),
        RHB_CASE(ports_of_clients),
        RHB_CASE(whoever_cannot_be_read_ends_the_list),
        RHB_CASE(nginx_calls_clients_of_its_unix_sockets_unix),
        RHB_CASE(schemes),
        RHB_CASE(hosts),
        RHB_CASE(ports_of_servers),
        RHB_CASE(lists_belong_to_the_hops),
        RHB_CASE(the_grammar_of_forwarded),
        RHB_CASE(what_a_client_wrote_cannot_swallow_what_comes_behind),
        RHB_CASE(x_forwarded_is_read_instead_of_forwarded),
        RHB_CASE(a_field_that_is_not_wanted_says_nothing),
        RHB_CASE(whoever_is_not_allowed_says_nothing),
        RHB_CASE(anybody_is_believed_for_one_hop),
        RHB_CASE(other_fields_of_the_same_length_are_others),
        RHB_CASE(a_very_long_list_is_read_as_far_as_it_counts),
        RHB_CASE(the_port_of_the_server),
    };
    return RHB_RUN(cases);
}
