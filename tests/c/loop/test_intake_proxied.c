/* csrc/loop/intake.c: connections that begin with a PROXY header. */
#include "http/proxy_protocol.h"
#include "loop_fixture.h"
#include <poll.h>
#include <unistd.h>

#define LINE "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"
#define BINARY                                                                                     \
    "\r\n\r\n\0\r\nQUIT\n"                                                                         \
    "\x21\x11\0\x0c\xc0\0\x02\x01\x0a\0\0\x01\x12\x67\0\x50"
#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define BYTES(text) text, sizeof(text) - 1

/* From every peer, unless `allowed` limits them. */
static void set_up_proxied(struct fixture *f, struct rhb_test *t)
{
    set_up(f, t);
    f->options.proxy_versions = RHB_PROXY_V1 | RHB_PROXY_V2;
    f->options.proxy_allowed.anybody = true;
}

static void start_proxied(struct fixture *f, struct rhb_test *t)
{
    set_up_proxied(f, t);
    start(f);
    f->holds = true;
}

static void check_peer(struct fixture *f, const char *address, uint16_t port)
{
    struct rhb_test *t = f->t;
    char text[RHB_PEER_TEXT];
    CHECK_STR(text, rhb_peer_text(&f->held->peer, text), address);
    CHECK_INT(f->held->peer.port, port);
}

/* Takes the request that was held, as one from 192.0.2.1:4711. */
static void check_served(struct fixture *f, struct client *c)
{
    struct rhb_test *t = f->t;
    check_peer(f, "192.0.2.1", 4711);
    answer(f, f->held);
    CHECK_INT(answer_to(f, c), 200);
    CHECK_STR(c->body, c->body_len, "GET /a 0");
}

static void the_peer_is_the_client_of_the_header(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client line = client_new(&f, by), binary = client_new(&f, by);
        client_send(&f, &line, BYTES(LINE GET));
        UNTIL(f.held != NULL);
        check_served(&f, &line);
        client_send(&f, &binary, BYTES(BINARY GET));
        UNTIL(f.held != NULL);
        check_served(&f, &binary);
        client_close(&line);
        client_close(&binary);
    }
    tear_down(&f);
}

static void it_stays_so_for_all_requests_of_the_connection(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send(&f, &c, BYTES(LINE GET GET));
    for (int i = 0; i < 3; i++) {
        UNTIL(f.held != NULL);
        check_served(&f, &c);
        if (i == 1)
            client_send_text(&f, &c, GET);
    }
    client_close(&c);
    tear_down(&f);
}

static void header_and_request_may_be_cut_anywhere(struct rhb_test *t)
{
    static const char *const whole[] = {LINE GET, BINARY GET};
    static const size_t sizes[] = {sizeof(LINE GET) - 1, sizeof(BINARY GET) - 1};
    struct fixture f;
    start_proxied(&f, t);
    for (int which = 0; which < 2; which++)
        for (size_t cut = 1; cut < sizes[which]; cut++) {
            struct client c = client_new(&f, (int)(cut % LISTENERS));
            client_send(&f, &c, whole[which], cut);
            poll_until_idle(&f);
            client_send(&f, &c, whole[which] + cut, sizes[which] - cut);
            UNTIL(f.held != NULL);
            check_served(&f, &c);
            client_close(&c);
            UNTIL(f.loop->open == 0);
        }
    tear_down(&f);
}

static void header_and_request_may_come_byte_by_byte(struct rhb_test *t)
{
    static const char whole[] = BINARY GET;
    struct fixture f;
    start_proxied(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        for (size_t i = 0; i < sizeof whole - 1; i++) {
            client_send(&f, &c, whole + i, 1);
            poll_until_idle(&f);
        }
        UNTIL(f.held != NULL);
        check_served(&f, &c);
        client_close(&c);
    }
    tear_down(&f);
}

static void a_header_alone_waits_for_its_request_without_memory(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "PROXY TCP4 192.0.2.1");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len > 0);
    client_send_text(&f, &c, " 10.0.0.1 4711 80\r\n");
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    CHECK_INT(first_parked(&f, RHB_CONN_FRESH)->in.cap, 0);
    poll_until_idle(&f);
    client_send_text(&f, &c, GET);
    UNTIL(f.held != NULL);
    check_served(&f, &c);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_leaves_behind_its_header_is_noticed(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client early = client_new(&f, by), late = client_new(&f, by);
        client_send_text(&f, &early, LINE);
        client_shut(&early);
        CHECK(ends_well(&f, &early));
        client_send_text(&f, &late, "PROXY");
        poll_until_idle(&f);
        client_send_text(&f, &late, " TCP4 192.0.2.1 10.0.0.1 4711 80\r\n");
        client_shut(&late);
        CHECK(ends_well(&f, &late));
        client_close(&early);
        client_close(&late);
    }
    CHECK_INT(f.requests, 0);
    tear_down(&f);
}

static void a_missing_header_is_refused(struct rhb_test *t)
{
    static const char *const instead[] = {GET, "\r\n" GET, "PROXY TCP4 nonsense\r\n" GET,
                                          "\x16\x03\x01\x02", LINE LINE GET};
    struct fixture f;
    start_proxied(&f, t);
    for (size_t i = 0; i < sizeof instead / sizeof *instead; i++) {
        struct client c = client_new(&f, BY_TCP);
        client_send_text(&f, &c, instead[i]);
        CHECK_INT(answer_to(&f, &c), 400);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    CHECK_INT(f.requests, 0);
    tear_down(&f);
}

static void headers_without_a_client_leave_the_peer_unchanged(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "PROXY UNKNOWN\r\n" GET);
    UNTIL(f.held != NULL);
    CHECK_INT(f.held->peer.family, AF_INET);
    CHECK_INT(ntohl(f.held->peer.address.v4.s_addr), INADDR_LOOPBACK);
    answer(&f, f.held);
    client_close(&c);
    tear_down(&f);
}

static void peers_that_are_not_allowed_must_not_send_a_header(struct rhb_test *t)
{
    struct fixture f;
    set_up_proxied(&f, t);
    f.options.proxy_allowed = (struct rhb_allowed_peers){.unix_sockets = true};
    start(&f);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    for (int binary = 0; binary < 2; binary++) {
        c = client_new(&f, BY_TCP);
        if (binary)
            client_send(&f, &c, BYTES(BINARY GET));
        else
            client_send_text(&f, &c, LINE GET);
        CHECK_INT(answer_to(&f, &c), 400);
        client_close(&c);
    }
    c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 400);
    client_close(&c);
    tear_down(&f);
}

static void half_a_header_is_late_as_half_a_head_is(struct rhb_test *t)
{
    struct fixture f;
    set_up_proxied(&f, t);
    f.options.timeouts[RHB_CONN_FRESH] = f.options.timeouts[RHB_CONN_HEAD] = 20 * MS;
    start(&f);
    struct client half = client_new(&f, BY_UNIX), silent = client_new(&f, BY_UNIX),
                  header = client_new(&f, BY_UNIX);
    client_send_text(&f, &half, "PROXY TC");
    client_send_text(&f, &header, LINE);
    CHECK_INT(answer_to(&f, &half), 408);
    CHECK(ends_well(&f, &silent));
    CHECK_INT(silent.got.len, 0);
    CHECK(ends_well(&f, &header));
    CHECK_INT(header.got.len, 0);
    client_close(&half);
    client_close(&silent);
    client_close(&header);
    tear_down(&f);
}

/* As on a connection without a PROXY header. */
static void
a_head_that_begins_behind_the_last_piece_of_a_header_has_its_own_time(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "PROXY ");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1);
    uint64_t deadline = first_parked(&f, RHB_CONN_HEAD)->deadline;
    while (rhb_now_coarse() + f.options.timeouts[RHB_CONN_HEAD] == deadline)
        poll(NULL, 0, 1);
    client_send_text(&f, &c, &(LINE "GET /")[6]);
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 &&
          first_parked(&f, RHB_CONN_HEAD)->expected == RHB_EXPECT_HEAD);
    CHECK(first_parked(&f, RHB_CONN_HEAD)->deadline > deadline);
    client_close(&c);
    tear_down(&f);
}

static void a_silent_connection_is_waited_for_when_stopping(struct rhb_test *t)
{
    struct fixture f;
    start_proxied(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    rhb_loop_stop(f.loop);
    client_send_text(&f, &c, LINE);
    poll_until_idle(&f);
    client_send_text(&f, &c, GET);
    UNTIL(f.held != NULL);
    check_peer(&f, "192.0.2.1", 4711);
    answer(&f, f.held);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(!c.kept);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_peer_is_the_client_of_the_header),
        RHB_CASE(it_stays_so_for_all_requests_of_the_connection),
        RHB_CASE(header_and_request_may_be_cut_anywhere),
        RHB_CASE(header_and_request_may_come_byte_by_byte),
        RHB_CASE(a_header_alone_waits_for_its_request_without_memory),
        RHB_CASE(a_client_that_leaves_behind_its_header_is_noticed),
        RHB_CASE(a_missing_header_is_refused),
        RHB_CASE(headers_without_a_client_leave_the_peer_unchanged),
        RHB_CASE(peers_that_are_not_allowed_must_not_send_a_header),
        RHB_CASE(half_a_header_is_late_as_half_a_head_is),
        RHB_CASE(a_head_that_begins_behind_the_last_piece_of_a_header_has_its_own_time),
        RHB_CASE(a_silent_connection_is_waited_for_when_stopping),
    };
    return RHB_RUN(cases);
}
