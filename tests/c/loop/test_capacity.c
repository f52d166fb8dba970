/* csrc/loop/capacity.c: --max-connections, and which connection is closed for another one. */
#include "loop/capacity.h"
#include "loop_fixture.h"
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define KEEP "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define HALF "GET / HTTP/1.1\r\n"
#define REST "Host: a\r\nConnection: close\r\n\r\n"

static void set_up_with(struct fixture *f, struct rhb_test *t, uint32_t max_connections)
{
    set_up(f, t);
    f->options.max_connections = max_connections;
    start(f);
}

static struct client idle_client(struct fixture *f, size_t so_many)
{
    struct client c = client_new(f, BY_UNIX);
    struct rhb_test *t = f->t;
    client_send_text(f, &c, KEEP);
    CHECK_INT(answer_to(f, &c), 200);
    restart_timer(f);
    while (parked(f, RHB_CONN_IDLE) < so_many && step(f))
        ;
    return c;
}

static struct client half_a_head(struct fixture *f, size_t so_many)
{
    struct client c = client_new(f, BY_UNIX);
    client_send_text(f, &c, HALF);
    restart_timer(f);
    while (parked(f, RHB_CONN_HEAD) < so_many && step(f))
        ;
    return c;
}

static bool is_armed(const struct fixture *f)
{
    return f->loop->listeners[BY_UNIX].armed || f->loop->listeners[BY_TCP].armed;
}

static void at_the_limit_the_longest_idle_connection_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client first = idle_client(&f, 1), second = idle_client(&f, 2);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &first));
    CHECK(!client_sees_end(&second));
    CHECK_INT(f.loop->accept_again_at, 0);
    client_close(&first);
    client_close(&second);
    client_close(&c);
    tear_down(&f);
}

/* As if the connection had waited for so much longer. */
static void age(struct fixture *f, enum rhb_conn_state state, uint64_t by)
{
    first_parked(f, state)->deadline -= by;
}

static void at_the_limit_a_connection_that_has_been_silent_for_longer_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client idle = idle_client(&f, 1), silent = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    age(&f, RHB_CONN_FRESH, 2 * RHB_NS_PER_SECOND);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &silent));
    CHECK_INT(silent.got.len, 0);
    CHECK(!client_sees_end(&idle));
    client_close(&idle);
    client_close(&silent);
    client_close(&c);
    tear_down(&f);
}

static void an_idle_connection_is_closed_before_one_silent_for_less_time(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client idle = idle_client(&f, 1), silent = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    age(&f, RHB_CONN_FRESH, 2 * RHB_NS_PER_SECOND);
    age(&f, RHB_CONN_IDLE, 3 * RHB_NS_PER_SECOND);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &idle));
    CHECK(!client_sees_end(&silent));
    client_close(&idle);
    client_close(&silent);
    client_close(&c);
    tear_down(&f);
}

static void a_connection_that_has_just_been_accepted_is_not_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 1);
    struct client silent = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    uint64_t paused_until = f.loop->accept_again_at;
    UNTIL(f.loop->accept_again_at != paused_until);
    poll_until_idle(&f);
    CHECK(!client_sees_end(&silent));
    CHECK_INT(f.requests, 0);
    client_send_text(&f, &silent, GET);
    CHECK_INT(answer_to(&f, &silent), 200);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&silent);
    client_close(&c);
    tear_down(&f);
}

/* So the wake-up for the next connection goes to another worker. */
static void the_listeners_leave_epoll_when_the_limit_is_reached(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client one = half_a_head(&f, 1), two = client_new(&f, BY_UNIX);
    CHECK(is_armed(&f));
    f.holds = true;
    client_send_text(&f, &two, GET);
    UNTIL(f.held != NULL); /* and the loop has done nothing else since it accepted */
    CHECK(!is_armed(&f));
    answer(&f, f.held);
    UNTIL(is_armed(&f));
    client_close(&one);
    client_close(&two);
    tear_down(&f);
}

static void without_an_idle_connection_accepting_pauses_until_one_ends(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client one = half_a_head(&f, 1), two = half_a_head(&f, 2), c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    CHECK(f.loop->accept_again_at != 0);
    CHECK_INT(f.loop->open, 2);
    f.loop->accept_again_at =
        rhb_now_coarse() + 60 * RHB_NS_PER_SECOND; /* not at the end of the pause */
    client_send_text(&f, &one, REST);
    CHECK_INT(answer_to(&f, &one), 200);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&one);
    client_close(&two);
    client_close(&c);
    tear_down(&f);
}

static void without_an_idle_connection_accepting_pauses_until_one_is_idle(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 1);
    struct client one = half_a_head(&f, 1), c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    client_send_text(&f, &one, "Host: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &one), 200);
    CHECK(one.kept);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &one));
    client_close(&one);
    client_close(&c);
    tear_down(&f);
}

static void a_pause_does_not_keep_the_worker_awake(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 1);
    struct client one = half_a_head(&f, 1), c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    uint64_t tick = f.loop->tick_at;
    unsigned waits = f.waits;
    UNTIL(f.loop->tick_at > tick);
    UNTIL(f.loop->tick_at > tick + RHB_NS_PER_SECOND / 2);
    CHECK(f.waits - waits < 40);
    CHECK(!is_armed(&f));
    client_close(&one);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

/* The loop has not seen its bytes yet. */
static void an_idle_connection_whose_request_has_arrived_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 2);
    struct client first = idle_client(&f, 1), second = idle_client(&f, 2);
    poll_until_idle(&f);
    client_send_text(&f, &first, KEEP);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(answer_to(&f, &first), 200);
    CHECK(ends_well(&f, &second));
    client_close(&first);
    client_close(&second);
    client_close(&c);
    tear_down(&f);
}

static void no_connection_is_closed_when_the_queue_is_empty(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 1);
    struct client idle = idle_client(&f, 1);
    poll_until_idle(&f);
    for (int i = 0; i < LISTENERS; i++)
        f.loop->listeners[i].ready = true; /* as once a second */
    poll_until_idle(&f);
    CHECK(!f.loop->listeners[BY_UNIX].ready && !f.loop->listeners[BY_TCP].ready);
    CHECK(!client_sees_end(&idle));
    client_close(&idle);
    tear_down(&f);
}

/* They must be served, and no others are accepted after them. */
static void in_a_final_stop_the_queue_is_served_beyond_the_limit(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, 1);
    struct client one = half_a_head(&f, 1), c = client_new(&f, BY_TCP), d = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    client_send_text(&f, &d, GET);
    poll_until_idle(&f);
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(answer_to(&f, &d), 200);
    client_close(&one);
    client_close(&c);
    client_close(&d);
    tear_down(&f);
}

static void without_a_limit_all_are_accepted(struct rhb_test *t)
{
    enum { CLIENTS = 50 };
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_with(&f, t, 0);
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] = half_a_head(&f, i + 1);
    CHECK_INT(f.loop->open, CLIENTS);
    CHECK(is_armed(&f) && !rhb_capacity_is_full(f.loop));
    for (size_t i = 0; i < CLIENTS; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(at_the_limit_the_longest_idle_connection_is_closed),
        RHB_CASE(at_the_limit_a_connection_that_has_been_silent_for_longer_is_closed),
        RHB_CASE(an_idle_connection_is_closed_before_one_silent_for_less_time),
        RHB_CASE(a_connection_that_has_just_been_accepted_is_not_closed),
        RHB_CASE(the_listeners_leave_epoll_when_the_limit_is_reached),
        RHB_CASE(without_an_idle_connection_accepting_pauses_until_one_ends),
        RHB_CASE(without_an_idle_connection_accepting_pauses_until_one_is_idle),
        RHB_CASE(a_pause_does_not_keep_the_worker_awake),
        RHB_CASE(an_idle_connection_whose_request_has_arrived_is_served),
        RHB_CASE(no_connection_is_closed_when_the_queue_is_empty),
        RHB_CASE(in_a_final_stop_the_queue_is_served_beyond_the_limit),
        RHB_CASE(without_a_limit_all_are_accepted),
    };
    return RHB_RUN(cases);
}
