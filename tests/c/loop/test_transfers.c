/* csrc/loop/transfers.c: the queues of the channel as the loop sees them. */
#define _GNU_SOURCE
#include "generation.h"
#include "loop/transfers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define HALF "GET /a HT"
#define HALF_2 "TP/1.1\r\nHost: a\r\n\r\n"
#define COUNT 5

/* A client whose connection is in this state in the worker, and the last there. */
static struct client come(struct generation *g, int worker, enum rhb_conn_state state)
{
    struct rhb_test *t = g->f[0].t;
    struct fixture *f = &g->f[worker];
    struct client c = client_new(f, BY_TCP);
    size_t before = parked(f, state);
    if (state == RHB_CONN_HEAD)
        client_send_text(f, &c, HALF);
    if (state == RHB_CONN_IDLE) {
        client_send_text(f, &c, GET);
        CHECK_INT(answer_to(f, &c), 200);
    }
    restart_timer(f);
    while (parked(f, state) == before && step(f))
        ;
    CHECK_INT(parked(f, state), before + 1);
    return c;
}

static struct rhb_conn *first(struct generation *g, int worker, enum rhb_conn_state state)
{
    return first_parked(&g->f[worker], state);
}

static void give(struct generation *g, int slot, struct rhb_conn *conn)
{
    struct rhb_test *t = g->f[0].t;
    uint64_t one = 1;
    rhb_count(&score_of(g, slot)->expected);
    rhb_count(&g->in_queues[1]);
    CHECK_INT(rhb_parcel_send(g->f[0].loop, conn, &g->surplus), RHB_PARCEL_OK);
    CHECK_INT(write(g->wake[slot], &one, sizeof one), sizeof one);
}

/* What epoll watches of the descriptor; 0: nothing. */
static unsigned watched(const struct rhb_loop *loop, int fd)
{
    char path[64], line[200];
    unsigned events = 0, mask;
    int watched_fd;
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", loop->epoll);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "tfd: %d events: %x", &watched_fd, &mask) == 2 && watched_fd == fd)
            events = mask;
    if (file != NULL)
        fclose(file);
    return events;
}

static rlim_t lowest_free(void)
{
    int fd = dup(0);
    close(fd);
    return (rlim_t)fd;
}

static void tick_now(struct generation *g, int worker)
{
    g->f[worker].loop->tick_at = 0;
    poll_until_idle(&g->f[worker]);
}

/* ---- requests that wait ---- */

static void a_request_of_the_queue_is_served(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = come(&g, 0, RHB_CONN_IDLE);
    client_send_text(&g.f[0], &c, GET);
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_IDLE));
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK_INT(score_of(&g, 1)->taken, 1);
    CHECK_INT(score_of(&g, 1)->received, 0);
    CHECK_INT(g.in_queues[0], 0);
    client_close(&c);
    generation_end(&g);
}

static void all_of_the_queue_is_served(struct rhb_test *t)
{
    struct generation g;
    struct client c[COUNT];
    generation_new(&g, t, NULL);
    for (int i = 0; i < COUNT; i++)
        c[i] = come(&g, 0, RHB_CONN_HEAD);
    for (int i = 0; i < COUNT; i++) {
        client_send_text(&g.f[0], &c[i], HALF_2);
        send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(answer_to(&g.f[1], &c[i]), 200);
        client_close(&c[i]);
    }
    CHECK_INT(score_of(&g, 1)->taken, COUNT);
    generation_end(&g);
}

static void one_message_wakes_one_worker(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    for (int i = 0; i < WORKERS; i++) {
        CHECK(watched(g.f[i].loop, g.waiting.out) & EPOLLEXCLUSIVE);
        rhb_transfers_disarm(g.f[i].loop);
        CHECK_INT(watched(g.f[i].loop, g.waiting.out), 0);
        CHECK(rhb_transfers_arm(g.f[i].loop));
        CHECK(rhb_transfers_arm(g.f[i].loop)); /* again: nothing */
        CHECK(watched(g.f[i].loop, g.waiting.out) & EPOLLEXCLUSIVE);
    }
    generation_end(&g);
}

/* It was woken for the message, and has been killed. */
static void a_tick_finds_what_another_worker_was_woken_for(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = come(&g, 0, RHB_CONN_HEAD);
    struct rhb_loop *loop = g.f[1].loop;
    loop->tick_at = UINT64_MAX;
    CHECK_INT(epoll_ctl(loop->epoll, EPOLL_CTL_DEL, g.waiting.out, NULL), 0);
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    poll_until_idle(&g.f[1]);
    CHECK_INT(loop->open, 0);
    tick_now(&g, 1);
    CHECK_INT(loop->open, 1);
    loop->parcels.armed = false;
    client_close(&c);
    generation_end(&g);
}

/* ---- capacity ---- */

static void at_most_one(struct rhb_loop_options *options)
{
    options->max_connections = 1;
}

static void an_idle_connection_makes_place(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, at_most_one);
    struct client idle = come(&g, 1, RHB_CONN_IDLE), c = come(&g, 0, RHB_CONN_HEAD);
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    client_send_text(&g.f[1], &c, HALF_2);
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK_INT(g.f[1].loop->open, 1);
    CHECK(client_sees_end(&idle));
    client_close(&idle);
    client_close(&c);
    generation_end(&g);
}

static void a_full_worker_leaves_the_queue_to_others(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, at_most_one);
    struct client c = come(&g, 0, RHB_CONN_HEAD), other;
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    g.f[1].loop->parcels.ready = true;
    CHECK(rhb_transfers_take(g.f[1].loop) != NULL);
    CHECK(!g.f[1].loop->parcels.armed); /* at once: it would be woken for the next one */
    CHECK_INT(watched(g.f[1].loop, g.waiting.out), 0);
    rhb_transfers_disarm(g.f[0].loop); /* it would take its own */
    other = come(&g, 0, RHB_CONN_HEAD);
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    tick_now(&g, 1);
    CHECK_INT(g.f[1].loop->open, 1);
    client_close(&c);
    client_send_text(&g.f[1], &other, HALF_2);
    CHECK_INT(answer_to(&g.f[1], &other), 200);
    client_close(&other);
    generation_end(&g);
}

/* As for a listener: otherwise a request would wait for as long as idle connections stay. */
static void without_descriptors_idle_connections_make_place(struct rhb_test *t)
{
    struct generation g;
    struct rlimit limit, none;
    struct client idle[RHB_PARCEL_DESCRIPTORS];
    int holes[RHB_PARCEL_DESCRIPTORS + 1];
    struct fixture *f = &g.f[1];
    generation_new(&g, t, NULL);
    for (int i = 0; i < RHB_PARCEL_DESCRIPTORS; i++)
        idle[i] = come(&g, 1, RHB_CONN_IDLE);
    struct client c = come(&g, 0, RHB_CONN_HEAD);
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    for (int i = 0; i < RHB_PARCEL_DESCRIPTORS; i++) {
        close(f->loop->reserved[i]);
        f->loop->reserved[i] = -1;
    }
    for (int i = 0; i <= RHB_PARCEL_DESCRIPTORS; i++)
        holes[i] = dup(0);
    getrlimit(RLIMIT_NOFILE, &limit);
    none = (struct rlimit){.rlim_cur = lowest_free(), .rlim_max = limit.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    f->loop->tick_at = UINT64_MAX; /* the listeners would close some too */
    restart_timer(f);
    while (score_of(&g, 1)->taken == 0 && step(f))
        ;
    CHECK_INT(f->loop->accept_again_at, 0); /* no pause was needed */
    setrlimit(RLIMIT_NOFILE, &limit);
    client_send_text(f, &c, HALF_2);
    CHECK_INT(answer_to(f, &c), 200);
    for (int i = 0; i < RHB_PARCEL_DESCRIPTORS; i++) {
        CHECK(client_sees_end(&idle[i]));
        client_close(&idle[i]);
    }
    for (int i = 0; i <= RHB_PARCEL_DESCRIPTORS; i++)
        close(holes[i]);
    client_close(&c);
    generation_end(&g);
}

/* ---- surplus ---- */

static void idle_connections_are_parked_as_they_were(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client silent = come(&g, 0, RHB_CONN_FRESH), idle = come(&g, 0, RHB_CONN_IDLE);
    uint64_t deadline = first(&g, 0, RHB_CONN_IDLE)->deadline -= 7;
    give(&g, 1, first(&g, 0, RHB_CONN_IDLE));
    give(&g, 1, first(&g, 0, RHB_CONN_FRESH));
    poll_until_idle(&g.f[1]);
    CHECK_INT(parked(&g.f[1], RHB_CONN_FRESH), 1);
    CHECK_INT(first(&g, 1, RHB_CONN_IDLE)->deadline, deadline);
    CHECK_INT(score_of(&g, 1)->expected, 0);
    CHECK_INT(score_of(&g, 1)->received, 2);
    CHECK_INT(g.in_queues[1], 0);
    client_send_text(&g.f[1], &silent, GET);
    CHECK_INT(answer_to(&g.f[1], &silent), 200);
    client_close(&silent);
    client_close(&idle);
    generation_end(&g);
}

static void those_of_others_are_left_until_the_tick(struct rhb_test *t)
{
    enum { DEAD = 2 };
    struct generation g;
    struct client c[COUNT];
    generation_new(&g, t, NULL);
    g.f[1].loop->tick_at = UINT64_MAX;
    for (int i = 0; i < COUNT; i++)
        c[i] = come(&g, 0, RHB_CONN_IDLE);
    for (int i = 0; i < COUNT; i++)
        give(&g, i == 0 ? 1 : DEAD, first(&g, 0, RHB_CONN_IDLE));
    poll_until_idle(&g.f[1]);
    CHECK_INT(g.f[1].loop->open, 1);
    tick_now(&g, 1);
    CHECK_INT(g.f[1].loop->open, COUNT);
    CHECK_INT(g.in_queues[1], 0);
    for (int i = 0; i < COUNT; i++)
        client_close(&c[i]);
    generation_end(&g);
}

/* It is counted before it is sent. */
static void one_on_its_way_is_still_expected_after_a_look(struct rhb_test *t)
{
    struct generation g;
    uint64_t one = 1;
    generation_new(&g, t, NULL);
    g.f[1].loop->tick_at = UINT64_MAX;
    rhb_count(&score_of(&g, 1)->expected);
    CHECK_INT(write(g.wake[1], &one, sizeof one), sizeof one);
    poll_until_idle(&g.f[1]);
    CHECK_INT(score_of(&g, 1)->expected, 1);
    rhb_count(&g.in_queues[1]); /* a worker that was killed with one leaves it so */
    tick_now(&g, 1);
    CHECK_INT(score_of(&g, 1)->expected, 0);
    generation_end(&g);
}

/* ---- the stop ---- */

static void a_stop_ends_after_a_last_look(struct rhb_test *t)
{
    struct generation g;
    struct client c[COUNT];
    generation_new(&g, t, NULL);
    for (int i = 0; i < COUNT; i++)
        c[i] = come(&g, 0, RHB_CONN_HEAD);
    rhb_loop_stop(g.f[1].loop);
    for (int i = 0; i < COUNT; i++) {
        send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
        client_send_text(&g.f[1], &c[i], HALF_2);
    }
    for (int i = 0; i < COUNT; i++) {
        CHECK_INT(answer_to(&g.f[1], &c[i]), 200);
        CHECK(!c[i].kept);
        client_close(&c[i]);
    }
    CHECK_INT(g.f[1].drained, 0);
    restart_timer(&g.f[1]);
    while (g.f[1].drained == 0 && step(&g.f[1]))
        ;
    CHECK_INT(g.f[1].drained, 1);
    generation_end(&g);
}

static void who_has_sent_looks_again(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct rhb_loop *loop = g.f[0].loop;
    struct client c = come(&g, 0, RHB_CONN_HEAD);
    CHECK(rhb_transfers_may_be_left(loop));
    CHECK(!rhb_transfers_may_be_left(loop));
    send_to_any(&g, 0, first(&g, 0, RHB_CONN_HEAD));
    CHECK(rhb_transfers_may_be_left(loop));
    client_close(&c);
    settle(&g);
    generation_end(&g);
}

/* ---- fork ---- */

/* An epoll that lives on in the child would keep the parent's listeners. */
static void a_forked_child_keeps_no_descriptor_of_the_epoll(struct rhb_test *t)
{
    struct generation g;
    int status = 0;
    generation_new(&g, t, NULL);
    struct rhb_loop *loop = g.f[0].loop;
    int fds[RHB_PARCEL_DESCRIPTORS + 1] = {loop->epoll, loop->reserved[0], loop->reserved[1]};
    pid_t pid = fork();
    if (pid == 0) {
        rhb_loop_forked(loop);
        for (int i = 0; i <= RHB_PARCEL_DESCRIPTORS; i++)
            status += fds[i] < 0 || fcntl(fds[i], F_GETFD) >= 0 || errno != EBADF;
        rhb_loop_stop(loop);
        status += score_of(&g, 0)->accepts != 1; /* the parent's */
        rhb_loop_free(loop);
        _exit(status);
    }
    CHECK_INT(waitpid(pid, &status, 0), pid);
    CHECK_INT(status, 0);
    generation_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_of_the_queue_is_served),
        RHB_CASE(all_of_the_queue_is_served),
        RHB_CASE(one_message_wakes_one_worker),
        RHB_CASE(a_tick_finds_what_another_worker_was_woken_for),
        RHB_CASE(an_idle_connection_makes_place),
        RHB_CASE(a_full_worker_leaves_the_queue_to_others),
        RHB_CASE(without_descriptors_idle_connections_make_place),
        RHB_CASE(idle_connections_are_parked_as_they_were),
        RHB_CASE(those_of_others_are_left_until_the_tick),
        RHB_CASE(one_on_its_way_is_still_expected_after_a_look),
        RHB_CASE(a_stop_ends_after_a_last_look),
        RHB_CASE(who_has_sent_looks_again),
        RHB_CASE(a_forked_child_keeps_no_descriptor_of_the_epoll),
    };
    return RHB_RUN(cases);
}
