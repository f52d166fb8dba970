/* The deadline of each state: which clients get a 408, which are only closed, and which are in
 * time. */
#include "loop_fixture.h"
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"

static void set_up_with(struct fixture *f, struct rhb_test *t, enum rhb_conn_state state)
{
    set_up(f, t);
    f->options.timeouts[state] = 30 * MS;
    start(f);
}

/* Waits until the coarse clock is beyond all deadlines, without polling the loop: as a worker that
 * is busy with a request. */
static void be_busy(const struct fixture *f)
{
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        while (!rhb_list_empty(&f->loop->parked[state]) && f->options.timeouts[state] <= 30 * MS &&
               first_parked(f, state)->deadline >= rhb_now_coarse())
            poll(NULL, 0, 1);
}

static void half_a_head_is_408(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_HEAD);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, "GET / HTTP/1.1\r\n");
        CHECK_INT(answer_to(&f, &c), 408);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    tear_down(&f);
}

static void half_a_head_on_a_kept_connection_is_408(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_HEAD);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET "GET / HTTP/1.1\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(answer_to(&f, &c), 408);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

/* Later bytes do not move the deadline of a head. */
static void the_deadline_of_a_head_runs_from_its_start(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    start(&f);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET /");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 5);
    uint64_t deadline = first_parked(&f, RHB_CONN_HEAD)->deadline;
    while (rhb_now_coarse() + f.options.timeouts[RHB_CONN_HEAD] == deadline)
        poll(NULL, 0, 1);
    client_send_text(&f, &c, "x");
    UNTIL(first_parked(&f, RHB_CONN_HEAD)->in.len == 6);
    CHECK(first_parked(&f, RHB_CONN_HEAD)->deadline == deadline);
    client_close(&c);
    tear_down(&f);
}

static void half_a_body_is_408(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_BODY);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, POST "hel");
        CHECK_INT(answer_to(&f, &c), 408);
        CHECK(ends_well(&f, &c));
        client_close(&c);
    }
    tear_down(&f);
}

/* The deadline of a body is between two of its bytes. */
static void each_part_of_a_body_moves_its_deadline(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    start(&f);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, POST);
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    uint64_t deadline = first_parked(&f, RHB_CONN_BODY)->deadline;
    while (rhb_now_coarse() + f.options.timeouts[RHB_CONN_BODY] == deadline)
        poll(NULL, 0, 1);
    client_send_text(&f, &c, "x");
    UNTIL(first_parked(&f, RHB_CONN_BODY)->deadline > deadline);
    client_close(&c);
    tear_down(&f);
}

static void the_first_byte_of_a_silent_client_starts_its_deadline_anew(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    UNTIL(parked(&f, RHB_CONN_FRESH) == 1);
    uint64_t deadline = first_parked(&f, RHB_CONN_FRESH)->deadline;
    while (rhb_now_coarse() + f.options.timeouts[RHB_CONN_HEAD] == deadline)
        poll(NULL, 0, 1);
    client_send_text(&f, &c, "G");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1);
    CHECK(first_parked(&f, RHB_CONN_HEAD)->deadline > deadline);
    client_close(&c);
    tear_down(&f);
}

static void a_silent_client_is_closed_without_a_response(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_FRESH);
    struct client c = client_new(&f, BY_TCP);
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.got.len, 0);
    client_close(&c);
    tear_down(&f);
}

static void an_idle_client_is_closed_without_a_response(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_IDLE);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.got.len, 0);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_does_not_read_is_lost_to_its_owner(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_SEND);
    f.padding = 8 << 20;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    UNTIL(f.lost == 1);
    CHECK_INT(f.loop->open, 0);
    CHECK(client_sees_end(&c) && c.reset && c.got.len < f.padding);
    client_close(&c);
    tear_down(&f);
}

static void a_lingering_client_that_does_not_close_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_LINGER);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "bad\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 400);
    UNTIL(parked(&f, RHB_CONN_LINGER) == 1);
    UNTIL(f.loop->open == 0);
    client_close(&c);
    tear_down(&f);
}

static void the_earliest_deadline_of_all_states_comes_first(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_BODY] = 20 * MS;
    f.options.timeouts[RHB_CONN_HEAD] = 300 * MS;
    start(&f);
    struct client head = client_new(&f, BY_UNIX), body = client_new(&f, BY_UNIX);
    client_send_text(&f, &head, "GET");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 3);
    client_send_text(&f, &body, POST);
    CHECK_INT(answer_to(&f, &body), 408);
    CHECK_INT(answer_to(&f, &head), 408);
    client_close(&head);
    client_close(&body);
    tear_down(&f);
}

/* ---- a worker that was busy beyond the deadline of a client that was in time ---- */

static void a_head_that_came_while_the_worker_was_busy_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_HEAD);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\n");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 16);
    client_send_text(&f, &c, "Host: a\r\n\r\n");
    be_busy(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void a_body_that_came_while_the_worker_was_busy_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_BODY);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, POST);
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_send_text(&f, &c, "hello");
    be_busy(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void a_request_that_came_while_the_worker_was_busy_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_IDLE);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    client_send_text(&f, &c, GET);
    be_busy(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_read_while_the_worker_was_busy_is_not_lost(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_SEND);
    f.padding = 2 << 20;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    client_has_answer(&c);
    be_busy(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(f.lost, 0);
    client_close(&c);
    tear_down(&f);
}

static void bytes_that_complete_nothing_do_not_save_a_late_head(struct rhb_test *t)
{
    struct fixture f;
    set_up_with(&f, t, RHB_CONN_HEAD);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\n");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 16);
    client_send_text(&f, &c, "Host");
    be_busy(&f);
    CHECK_INT(answer_to(&f, &c), 408);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(half_a_head_is_408),
        RHB_CASE(half_a_head_on_a_kept_connection_is_408),
        RHB_CASE(the_deadline_of_a_head_runs_from_its_start),
        RHB_CASE(half_a_body_is_408),
        RHB_CASE(each_part_of_a_body_moves_its_deadline),
        RHB_CASE(the_first_byte_of_a_silent_client_starts_its_deadline_anew),
        RHB_CASE(a_silent_client_is_closed_without_a_response),
        RHB_CASE(an_idle_client_is_closed_without_a_response),
        RHB_CASE(a_client_that_does_not_read_is_lost_to_its_owner),
        RHB_CASE(a_lingering_client_that_does_not_close_is_closed),
        RHB_CASE(the_earliest_deadline_of_all_states_comes_first),
        RHB_CASE(a_head_that_came_while_the_worker_was_busy_is_served),
        RHB_CASE(a_body_that_came_while_the_worker_was_busy_is_served),
        RHB_CASE(a_request_that_came_while_the_worker_was_busy_is_served),
        RHB_CASE(a_client_that_read_while_the_worker_was_busy_is_not_lost),
        RHB_CASE(bytes_that_complete_nothing_do_not_save_a_late_head),
    };
    return RHB_RUN(cases);
}
