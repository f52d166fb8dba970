/* csrc/base/peer.c: addresses as text, both ways; with every text at the end of readable memory. */
#include "base/peer.h"
#include "harness.h"
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

static void the_same_address_is_the_same_with_any_port(struct rhb_test *t)
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

static bool reads(const char *text, size_t len, struct rhb_peer *peer)
{
    struct rhb_guard guard = rhb_guard_new(64);
    bool read = rhb_peer_read(peer, rhb_guard_put(&guard, text, len), len);
    rhb_guard_free(&guard);
    return read;
}

static void addresses_read_back(struct rhb_test *t)
{
    static const char *const texts[] = {"0.0.0.0", "203.0.113.255", "::", "::1", "2001:db8::a:1"};
    char out[RHB_PEER_TEXT];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rhb_peer peer = {.port = 9};
        CHECK(reads(texts[i], strlen(texts[i]), &peer));
        CHECK_INT(peer.port, 0);
        CHECK_STR(out, rhb_peer_text(&peer, out), texts[i]);
    }
}

static void text_that_is_not_an_address_leaves_the_peer_unchanged(struct rhb_test *t)
{
    static const char *const texts[] = {"",
                                        "1",
                                        "1.2.3",
                                        "1.2.3.4.5",
                                        "1.2.3.256",
                                        "1.2.3.04",
                                        " 1.2.3.4",
                                        "1.2.3.4 ",
                                        "1.2.3.4:5",
                                        "[::1]",
                                        "::g",
                                        "::1%lo",
                                        "unknown",
                                        "localhost",
                                        "0x7f.0.0.1",
                                        "1111:2222:3333:4444:5555:6666:7777:8888:9999",
                                        "1111:2222:3333:4444:5555:6666:7777:8888 and so on and on"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct rhb_peer peer = {.port = 9};
        if (!CHECK(!reads(texts[i], strlen(texts[i]), &peer)))
            rhb_note(t, "%s", texts[i]);
        CHECK_INT(peer.port, 9);
    }
    struct rhb_peer peer;
    CHECK(!reads("1.2.3.4\0", 8, &peer));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(ipv4_peers_are_dotted_decimal),
        RHB_CASE(ipv6_peers_are_as_the_rfc_writes_them),
        RHB_CASE(ipv4_peers_of_an_ipv6_socket_are_ipv4),
        RHB_CASE(unix_peers_have_no_text),
        RHB_CASE(the_same_address_is_the_same_with_any_port),
        RHB_CASE(addresses_read_back),
        RHB_CASE(text_that_is_not_an_address_leaves_the_peer_unchanged),
    };
    return RHB_RUN(cases);
}
