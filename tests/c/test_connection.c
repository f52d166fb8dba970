/* csrc/connection.c: peers as text, and what a connection holds. */
#include "connection.h"
#include "harness.h"
#include "live.h"
#include <arpa/inet.h>
#include <stdlib.h>

static struct rhb_peer peer_of(uint8_t family, const char *text)
{
    struct rhb_peer peer = {.family = family};
    if (inet_pton(family, text, &peer.address) != 1)
        abort();
    return peer;
}

static void ipv4_peers_are_dotted_decimal(struct rhb_test *t)
{
    static const char *const texts[] = {"0.0.0.0", "127.0.0.1", "9.10.99.100", "255.255.255.255",
                                        "1.20.199.200"};
    char out[RHB_PEER_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rhb_peer peer = peer_of(AF_INET, texts[i]);
        size_t len = rhb_peer_text(&peer, out);
        CHECK_STR(out, len, texts[i]);
    }
}

static void ipv6_peers_are_as_the_rfc_writes_them(struct rhb_test *t)
{
    static const char *const texts[] = {"::", "::1", "2001:db8::a:1",
                                        "1111:2222:3333:4444:5555:6666:7777:8888"};
    char out[RHB_PEER_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rhb_peer peer = peer_of(AF_INET6, texts[i]);
        size_t len = rhb_peer_text(&peer, out);
        CHECK_STR(out, len, texts[i]);
    }
}

static void ipv4_peers_of_an_ipv6_socket_are_ipv4(struct rhb_test *t)
{
    char out[RHB_PEER_TEXT];
    struct rhb_peer peer = peer_of(AF_INET6, "::ffff:192.0.2.33");
    size_t len = rhb_peer_text(&peer, out);
    CHECK_STR(out, len, "192.0.2.33");
}

static void unix_peers_have_no_text(struct rhb_test *t)
{
    char out[RHB_PEER_TEXT];
    struct rhb_peer peer = {0};
    CHECK_INT(rhb_peer_text(&peer, out), 0);
}

static void the_same_host_is_the_same_whatever_its_port(struct rhb_test *t)
{
    struct rhb_peer one = peer_of(AF_INET, "192.0.2.1"), other = one;
    other.port = 99;
    CHECK(rhb_peer_same_address(&one, &other));
    other = peer_of(AF_INET, "192.0.2.2");
    CHECK(!rhb_peer_same_address(&one, &other));
    one = peer_of(AF_INET6, "2001:db8::1");
    CHECK(!rhb_peer_same_address(&one, &other));
    other = one;
    CHECK(rhb_peer_same_address(&one, &other));
    other = peer_of(AF_INET6, "2001:db8::2");
    CHECK(!rhb_peer_same_address(&one, &other));
    CHECK(rhb_peer_same_address(&(struct rhb_peer){0}, &(struct rhb_peer){0}));
}

static void dropping_what_arrives_frees_its_body(struct rhb_test *t)
{
    struct rhb_conn conn = {.incoming = calloc(1, sizeof *conn.incoming)};
    RHB_LIVE_BORN(RHB_LIVE_INCOMING);
    rhb_body_init(&conn.incoming->body, 0, 100);
    CHECK_INT(rhb_body_append(&conn.incoming->body, "hello", 5), RHB_BODY_OK);
    rhb_conn_drop_incoming(&conn);
    CHECK(conn.incoming == NULL);
    rhb_conn_drop_incoming(&conn);
    CHECK_INT(rhb_live_count(RHB_LIVE_INCOMING), 0);
    CHECK_INT(rhb_live_count(RHB_LIVE_BODY), 0);
}

static void dropping_the_input_forgets_what_was_seen_of_it(struct rhb_test *t)
{
    struct rhb_conn conn = {.head_seen = 3};
    CHECK(rhb_bytes_append(&conn.in, "GET", 3));
    rhb_conn_drop_input(&conn);
    CHECK(conn.in.data == NULL && conn.in.len == 0);
    CHECK_INT(conn.head_seen, 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(ipv4_peers_are_dotted_decimal),
        RHB_CASE(ipv6_peers_are_as_the_rfc_writes_them),
        RHB_CASE(ipv4_peers_of_an_ipv6_socket_are_ipv4),
        RHB_CASE(unix_peers_have_no_text),
        RHB_CASE(the_same_host_is_the_same_whatever_its_port),
        RHB_CASE(dropping_what_arrives_frees_its_body),
        RHB_CASE(dropping_the_input_forgets_what_was_seen_of_it),
    };
    return RHB_RUN(cases);
}
