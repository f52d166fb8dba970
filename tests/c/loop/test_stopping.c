/* csrc/loop/stopping.c: no new connections, all others to the end, and idle ones for a short time.
 */
#include "loop_fixture.h"
#include <stdlib.h>
#include <sys/resource.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void without_connections_the_loop_is_drained_at_once(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    poll_until_idle(&f);
    unsigned waits = f.waits;
    rhb_loop_stop(f.loop);
    f.must_wait = false;
    UNTIL(f.drained > 0);
    CHECK_INT(f.waits, waits);
    tear_down(&f);
}

static void idle_connections_are_closed_after_a_second(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    rhb_loop_stop(f.loop);
    CHECK_INT(parked(&f, RHB_CONN_IDLE), 1);
    CHECK(first_parked(&f, RHB_CONN_IDLE)->deadline <= rhb_now_coarse() + RHB_NS_PER_SECOND);
    CHECK(ends_well(&f, &c));
    UNTIL(f.drained > 0);
    client_close(&c);
    tear_down(&f);
}

static void a_kept_connection_gets_one_more_response_with_close(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(c.kept);
    rhb_loop_stop(f.loop);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(!c.kept);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

static void requests_in_progress_are_finished(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client head = client_new(&f, BY_UNIX), body = client_new(&f, BY_UNIX);
    client_send_text(&f, &head, "GET / HTTP/1.1\r\n");
    client_send_text(&f, &body, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && parked(&f, RHB_CONN_BODY) == 1);
    poll_until_idle(&f);
    rhb_loop_stop(f.loop);
    poll_until_idle(&f);
    client_send_text(&f, &head, "Host: a\r\n\r\n");
    client_send_text(&f, &body, "k");
    CHECK_INT(answer_to(&f, &head), 200);
    CHECK(!head.kept);
    CHECK_INT(answer_to(&f, &body), 200);
    CHECK(!body.kept);
    CHECK_INT(f.drained, 0);
    client_close(&head);
    client_close(&body);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

static void a_suspended_response_is_finished(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 4 << 20;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    rhb_loop_stop(f.loop);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(c.body_len, f.padding + 7);
    client_close(&c);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

/* Only this worker may have been woken for it. */
static void one_connection_of_each_listener_is_still_accepted(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client clients[4];
    for (int i = 0; i < 4; i++) {
        clients[i] = client_new(&f, i % LISTENERS);
        client_send_text(&f, &clients[i], GET);
    }
    rhb_loop_stop(f.loop);
    for (int i = 0; i < LISTENERS; i++) {
        CHECK_INT(answer_to(&f, &clients[i]), 200);
        CHECK(!clients[i].kept);
        client_close(&clients[i]);
    }
    UNTIL(f.drained > 0);
    CHECK_INT(f.requests, 2);
    client_close(&clients[2]);
    client_close(&clients[3]);
    tear_down(&f);
}

static void a_silent_connection_is_closed_as_an_idle_one(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    rhb_loop_stop(f.loop);
    CHECK_INT(parked(&f, RHB_CONN_IDLE), 1);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void a_silent_connection_that_was_accepted_last_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    rhb_loop_stop(f.loop);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void a_silent_connection_in_its_grace_wait_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(f.loop->in_grace != NULL);
    rhb_loop_stop(f.loop);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void a_silent_connection_that_sends_in_time_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    rhb_loop_stop(f.loop);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void it_is_served_in_time_without_keep_alive_too(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.keep_alive = false;
    f.options.timeouts[RHB_CONN_IDLE] = 0;
    start(&f);
    struct client c = client_new(&f, BY_UNIX);
    rhb_loop_stop(f.loop);
    UNTIL(f.loop->registered == 1);
    poll_until_idle(&f);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

/* Otherwise the list of idle connections would not be in the order of its deadlines. */
static void it_is_served_in_time_with_a_short_keep_alive_too(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_IDLE] = 100 * MS;
    start(&f);
    struct client first = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    struct client last = client_new(&f, BY_UNIX);
    rhb_loop_stop(f.loop);
    f.must_wait = false;
    UNTIL(parked(&f, RHB_CONN_IDLE) == 2);
    struct rhb_link *head = &f.loop->parked[RHB_CONN_IDLE];
    CHECK(((struct rhb_conn *)head->next)->deadline <= ((struct rhb_conn *)head->prev)->deadline);
    client_close(&first);
    client_close(&last);
    tear_down(&f);
}

/* A pause that never ends would make every wait short. */
static void a_last_accept_without_a_descriptor_does_not_pause(struct rhb_test *t)
{
    struct fixture f;
    struct rlimit limit, none;
    set_up_and_start(&f, t);
    struct client busy = client_new(&f, BY_UNIX), c = client_new(&f, BY_UNIX);
    client_send_text(&f, &busy, "GET");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 3);
    rhb_loop_stop(f.loop);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = limit;
    none.rlim_cur = (rlim_t)c.fd;
    setrlimit(RLIMIT_NOFILE, &none);
    poll_until_idle(&f);
    setrlimit(RLIMIT_NOFILE, &limit);
    CHECK(!f.loop->listeners[BY_UNIX].ready);
    CHECK_INT(f.loop->accept_again_at, 0);
    client_close(&busy);
    client_close(&c);
    tear_down(&f);
}

static void stopping_twice_is_stopping_once(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    rhb_loop_stop(f.loop);
    uint64_t deadline = first_parked(&f, RHB_CONN_IDLE)->deadline;
    poll_until_idle(&f);
    rhb_loop_stop(f.loop);
    CHECK(first_parked(&f, RHB_CONN_IDLE)->deadline == deadline);
    client_close(&c);
    tear_down(&f);
}

static void freeing_the_loop_closes_all_connections(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c[5];
    for (int i = 0; i < 5; i++)
        c[i] = client_new(&f, BY_UNIX);
    client_send_text(&f, &c[0], GET "GET");
    client_send_text(&f, &c[1], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
    client_send_text(&f, &c[2], "bad\r\n\r\n");
    client_send_text(&f, &c[3], GET);
    CHECK_INT(answer_to(&f, &c[3]), 200);
    UNTIL(f.loop->registered == 4);
    f.holds = true;
    client_send_text(&f, &c[3], "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no");
    poll_until_idle(&f);
    client_send_text(&f, &c[3], "k");
    UNTIL(f.held != NULL);
    f.held = NULL;
    rhb_loop_free(f.loop);
    for (int i = 0; i < 4; i++) {
        client_sees_end(&c[i]);
        CHECK(c[i].ended || c[i].reset);
    }
    for (int i = 0; i < 5; i++)
        client_close(&c[i]);
    start(&f);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(without_connections_the_loop_is_drained_at_once),
        RHB_CASE(idle_connections_are_closed_after_a_second),
        RHB_CASE(a_kept_connection_gets_one_more_response_with_close),
        RHB_CASE(requests_in_progress_are_finished),
        RHB_CASE(a_suspended_response_is_finished),
        RHB_CASE(one_connection_of_each_listener_is_still_accepted),
        RHB_CASE(a_silent_connection_is_closed_as_an_idle_one),
        RHB_CASE(a_silent_connection_that_was_accepted_last_is_closed),
        RHB_CASE(a_silent_connection_in_its_grace_wait_is_closed),
        RHB_CASE(a_silent_connection_that_sends_in_time_is_served),
        RHB_CASE(it_is_served_in_time_without_keep_alive_too),
        RHB_CASE(it_is_served_in_time_with_a_short_keep_alive_too),
        RHB_CASE(a_last_accept_without_a_descriptor_does_not_pause),
        RHB_CASE(stopping_twice_is_stopping_once),
        RHB_CASE(freeing_the_loop_closes_all_connections),
    };
    return RHB_RUN(cases);
}
