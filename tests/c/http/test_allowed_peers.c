/* csrc/http/allowed_peers.c: which peers are listed. */
#include "harness.h"
#include "http/allowed_peers.h"

/* 10.0.0.0/8, 192.0.2.1, 2001:db8::/33 */
static const struct rhb_network networks[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 10}, 96 + 8},
    {{[10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1}, 128},
    {{0x20, 0x01, 0x0d, 0xb8}, 33},
};

static const struct rhb_allowed_peers list = {.networks = networks,
                                              .n_networks = sizeof networks / sizeof *networks};

static struct rhb_peer peer(const char *text)
{
    struct rhb_peer read = {0};
    rhb_peer_read(&read, text, strlen(text));
    return read;
}

static bool is_named(const char *text)
{
    struct rhb_peer read = peer(text);
    return rhb_peer_is_named(&list, &read);
}

static void an_address_is_itself(struct rhb_test *t)
{
    CHECK(is_named("192.0.2.1"));
    CHECK(!is_named("192.0.2.0"));
    CHECK(!is_named("192.0.2.3"));
}

static void a_network_is_all_that_begins_with_its_bits(struct rhb_test *t)
{
    CHECK(is_named("10.0.0.0"));
    CHECK(is_named("10.255.255.255"));
    CHECK(!is_named("11.0.0.0"));
    CHECK(!is_named("9.255.255.255"));
    CHECK(is_named("2001:db8::1"));
    CHECK(is_named("2001:db8:7fff::1"));
    CHECK(!is_named("2001:db8:8000::1"));
}

static void ipv4_inside_ipv6_is_ipv4(struct rhb_test *t)
{
    CHECK(is_named("::ffff:10.1.2.3"));
    CHECK(!is_named("::ffff:11.1.2.3"));
    CHECK(!is_named("::10.1.2.3"));
}

static void all_of_ipv4_is_not_all_of_ipv6(struct rhb_test *t)
{
    const struct rhb_network all = {{[10] = 0xff, [11] = 0xff}, 96};
    const struct rhb_allowed_peers everywhere = {.networks = &all, .n_networks = 1};
    struct rhb_peer v4 = peer("198.51.100.1"), v6 = peer("2001:db8::1");
    CHECK(rhb_peer_is_named(&everywhere, &v4));
    CHECK(!rhb_peer_is_named(&everywhere, &v6));
}

static void no_bits_are_every_address_and_no_unix_socket(struct rhb_test *t)
{
    const struct rhb_network all = {{0}, 0};
    const struct rhb_allowed_peers everywhere = {.networks = &all, .n_networks = 1};
    struct rhb_peer v4 = peer("198.51.100.1"), v6 = peer("2001:db8::1"), local = {0};
    CHECK(rhb_peer_is_named(&everywhere, &v4));
    CHECK(rhb_peer_is_named(&everywhere, &v6));
    CHECK(!rhb_peer_is_named(&everywhere, &local));
}

static void unix_sockets_of_this_machine_are_listed_separately(struct rhb_test *t)
{
    const struct rhb_allowed_peers unix_sockets = {.unix_sockets = true};
    struct rhb_peer local = {0}, elsewhere = {.family = AF_UNIX}, loopback = peer("127.0.0.1");
    CHECK(rhb_peer_is_named(&unix_sockets, &local));
    CHECK(!rhb_peer_is_named(&list, &local));
    CHECK(!rhb_peer_is_named(&unix_sockets, &elsewhere));
    CHECK(!rhb_peer_is_named(&unix_sockets, &loopback));
}

static void with_anybody_an_unlisted_peer_is_allowed(struct rhb_test *t)
{
    const struct rhb_allowed_peers anybody = {.anybody = true};
    struct rhb_peer v6 = peer("2001:db8::1"), local = {0};
    CHECK(rhb_peer_is_allowed(&anybody, &v6) && rhb_peer_is_allowed(&anybody, &local));
    CHECK(!rhb_peer_is_named(&anybody, &v6) && !rhb_peer_is_named(&anybody, &local));
    CHECK(!rhb_peer_is_allowed(&list, &local));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(an_address_is_itself),
        RHB_CASE(a_network_is_all_that_begins_with_its_bits),
        RHB_CASE(ipv4_inside_ipv6_is_ipv4),
        RHB_CASE(all_of_ipv4_is_not_all_of_ipv6),
        RHB_CASE(no_bits_are_every_address_and_no_unix_socket),
        RHB_CASE(unix_sockets_of_this_machine_are_listed_separately),
        RHB_CASE(with_anybody_an_unlisted_peer_is_allowed),
    };
    return RHB_RUN(cases);
}
