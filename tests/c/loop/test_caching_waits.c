/* csrc/loop/caching.c: requests that wait for the answer to another one. */
#define _GNU_SOURCE
#include "caching_fixture.h"
#include "loop/parking.h"

/* So that nothing more can be sent to the client before it reads. */
static void fill_socket(const struct rhb_conn *conn)
{
    static const char bytes[65536];
    size_t done;
    while (rhb_send(conn->fd, bytes, sizeof bytes, &done) == RHB_IO_OK)
        ;
}

/* Requests of so many clients wait for the first one. */
static struct rhb_conn *gather_crowd(struct scene *s, struct client *clients, size_t count)
{
    struct rhb_test *t = s->f.t;
    clients[0] = client_new(&s->f, BY_UNIX);
    struct rhb_conn *filler = ask(s, &clients[0], GET("/page"));
    rhb_loop_enter(s->f.loop, s->second);
    for (size_t i = 1; i < count; i++) {
        clients[i] = client_new(&s->f, BY_UNIX);
        client_send_text(&s->f, &clients[i], GET("/page") GET("/page"));
    }
    restart_timer(&s->f);
    while (parked(&s->f, RHB_CONN_WAIT) < count - 1 && step(&s->f))
        ;
    CHECK_INT(parked(&s->f, RHB_CONN_WAIT), count - 1);
    return filler;
}

static void answer_crowd(struct scene *s, struct client *clients, size_t count)
{
    struct rhb_test *t = s->f.t;
    CHECK_INT(answer_to(&s->f, &clients[0]), 200);
    for (size_t i = 1; i < count; i++)
        for (int pipelined = 0; pipelined < 2; pipelined++)
            CHECK_INT(answer_to(&s->f, &clients[i]), 200);
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
}

static void others_wait_for_the_first_one(struct rhb_test *t)
{
    enum { CROWD = 20 };
    struct scene s;
    struct client clients[CROWD];
    set_up_cache(&s, t);
    struct rhb_conn *filler = gather_crowd(&s, clients, CROWD);
    rhb_loop_enter(s.f.loop, s.first);
    unsigned requests = s.f.requests;
    respond(&s, filler, "200 OK", STORED, 100);
    answer_crowd(&s, clients, CROWD);
    CHECK_INT(s.f.requests, requests);
    tear_down_cache(&s);
}

/* The filler's response cannot be stored: all others ask at once, and not one after the other. */
static void the_second_one_asks_while_the_first_one_does(struct scene *s, struct client *clients,
                                                         size_t count)
{
    struct rhb_test *t = s->f.t;
    struct rhb_conn *asking[2];
    for (int i = 0; i < 2; i++) {
        rhb_loop_enter(s->f.loop, i == 0 ? s->second : s->first);
        s->f.held = NULL;
        restart_timer(&s->f);
        while (s->f.held == NULL && step(&s->f))
            ;
        asking[i] = s->f.held;
        CHECK(asking[i] != NULL);
    }
    for (int i = 0; i < 2; i++) {
        rhb_loop_enter(s->f.loop, i == 0 ? s->second : s->first);
        if (asking[i] != NULL)
            rhb_loop_abort(s->f.loop, asking[i]);
    }
    s->f.held = NULL;
    s->f.holds = false; /* the others are answered */
    for (size_t i = 0; i < count; i++)
        client_close(&clients[i]);
}

static void nobody_waits_for_what_turns_out_not_to_be_stored(struct rhb_test *t)
{
    enum { CROWD = 5, TOO_LARGE = 700000 /* for the store */ };
    for (int cut = 0; cut < 2; cut++) {
        struct scene s;
        struct client clients[CROWD];
        set_up_cache(&s, t);
        s.f.loop->cache->largest = SIZE;
        struct rhb_conn *filler = gather_crowd(&s, clients, CROWD);
        rhb_loop_enter(s.f.loop, s.first);
        if (cut) /* its response ends, but not as it was announced */
            end_early(&s, filler);
        else
            respond(&s, filler, "200 OK", STORED, TOO_LARGE);
        the_second_one_asks_while_the_first_one_does(&s, clients, CROWD);
        CHECK_INT(s.counts.stored, 0);
        tear_down_cache(&s);
    }
}

/* Its client does not read, and its application would go on only when it does. */
static void nobody_waits_for_the_client_of_another_one(struct rhb_test *t)
{
    enum { CROWD = 4 };
    struct scene s;
    struct client clients[CROWD];
    set_up_cache(&s, t);
    struct rhb_conn *filler = gather_crowd(&s, clients, CROWD);
    rhb_loop_enter(s.f.loop, s.first);
    CHECK_INT(begin_response(&s, filler), RHB_FILLED_GATHERS);
    fill_socket(filler);
    CHECK(rhb_loop_suspend(s.f.loop, filler, NULL));
    rhb_caching_tick(s.f.loop);
    CHECK_INT(parked(&s.f, RHB_CONN_WAIT), CROWD - 1);
    filler->filling->head.stored_at -= 2 * RHB_NS_PER_SECOND;
    rhb_caching_tick(s.f.loop);
    s.f.held = NULL;
    restart_timer(&s.f);
    while (s.f.held == NULL && step(&s.f))
        ;
    if (CHECK(s.f.held != NULL && s.f.held != filler))
        respond(&s, s.f.held, "200 OK", STORED, 100);
    unsigned requests = s.f.requests;
    for (size_t i = 1; i < CROWD; i++)
        for (int pipelined = 0; pipelined < 2; pipelined++)
            CHECK_INT(answer_to(&s.f, &clients[i]), 200);
    CHECK_INT(s.f.requests, requests);
    rhb_conn_close(s.f.loop, filler);
    for (size_t i = 0; i < CROWD; i++)
        client_close(&clients[i]);
    tear_down_cache(&s);
}

static void a_broken_filler_is_followed_by_another(struct rhb_test *t)
{
    enum { CROWD = 5 };
    struct scene s;
    struct client clients[CROWD];
    set_up_cache(&s, t);
    struct rhb_conn *filler = gather_crowd(&s, clients, CROWD);
    rhb_loop_enter(s.f.loop, s.first);
    rhb_loop_abort(s.f.loop, filler);
    s.f.held = NULL;
    restart_timer(&s.f);
    while (s.f.held == NULL && step(&s.f))
        ;
    if (CHECK(s.f.held != NULL))
        respond(&s, s.f.held, "200 OK", STORED, 100);
    for (size_t i = 1; i < CROWD; i++)
        CHECK_INT(answer_to(&s.f, &clients[i]), 200);
    for (size_t i = 0; i < CROWD; i++)
        client_close(&clients[i]);
    CHECK_INT(s.counts.stored, 1);
    tear_down_cache(&s);
}

static void a_loop_of_a_dead_worker_is_waited_for_no_more(struct rhb_test *t)
{
    struct scene s;
    struct rhb_fill theirs;
    set_up_cache(&s, t);
    struct client c = client_new(&s.f, BY_TCP);
    struct rhb_cache_memory *memory = s.memory;
    struct client probe = client_new(&s.f, BY_TCP);
    struct rhb_conn *conn = ask(&s, &probe, GET("/page"));
    theirs = conn->filling->claim;
    uint64_t word = atomic_load(&memory->fills.claims[theirs.index].word);
    atomic_store(&memory->fills.claims[theirs.index].word,
                 (word & ~UINT64_C(0xffff)) | 8); /* owner 7 */
    rhb_loop_abort(s.f.loop, conn);
    s.f.held = NULL;
    client_send_text(&s.f, &c, GET("/page"));
    restart_timer(&s.f);
    while (parked(&s.f, RHB_CONN_WAIT) == 0 && step(&s.f))
        ;
    uint64_t loops = rhb_cache_end_owner(s.memory, 7);
    CHECK_INT(loops, 1);
    rhb_cache_wake(s.f.loop->cache, loops);
    restart_timer(&s.f);
    while (s.f.held == NULL && step(&s.f))
        ;
    if (CHECK(s.f.held != NULL))
        respond(&s, s.f.held, "200 OK", STORED, 100);
    CHECK_INT(answer_to(&s.f, &c), 200);
    client_close(&c);
    client_close(&probe);
    tear_down_cache(&s);
}

static void nobody_waits_for_longer_than_the_bound(struct rhb_test *t)
{
    struct scene s;
    struct client clients[2];
    set_up_cache(&s, t);
    s.f.loop->options.timeouts[RHB_CONN_WAIT] = 20 * MS;
    clients[0] = client_new(&s.f, BY_UNIX);
    clients[1] = client_new(&s.f, BY_UNIX);
    struct rhb_conn *filler = ask(&s, &clients[0], GET("/page"));
    rhb_loop_enter(s.f.loop, s.second);
    struct rhb_conn *other = ask(&s, &clients[1], GET("/page"));
    CHECK(other != filler);
    respond(&s, other, "200 OK", STORED, 100);
    rhb_loop_enter(s.f.loop, s.first);
    respond(&s, filler, "200 OK", STORED, 100);
    CHECK_INT(answer_to(&s.f, &clients[0]), 200);
    CHECK_INT(answer_to(&s.f, &clients[1]), 200);
    client_close(&clients[0]);
    client_close(&clients[1]);
    tear_down_cache(&s);
}

static void a_client_that_goes_while_it_waits_is_let_go(struct rhb_test *t)
{
    enum { CROWD = 3 };
    struct scene s;
    struct client clients[CROWD];
    set_up_cache(&s, t);
    struct rhb_conn *filler = gather_crowd(&s, clients, CROWD);
    client_reset(&clients[1]);
    client_shut(&clients[2]);
    rhb_loop_enter(s.f.loop, s.first);
    respond(&s, filler, "200 OK", STORED, 100);
    CHECK_INT(answer_to(&s.f, &clients[0]), 200);
    CHECK_INT(answer_to(&s.f, &clients[2]), 200);
    client_close(&clients[0]);
    client_close(&clients[2]);
    tear_down_cache(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(others_wait_for_the_first_one),
        RHB_CASE(nobody_waits_for_what_turns_out_not_to_be_stored),
        RHB_CASE(nobody_waits_for_the_client_of_another_one),
        RHB_CASE(a_broken_filler_is_followed_by_another),
        RHB_CASE(a_loop_of_a_dead_worker_is_waited_for_no_more),
        RHB_CASE(nobody_waits_for_longer_than_the_bound),
        RHB_CASE(a_client_that_goes_while_it_waits_is_let_go),
    };
    return RHB_RUN(cases);
}
