/* csrc/loop/pace.c: clients that are slow but not silent. */
#include "loop/pace.h"
#include "loop_fixture.h"
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define LONG_POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"
#define CHUNKED_POST "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LONG_EXTENSION "1;eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\nx\r\n"

enum { FAST = 1000000000, SLOW = 1 };

static void set_up_with(struct fixture *f, struct rhb_test *t, enum rhb_conn_state state,
                        uint64_t min_rate)
{
    set_up(f, t);
    f->options.timeouts[state] = 100 * MS;
    f->options.min_rate = min_rate;
    start(f);
}

/* The client sends this repeatedly, until it is answered or the time has passed. */
static void trickle(struct fixture *f, struct client *c, const char *text, uint64_t duration)
{
    uint64_t until = rhb_now_coarse() + duration;
    while (!client_has_answer(c) && rhb_now_coarse() < until) {
        client_send_text(f, c, text);
        poll_until_idle(f);
    }
}

static void check_trickled_body(struct rhb_test *t, const char *post, const char *text)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_BODY, FAST);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, post);
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    uint64_t began = rhb_now_coarse();
    trickle(&f, &c, text, 10 * RHB_NS_PER_SECOND);
    CHECK(client_has_answer(&c)); /* before it fell silent */
    CHECK_INT(answer_to(&f, &c), 408);
    CHECK(rhb_now_coarse() - began > 90 * MS);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void a_body_that_comes_too_slowly_is_408(struct rhb_test *t)
{
    check_trickled_body(t, LONG_POST, "x");
}

/* The framing of chunks does not count as body. */
static void a_body_of_small_chunks_with_long_extensions_is_408(struct rhb_test *t)
{
    check_trickled_body(t, CHUNKED_POST, LONG_EXTENSION);
}

static void check_goes_on(struct rhb_test *t, uint64_t min_rate)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_BODY, min_rate);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, LONG_POST "1234567890");
    trickle(&f, &c, "x", 300 * MS);
    CHECK(!client_has_answer(&c));
    CHECK_INT(parked(&f, RHB_CONN_BODY), 1);
    client_close(&c);
    tear_down(&f);
}

static void a_body_that_comes_fast_enough_is_received(struct rhb_test *t)
{
    check_goes_on(t, SLOW);
}

static void without_a_rate_every_body_is_received(struct rhb_test *t)
{
    check_goes_on(t, 0);
}

/* Reads so many bytes. */
static void read_some(struct client *c, size_t len)
{
    char bytes[4096];
    while (len > 0) {
        ssize_t n = recv(c->fd, bytes, len < sizeof bytes ? len : sizeof bytes, 0);
        if (n <= 0)
            break;
        len -= (size_t)n;
    }
}

/* A client that reads, but too little for epoll to report EPOLLOUT. */
static void check_slow_reader(struct rhb_test *t, int by, size_t reads)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_SEND, SLOW);
    f.padding = 16 << 20;
    struct client c = client_new(&f, by);
    client_send_text(&f, &c, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    poll_until_idle(&f);
    for (int i = 0; i < 3; i++) {
        uint64_t deadline = first_parked(&f, RHB_CONN_SEND)->deadline;
        unsigned writable = f.writable;
        read_some(&c, reads);
        UNTIL(f.lost > 0 || f.writable > writable ||
              first_parked(&f, RHB_CONN_SEND)->deadline > deadline);
        if (!CHECK_INT(f.lost, 0))
            break;
    }
    UNTIL(f.lost > 0); /* now that it has stopped */
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_reads_slowly_over_tcp_is_not_lost(struct rhb_test *t)
{
    check_slow_reader(t, BY_TCP, 700000); /* a sixteenth of the client's buffer opens no window */
}

static void a_client_that_reads_slowly_over_a_unix_socket_is_not_lost(struct rhb_test *t)
{
    check_slow_reader(t, BY_UNIX, 70000);
}

static void a_client_that_reads_too_slowly_is_lost(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_SEND, FAST);
    f.padding = 16 << 20;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    poll_until_idle(&f);
    uint64_t deadline = first_parked(&f, RHB_CONN_SEND)->deadline;
    read_some(&c, 70000);
    UNTIL(f.lost > 0 || first_parked(&f, RHB_CONN_SEND)->deadline > deadline);
    CHECK_INT(f.lost, 1);
    client_close(&c);
    tear_down(&f);
}

/* Three years at two gigabytes a second. */
static void the_longest_time_at_the_highest_rate_does_not_overflow(struct rhb_test *t)
{
    struct fixture f;
    uint32_t unsent = 0;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_SEND] = 100000000 * RHB_NS_PER_SECOND;
    f.options.min_rate = INT32_MAX;
    start(&f);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    unsent = UINT32_MAX;
    CHECK(!rhb_response_moves(f.loop, first_parked(&f, RHB_CONN_FRESH)->fd, &unsent));
    CHECK_INT(unsent, 0);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_body_that_comes_too_slowly_is_408),
        RHB_CASE(a_body_of_small_chunks_with_long_extensions_is_408),
        RHB_CASE(a_body_that_comes_fast_enough_is_received),
        RHB_CASE(without_a_rate_every_body_is_received),
        RHB_CASE(a_client_that_reads_slowly_over_tcp_is_not_lost),
        RHB_CASE(a_client_that_reads_slowly_over_a_unix_socket_is_not_lost),
        RHB_CASE(a_client_that_reads_too_slowly_is_lost),
        RHB_CASE(the_longest_time_at_the_highest_rate_does_not_overflow),
    };
    return RHB_RUN(cases);
}
