/* csrc/loop/body_turns.c: which large bodies are received, and that none waits for slow ones. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LARGE = 1000, LEN = 5000, CLIENTS = RHB_BODY_TURNS + 3 };

static struct timespec stands_at; /* the coarse clock, unless it goes */

/* In place of the C library's. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_MONOTONIC_COARSE || stands_at.tv_sec == 0)
        return (int)syscall(SYS_clock_gettime, clock, now);
    *now = stands_at;
    return 0;
}

static void start_with_turns(struct fixture *f, struct rhb_test *t)
{
    set_up(f, t);
    f->options.large_body = LARGE;
    start(f);
}

static size_t awaiting(const struct fixture *f)
{
    size_t count = 0;
    const struct rhb_link *head = &f->loop->awaiting_turn;
    for (const struct rhb_link *link = head->next; link != head; link = link->next)
        count++;
    return count;
}

static size_t receiving(const struct fixture *f)
{
    return parked(f, RHB_CONN_BODY);
}

/* Sends a head and that much of its body. */
static void begin(struct fixture *f, struct client *c, size_t len, size_t so_far)
{
    char head[128];
    char *body = pattern_new(len);
    snprintf(head, sizeof head, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", len);
    client_send_text(f, c, head);
    client_send(f, c, body, so_far);
    free(body);
}

static void go_on(struct fixture *f, struct client *c, size_t len, size_t from)
{
    char *body = pattern_new(len);
    client_send(f, c, body + from, len - from);
    free(body);
}

/* CLIENTS clients begin bodies of that length, and the loop has just seen the last of them. The
 * clock stands meanwhile, so that no turn lapses on a slow machine. */
static void crowd_in(struct fixture *f, struct client *clients, size_t len)
{
    struct rhb_test *t = f->t;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &stands_at);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(f, BY_UNIX);
        begin(f, &clients[i], len, 10);
    }
    restart_timer(f);
    while (receiving(f) + awaiting(f) < CLIENTS && step(f))
        ;
    stands_at.tv_sec = 0;
    CHECK_INT(receiving(f) + awaiting(f), CLIENTS);
}

static void start_with_crowd(struct fixture *f, struct client *clients, struct rhb_test *t)
{
    start_with_turns(f, t);
    crowd_in(f, clients, LEN);
}

static void check_answered(struct fixture *f, struct client *c, size_t len)
{
    struct rhb_test *t = f->t;
    char expected[64], *body = pattern_new(len);
    snprintf(expected, sizeof expected, "POST / %zu", len);
    CHECK_INT(answer_to(f, c), 200);
    CHECK_STR(c->body, c->body_len, expected);
    CHECK_MEM(f->body.data, f->body.len, body, len);
    free(body);
}

static void leave(struct client *clients, int n)
{
    for (int i = 0; i < n; i++)
        client_close(&clients[i]);
}

static void end_with_crowd(struct fixture *f, struct client *clients)
{
    leave(clients, CLIENTS);
    tear_down(f);
}

/* Turns that do not lapse while a slow machine runs the test. */
static void hold_turns(struct fixture *f)
{
    for (int i = 0; i < RHB_BODY_TURNS; i++)
        f->loop->body_turns[i].until = UINT64_MAX;
}

/* The first n bodies of the queue have waited for waited_ms; the others begin to wait in an hour.
 */
static void let_wait(struct fixture *f, int n, uint64_t waited_ms)
{
    uint64_t now = rhb_now_coarse();
    const struct rhb_link *head = &f->loop->awaiting_turn;
    for (const struct rhb_link *link = head->next; link != head; link = link->next)
        ((const struct rhb_conn *)link)->incoming->since =
            n-- > 0 ? now - waited_ms * MS : now + 3600000 * MS;
}

/* The loop asks epoll at least once, and there is always something. */
static void look_while_busy(struct fixture *f)
{
    struct rhb_test *t = f->t;
    struct client other = client_new(f, BY_UNIX);
    client_send_text(f, &other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(f, &other), 200);
    client_close(&other);
}

/* ---- cases ---- */

static void a_few_bodies_are_received_and_the_others_wait(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    CHECK_INT(receiving(&f), RHB_BODY_TURNS);
    end_with_crowd(&f, clients);
}

static void the_next_begins_when_one_is_complete(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    hold_turns(&f);
    go_on(&f, &clients[1], LEN, 10); /* it is there when epoll is asked: so that is not idle */
    const struct rhb_link *next = f.loop->awaiting_turn.next;
    UNTIL(f.requests == 1);
    CHECK_INT(awaiting(&f), CLIENTS - RHB_BODY_TURNS - 1);
    CHECK(next != f.loop->awaiting_turn.next);
    CHECK(((const struct rhb_conn *)next)->incoming->has_turn);
    check_answered(&f, &clients[1], LEN);
    end_with_crowd(&f, clients);
}

static void an_idle_loop_starts_all_bodies_one_by_one(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    hold_turns(&f);
    let_wait(&f, 0, 0);
    UNTIL(awaiting(&f) < CLIENTS - RHB_BODY_TURNS);
    CHECK_INT(awaiting(&f), CLIENTS - RHB_BODY_TURNS - 1);
    UNTIL(receiving(&f) == CLIENTS);
    for (int i = CLIENTS - 1; i >= 0; i--) {
        go_on(&f, &clients[i], LEN, 10);
        check_answered(&f, &clients[i], LEN);
    }
    CHECK_INT(f.requests, CLIENTS);
    end_with_crowd(&f, clients);
}

/* A flood of others leaves no idle moment. */
static void a_slow_body_ends_its_turn_after_a_time(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    struct client other = client_new(&f, BY_UNIX);
    uint64_t until = f.loop->body_turns[0].until;
    while (awaiting(&f) == CLIENTS - RHB_BODY_TURNS) {
        client_send_text(&f, &other, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if (!CHECK_INT(answer_to(&f, &other), 200) || !CHECK(rhb_now_coarse() < until + 5000 * MS))
            break;
    }
    CHECK(rhb_now_coarse() >= until);
    leave(clients, CLIENTS);
    client_close(&other);
    tear_down(&f);
}

static void a_body_whose_turn_has_ended_is_still_received(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    for (int i = 0; i < RHB_BODY_TURNS; i++)
        f.loop->body_turns[i].until = 1;
    go_on(&f, &clients[0], LEN, 10);
    check_answered(&f, &clients[0], LEN);
    go_on(&f, &clients[CLIENTS - 1], LEN, 10);
    check_answered(&f, &clients[CLIENTS - 1], LEN);
    end_with_crowd(&f, clients);
}

static void all_turns_that_have_ended_are_given_at_once(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    hold_turns(&f);
    let_wait(&f, 0, 0);
    f.loop->body_turns[1].until = f.loop->body_turns[2].until = 1;
    look_while_busy(&f);
    CHECK_INT(awaiting(&f), CLIENTS - RHB_BODY_TURNS - 2);
    end_with_crowd(&f, clients);
}

/* Also when the loop is busy and no turn ends. */
static void a_body_that_has_waited_long_begins(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    hold_turns(&f);
    let_wait(&f, 2, 1000);
    look_while_busy(&f);
    CHECK_INT(awaiting(&f), CLIENTS - RHB_BODY_TURNS - 2);
    end_with_crowd(&f, clients);
}

static void the_turn_of_a_closed_connection_goes_to_the_next_body(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    leave(clients, CLIENTS - 1); /* some of these wait for a turn */
    go_on(&f, &clients[CLIENTS - 1], LEN, 10);
    check_answered(&f, &clients[CLIENTS - 1], LEN);
    UNTIL(f.loop->open == 1);
    client_close(&clients[CLIENTS - 1]);
    tear_down(&f);
}

static void small_and_chunked_bodies_and_those_for_the_file_need_no_turn(struct rhb_test *t)
{
    static const size_t lengths[] = {LARGE - 1, LEN + 1, 0};
    for (int i = 0; i < 3; i++) {
        struct fixture f;
        struct client clients[CLIENTS];
        set_up(&f, t);
        f.options.large_body = LARGE;
        f.options.body_buffer = LEN;
        start(&f);
        if (lengths[i] > 0)
            crowd_in(&f, clients, lengths[i]);
        for (int j = 0; lengths[i] == 0 && j < CLIENTS; j++) {
            clients[j] = client_new(&f, BY_UNIX);
            client_send_text(
                &f, &clients[j],
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n999\r\n");
        }
        UNTIL(receiving(&f) + awaiting(&f) == CLIENTS);
        CHECK_INT(awaiting(&f), 0);
        end_with_crowd(&f, clients);
    }
}

static void the_time_limit_of_a_body_begins_with_its_turn(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    struct rhb_conn *waiting = (struct rhb_conn *)f.loop->awaiting_turn.next;
    waiting->incoming->since = 1;
    UNTIL(awaiting(&f) == 0);
    CHECK(waiting->incoming->since > 1);
    end_with_crowd(&f, clients);
}

static void a_loop_that_ends_while_some_wait_leaves_nothing(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    rhb_loop_free(f.loop);
    start(&f);
    end_with_crowd(&f, clients);
}

static void a_stopping_loop_receives_the_bodies_that_have_begun(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[CLIENTS];
    start_with_crowd(&f, clients, t);
    rhb_loop_stop(f.loop);
    for (int i = 0; i < CLIENTS; i++) {
        go_on(&f, &clients[i], LEN, 10);
        check_answered(&f, &clients[i], LEN);
        CHECK(!clients[i].kept);
    }
    leave(clients, CLIENTS);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_few_bodies_are_received_and_the_others_wait),
        RHB_CASE(the_next_begins_when_one_is_complete),
        RHB_CASE(an_idle_loop_starts_all_bodies_one_by_one),
        RHB_CASE(a_slow_body_ends_its_turn_after_a_time),
        RHB_CASE(a_body_whose_turn_has_ended_is_still_received),
        RHB_CASE(all_turns_that_have_ended_are_given_at_once),
        RHB_CASE(a_body_that_has_waited_long_begins),
        RHB_CASE(the_turn_of_a_closed_connection_goes_to_the_next_body),
        RHB_CASE(small_and_chunked_bodies_and_those_for_the_file_need_no_turn),
        RHB_CASE(the_time_limit_of_a_body_begins_with_its_turn),
        RHB_CASE(a_loop_that_ends_while_some_wait_leaves_nothing),
        RHB_CASE(a_stopping_loop_receives_the_bodies_that_have_begun),
    };
    return RHB_RUN(cases);
}
