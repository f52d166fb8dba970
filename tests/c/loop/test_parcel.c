/* csrc/loop/parcel.c: connections without a body move from one loop to another. */
#define _GNU_SOURCE
#include "generation.h"
#include "http/proxy_protocol.h"
#include "loop/parking.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define PROXY "PROXY TCP4 192.0.2.1 10.0.0.1 4711 80\r\n"

static struct rhb_conn *only(const struct generation *g, int worker, enum rhb_conn_state state)
{
    return first_parked(&g->f[worker], state);
}

/* ---- what travels ---- */

static void a_kept_connection_is_the_same_elsewhere(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&g.f[0], by);
        client_send_text(&g.f[0], &c, GET);
        CHECK_INT(answer_to(&g.f[0], &c), 200);
        struct rhb_conn *conn = only(&g, 0, RHB_CONN_IDLE);
        struct rhb_peer peer = conn->peer;
        conn->waits_until = 4711;
        conn = travel(&g, 0, conn);
        CHECK_INT(g.f[0].loop->open, 0);
        CHECK_INT(g.f[0].loop->registered, 0);
        CHECK_INT(g.f[1].loop->open, 1);
        CHECK_INT(conn->listener, by);
        CHECK_INT(conn->requests, 1);
        CHECK_INT(conn->waits_until, 4711);
        CHECK_INT(conn->peer.family, peer.family);
        CHECK_INT(conn->peer.port, peer.port);
        CHECK(rhb_peer_same_address(&conn->peer, &peer));
        client_send_text(&g.f[1], &c, GET);
        CHECK_INT(answer_to(&g.f[1], &c), 200);
        CHECK(c.kept);
        client_close(&c);
        SETTLE_UNTIL(g.f[1].loop->open == 0);
    }
    generation_end(&g);
}

static void two_requests_at_most(struct rhb_loop_options *options)
{
    options->max_keepalive_requests = 2;
}

static void requests_are_counted_on(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, two_requests_at_most);
    struct client c = client_new(&g.f[0], BY_TCP);
    client_send_text(&g.f[0], &c, GET);
    CHECK_INT(answer_to(&g.f[0], &c), 200);
    travel(&g, 0, only(&g, 0, RHB_CONN_IDLE));
    client_send_text(&g.f[1], &c, GET);
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK(!c.kept);
    client_close(&c);
    generation_end(&g);
}

static void each_byte_may_be_read_by_another_worker(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = client_new(&g.f[0], BY_TCP);
    int at = 0;
    for (const char *byte = GET; *byte != '\0'; byte++) {
        client_send(&g.f[at], &c, byte, 1);
        if (byte[1] == '\0')
            break;
        SETTLE_UNTIL(parked(&g.f[at], RHB_CONN_HEAD) == 1 &&
                     only(&g, at, RHB_CONN_HEAD)->in.len == (size_t)(byte + 1 - GET));
        struct rhb_conn *conn = travel(&g, at, only(&g, at, RHB_CONN_HEAD));
        at = 1 - at;
        CHECK_INT(conn->state, RHB_CONN_HEAD);
        CHECK_INT(conn->head_seen, conn->in.len);
    }
    CHECK_INT(answer_from_any(&g, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /a 0");
    client_close(&c);
    generation_end(&g);
}

static void expect_proxy(struct rhb_loop_options *options)
{
    options->proxy_versions = RHB_PROXY_V1;
    options->proxy_allowed.anybody = true;
}

static void a_part_of_a_proxy_header_travels(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, expect_proxy);
    struct client silent = client_new(&g.f[0], BY_TCP), half = client_new(&g.f[0], BY_TCP);
    client_send_text(&g.f[0], &half, "PROXY TCP4 192.0.2.1 10.");
    struct fixture *f = &g.f[1];
    SETTLE_UNTIL(parked(&g.f[0], RHB_CONN_HEAD) == 1 && parked(&g.f[0], RHB_CONN_FRESH) == 1);
    CHECK_INT(travel(&g, 0, only(&g, 0, RHB_CONN_HEAD))->expected, RHB_EXPECT_PROXY);
    f->holds = true;
    client_send_text(f, &half, "0.0.1 4711 80\r\n" GET);
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    CHECK_INT(f->held->peer.port, 4711);
    f->holds = false;
    answer(f, f->held);
    CHECK_INT(answer_to(f, &half), 200);
    CHECK_INT(travel(&g, 0, only(&g, 0, RHB_CONN_FRESH))->expected, RHB_EXPECT_PROXY);
    client_send_text(f, &silent, PROXY GET);
    CHECK_INT(answer_to(f, &silent), 200);
    client_close(&silent);
    client_close(&half);
    generation_end(&g);
}

static void pipelined_requests_travel(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct fixture *f = &g.f[0];
    struct client c = client_new(f, BY_UNIX);
    f->holds = true;
    client_send_text(f, &c, GET "GET /b HTTP/1.1\r\nHost: a\r\n\r\nGET /c HT");
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    f->holds = false;
    answer(f, f->held);
    struct rhb_conn *conn = (struct rhb_conn *)f->loop->ready.next;
    CHECK_INT(conn->state, RHB_CONN_READY);
    CHECK(conn->in.len > 30);
    travel(&g, 0, conn);
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /b 0");
    client_send_text(&g.f[1], &c, "TP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&g.f[1], &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /c 0");
    CHECK_INT(only(&g, 1, RHB_CONN_IDLE)->requests, 3);
    client_close(&c);
    generation_end(&g);
}

static struct client half_a_head(struct generation *g, int worker, size_t nth)
{
    struct rhb_test *t = g->f[0].t;
    struct client c = client_new(&g->f[worker], BY_UNIX);
    client_send_text(&g->f[worker], &c, "GET /a HT");
    restart_timer(&g->f[worker]);
    while (parked(&g->f[worker], RHB_CONN_HEAD) < nth && step(&g->f[worker]))
        ;
    CHECK_INT(parked(&g->f[worker], RHB_CONN_HEAD), nth);
    return c;
}

static void the_deadline_of_a_head_goes_on_in_its_place(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client early = half_a_head(&g, 1, 1), late = half_a_head(&g, 1, 2),
                  arrives = half_a_head(&g, 0, 1);
    struct rhb_link *list = &g.f[1].loop->parked[RHB_CONN_HEAD];
    struct rhb_conn *first = (struct rhb_conn *)list->next, *last = (struct rhb_conn *)list->prev;
    uint64_t deadline = first->deadline + 5;
    last->deadline = first->deadline + 10;
    only(&g, 0, RHB_CONN_HEAD)->deadline = deadline;
    struct rhb_conn *conn = travel(&g, 0, only(&g, 0, RHB_CONN_HEAD));
    CHECK_INT(conn->deadline, deadline);
    CHECK(list->next == &first->link && first->link.next == &conn->link &&
          conn->link.next == &last->link && list->prev == &last->link);
    conn = travel(&g, 1, conn);
    first->deadline = last->deadline = deadline + 1;
    conn = travel(&g, 0, conn); /* before all */
    CHECK(list->next == &conn->link);
    conn->deadline = 1; /* it is over while the connection travels */
    travel(&g, 0, travel(&g, 1, conn));
    CHECK_INT(answer_to(&g.f[1], &arrives), 408);
    client_close(&early);
    client_close(&late);
    client_close(&arrives);
    generation_end(&g);
}

static void that_a_child_may_hold_it_is_known_elsewhere(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = client_new(&g.f[0], BY_TCP);
    SETTLE_UNTIL(parked(&g.f[0], RHB_CONN_FRESH) == 1);
    g.f[0].loop->forks = true;
    travel(&g, 0, only(&g, 0, RHB_CONN_FRESH));
    CHECK(g.f[1].loop->forks);
    client_close(&c);
    generation_end(&g);
}

/* ---- clients that go meanwhile ---- */

static void a_client_may_go_while_its_connection_is_in_the_queue(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    for (int i = 0; i < 2 * LISTENERS; i++) {
        struct client c = client_new(&g.f[0], i % LISTENERS);
        client_send_text(&g.f[0], &c, GET);
        CHECK_INT(answer_to(&g.f[0], &c), 200);
        CHECK_INT(rhb_parcel_send(g.f[0].loop, only(&g, 0, RHB_CONN_IDLE), &g.waiting),
                  RHB_PARCEL_OK);
        if (i < LISTENERS)
            client_close(&c);
        else
            client_reset(&c);
        bool empty;
        struct rhb_conn *conn = rhb_parcel_take(g.f[1].loop, &g.waiting, &empty);
        CHECK(conn != NULL);
        rhb_make_ready(g.f[1].loop, conn);
        SETTLE_UNTIL(g.f[1].loop->open == 0);
    }
    generation_end(&g);
}

/* ---- what cannot be sent ---- */

static void fill(int queue)
{
    static const char junk[65536];
    while (send(queue, junk, sizeof junk, MSG_DONTWAIT) > 0)
        ;
    while (send(queue, junk, 1, MSG_DONTWAIT) > 0)
        ;
}

static void drain(int queue)
{
    char byte;
    while (recv(queue, &byte, 1, MSG_DONTWAIT) >= 0)
        ;
}

static void with_a_full_queue_nothing_changes(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = half_a_head(&g, 0, 1);
    struct rhb_conn *conn = only(&g, 0, RHB_CONN_HEAD);
    uint64_t deadline = conn->deadline;
    fill(g.waiting.in);
    CHECK_INT(rhb_parcel_send(g.f[0].loop, conn, &g.waiting), RHB_PARCEL_FULL);
    CHECK(only(&g, 0, RHB_CONN_HEAD) == conn);
    CHECK(conn->registered && conn->in.len == 9 && conn->deadline == deadline);
    CHECK_INT(g.f[0].loop->open, 1);
    drain(g.waiting.out);
    client_send_text(&g.f[0], &c, "TP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&g.f[0], &c), 200);
    client_close(&c);
    generation_end(&g);
}

static void too_much_input_cannot_be_sent(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = half_a_head(&g, 0, 1);
    struct rhb_conn *conn = only(&g, 0, RHB_CONN_HEAD);
    char *much = calloc(1, RHB_PARCEL_BYTES);
    CHECK(rhb_bytes_append(&conn->in, much, RHB_PARCEL_BYTES - 9));
    conn->head_seen = conn->in.len;
    conn = travel(&g, 0, conn); /* just not too much */
    CHECK_INT(conn->in.len, RHB_PARCEL_BYTES);
    CHECK(rhb_bytes_append(&conn->in, much, 1));
    CHECK_INT(rhb_parcel_send(g.f[1].loop, conn, &g.waiting), RHB_PARCEL_UNMOVABLE);
    CHECK(only(&g, 1, RHB_CONN_HEAD) == conn && conn->in.len == RHB_PARCEL_BYTES + 1);
    free(much);
    client_close(&c);
    generation_end(&g);
}

/* ---- no free descriptor at the receiver ---- */

/* From now on no number beyond those that are used now. */
static rlim_t limit_descriptors(void)
{
    struct rlimit limit;
    int lowest = dup(0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &limit);
    return before;
}

static void restore_limit(rlim_t before)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = before;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static void without_a_descriptor_connections_stay_in_the_queue(struct rhb_test *t)
{
    enum { SENT = 4 };
    struct generation g;
    struct client c[SENT];
    struct rhb_loop *to;
    bool empty;
    int holes[SENT], taken = 0;
    generation_new(&g, t, NULL);
    to = g.f[1].loop;
    for (int i = 0; i < SENT; i++)
        c[i] = half_a_head(&g, 0, (size_t)i + 1);
    for (int i = 0; i < SENT; i++) {
        CHECK_INT(rhb_parcel_send(g.f[0].loop, only(&g, 0, RHB_CONN_HEAD), &g.waiting),
                  RHB_PARCEL_OK);
        holes[i] = dup(0); /* where the connection was */
    }
    rlim_t before = limit_descriptors();
    while (rhb_parcel_take(to, &g.waiting, &empty) != NULL)
        taken++;
    CHECK(!empty);
    CHECK_INT(taken, RHB_PARCEL_DESCRIPTORS - 1); /* one stays free for a file */
    CHECK(rhb_parcel_take(to, &g.waiting, &empty) == NULL && !empty);
    restore_limit(before);
    while (rhb_parcel_take(to, &g.waiting, &empty) != NULL)
        taken++;
    CHECK(empty);
    CHECK_INT(taken, SENT);
    for (int i = 0; i < SENT; i++) {
        close(holes[i]);
        client_send_text(&g.f[1], &c[i], "TP/1.1\r\nHost: a\r\n\r\n");
        CHECK_INT(answer_to(&g.f[1], &c[i]), 200);
        client_close(&c[i]);
    }
    generation_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_kept_connection_is_the_same_elsewhere),
        RHB_CASE(requests_are_counted_on),
        RHB_CASE(each_byte_may_be_read_by_another_worker),
        RHB_CASE(a_part_of_a_proxy_header_travels),
        RHB_CASE(pipelined_requests_travel),
        RHB_CASE(the_deadline_of_a_head_goes_on_in_its_place),
        RHB_CASE(that_a_child_may_hold_it_is_known_elsewhere),
        RHB_CASE(a_client_may_go_while_its_connection_is_in_the_queue),
        RHB_CASE(with_a_full_queue_nothing_changes),
        RHB_CASE(too_much_input_cannot_be_sent),
        RHB_CASE(without_a_descriptor_connections_stay_in_the_queue),
    };
    return RHB_RUN(cases);
}
