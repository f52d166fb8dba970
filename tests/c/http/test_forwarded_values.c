/* csrc/http/forwarded_node.c, forwarded_element.c: the values of single elements, as tables. */
#include "forwarded_fixture.h"

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

static void an_invalid_node_ends_the_list(struct rhb_test *t)
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

static void unix_is_the_node_that_nginx_writes_for_unix_sockets(struct rhb_test *t)
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

static void the_grammar_of_forwarded_is_read(struct rhb_test *t)
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

static void schemes_in_the_fields_of_gunicorn(struct rhb_test *t)
{
    static const struct row rows[] = {
        {SSL("on"), "- 0 https - 0"},
        {SSL("ON"), "- 0 https - 0"},
        {SSL("off"), "- 0 http - 0"},
        {SSL("https"), NOTHING},
        {SSL("1"), NOTHING},
        {SSL(""), NOTHING},
        {SSL("off, on"), "- 0 https - 0"},
        {SSL("off") SSL("on"), "- 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.2") SSL("on, off"), "192.0.2.1 0 https - 0"},
        {FOR("192.0.2.1, 10.0.0.3, 10.0.0.2") SSL("on, off"), "192.0.2.1 0 - - 0"},
        {PROTOCOL("ssl"), "- 0 https - 0"},
        {PROTOCOL("Ssl"), "- 0 https - 0"},
        {PROTOCOL("https"), "- 0 https - 0"},
        {PROTOCOL("http"), "- 0 http - 0"},
        {PROTOCOL("on"), NOTHING},
        {PROTO("ssl"), NOTHING},
    };
    CHECK_ROWS(rows);
}

static void schemes_that_do_not_agree_are_unknown(struct rhb_test *t)
{
    static const struct row rows[] = {
        {PROTO("https") SSL("on"), "- 0 https - 0"},
        {PROTO("http") SSL("off") PROTOCOL("http"), "- 0 http - 0"},
        {PROTO("https") SSL("on") PROTOCOL("ssl"), "- 0 https - 0"},
        {PROTO("http") SSL("on"), NOTHING},
        {PROTO("https") SSL("off"), NOTHING},
        {SSL("on") PROTO("http"), NOTHING},
        {SSL("on") PROTOCOL("http"), NOTHING},
        {PROTO("https") SSL("on") PROTOCOL("http"), NOTHING},
        {PROTO("http") SSL("on") PROTOCOL("ssl"), NOTHING},
        {PROTO("https") SSL("x"), NOTHING},
        {PROTO("x") SSL("on"), NOTHING},
        {PROTO("") SSL("on"), NOTHING},
        {FOR("192.0.2.1, 10.0.0.3, 10.0.0.2") PROTO("https, https") SSL("on"), "192.0.2.1 0 - - 0"},
        {PROTO("http") SSL("on") XHOST("a"), "- 0 - a 0"},
    };
    CHECK_ROWS(rows);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(ports_of_clients),
        RHB_CASE(an_invalid_node_ends_the_list),
        RHB_CASE(unix_is_the_node_that_nginx_writes_for_unix_sockets),
        RHB_CASE(schemes),
        RHB_CASE(schemes_in_the_fields_of_gunicorn),
        RHB_CASE(schemes_that_do_not_agree_are_unknown),
        RHB_CASE(hosts),
        RHB_CASE(ports_of_servers),
        RHB_CASE(the_grammar_of_forwarded_is_read),
    };
    return RHB_RUN(cases);
}
