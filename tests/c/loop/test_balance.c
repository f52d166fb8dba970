/* csrc/loop/balance.c: idle connections are given to workers that have less. */
#include "generation.h"
#include "loop/balance.h"
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
enum { MOST = 12, GIVER = 0, TAKER = 1, OTHER = 2 };

struct scene {
    struct generation g;
    struct client clients[MOST];
    int count;
};

/* The giver has so many connections that are kept, and then so many that are silent. Nothing has
 * been given yet, and the taker waits. */
static void set_scene(struct scene *s, struct rhb_test *t, int kept, int silent)
{
    struct fixture *f = &s->g.f[GIVER];
    generation_new(&s->g, t, NULL);
    f->loop->tick_at = UINT64_MAX;
    for (s->count = 0; s->count < kept + silent; s->count++) {
        struct client *c = &s->clients[s->count];
        *c = client_new(f, BY_TCP);
        if (s->count < kept) {
            client_send_text(f, c, GET);
            CHECK_INT(answer_to(f, c), 200);
        }
        restart_timer(f);
        while (f->loop->registered <= (size_t)s->count && step(f))
            ;
    }
    atomic_store(&score_of(&s->g, TAKER)->waiting, 1);
    f->loop->has_grown = true;
}

static void end_scene(struct scene *s)
{
    for (int i = 0; i < s->count; i++)
        client_close(&s->clients[i]);
    generation_end(&s->g);
}

static void check_given(struct rhb_test *t, struct scene *s, size_t to_taker)
{
    CHECK_INT(score_of(&s->g, TAKER)->expected, to_taker);
    CHECK_INT(score_of(&s->g, GIVER)->given, to_taker);
    CHECK_INT(s->g.in_queues[1], to_taker);
    CHECK_INT(s->g.f[GIVER].loop->open, s->count - (int)to_taker);
    poll_until_idle(&s->g.f[TAKER]);
    CHECK_INT(s->g.f[TAKER].loop->open, to_taker);
    CHECK_INT(score_of(&s->g, TAKER)->expected, 0);
    CHECK_INT(score_of(&s->g, TAKER)->received, to_taker);
}

static void half_of_the_connections_are_given(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, MOST, 0);
    rhb_balance(s.g.f[GIVER].loop, false);
    check_given(t, &s, MOST / 2);
    for (int i = 0; i < MOST; i++) {
        client_send_text(&s.g.f[0], &s.clients[i], GET);
        CHECK_INT(answer_from_any(&s.g, &s.clients[i]), 200);
        CHECK(s.clients[i].kept);
    }
    end_scene(&s);
}

static void who_has_one_less_gets_none(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 3, 0);
    atomic_store(&score_of(&s.g, TAKER)->staying, 2);
    rhb_balance(s.g.f[GIVER].loop, true);
    check_given(t, &s, 0);
    atomic_store(&score_of(&s.g, TAKER)->waiting, 1);
    atomic_store(&score_of(&s.g, TAKER)->staying, 1);
    rhb_balance(s.g.f[GIVER].loop, true);
    check_given(t, &s, 1);
    end_scene(&s);
}

static void those_that_are_expected_count(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 3, 0);
    atomic_store(&score_of(&s.g, TAKER)->staying, 1);
    atomic_store(&score_of(&s.g, TAKER)->expected, 1);
    rhb_balance(s.g.f[GIVER].loop, true);
    CHECK_INT(score_of(&s.g, GIVER)->given, 0);
    CHECK_INT(score_of(&s.g, TAKER)->expected, 1);
    atomic_store(&score_of(&s.g, TAKER)->expected, 0);
    end_scene(&s);
}

static void the_emptiest_gets_them(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 4, 0);
    atomic_store(&score_of(&s.g, OTHER)->waiting, 1);
    atomic_store(&score_of(&s.g, OTHER)->accepts, 1);
    atomic_store(&score_of(&s.g, OTHER)->staying, 1);
    rhb_balance(s.g.f[GIVER].loop, false);
    /* 4, 0, 1: 3, 1, 1 after one; 2, 2, 1 after two */
    CHECK_INT(score_of(&s.g, GIVER)->given, 2);
    CHECK_INT(score_of(&s.g, TAKER)->expected + score_of(&s.g, OTHER)->expected, 2);
    CHECK(score_of(&s.g, TAKER)->expected >= 1);
    s.g.f[TAKER].loop->tick_at = 0; /* takes all */
    atomic_store(&score_of(&s.g, OTHER)->waiting, 0);
    end_scene(&s);
}

static void silent_ones_are_given_only_if_asked_for(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 1, 3);
    rhb_balance(s.g.f[GIVER].loop, false);
    CHECK_INT(score_of(&s.g, GIVER)->given, 1);
    CHECK_INT(parked(&s.g.f[GIVER], RHB_CONN_FRESH), 3);
    rhb_balance(s.g.f[GIVER].loop, true);
    check_given(t, &s, 2);
    end_scene(&s);
}

static void who_does_not_wait_gets_none(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 4, 0);
    atomic_store(&score_of(&s.g, TAKER)->waiting, 0);
    rhb_balance(s.g.f[GIVER].loop, true);
    check_given(t, &s, 0);
    end_scene(&s);
}

static void a_stopping_worker_gets_none(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 4, 0);
    atomic_store(&score_of(&s.g, TAKER)->accepts, 0);
    rhb_balance(s.g.f[GIVER].loop, true);
    check_given(t, &s, 0);
    end_scene(&s);
}

static void a_stopping_worker_gives_none(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 4, 0);
    s.g.f[GIVER].loop->stopping = true;
    rhb_balance(s.g.f[GIVER].loop, true);
    s.g.f[GIVER].loop->stopping = false;
    check_given(t, &s, 0);
    end_scene(&s);
}

static void with_a_full_queue_nothing_is_expected(struct rhb_test *t)
{
    struct scene s;
    char byte = 0;
    set_scene(&s, t, 4, 0);
    while (send(s.g.surplus.in, &byte, 1, MSG_DONTWAIT) > 0)
        ;
    rhb_balance(s.g.f[GIVER].loop, true);
    CHECK_INT(parked(&s.g.f[GIVER], RHB_CONN_IDLE), 4);
    while (recv(s.g.surplus.out, &byte, 1, MSG_DONTWAIT) > 0)
        ;
    check_given(t, &s, 0);
    end_scene(&s);
}

static void after_growth_listeners_stay_in_epoll(struct rhb_test *t)
{
    struct scene s;
    set_scene(&s, t, 1, 0);
    rhb_balance(s.g.f[GIVER].loop, false);
    CHECK(!s.g.f[GIVER].loop->has_grown);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&s.g.f[GIVER], by);
        CHECK(s.g.f[GIVER].loop->listeners[by].armed);
        client_send_text(&s.g.f[GIVER], &c, GET);
        CHECK_INT(answer_to(&s.g.f[GIVER], &c), 200);
        client_close(&c);
    }
    end_scene(&s);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(half_of_the_connections_are_given),
        RHB_CASE(who_has_one_less_gets_none),
        RHB_CASE(those_that_are_expected_count),
        RHB_CASE(the_emptiest_gets_them),
        RHB_CASE(silent_ones_are_given_only_if_asked_for),
        RHB_CASE(who_does_not_wait_gets_none),
        RHB_CASE(a_stopping_worker_gets_none),
        RHB_CASE(a_stopping_worker_gives_none),
        RHB_CASE(with_a_full_queue_nothing_is_expected),
        RHB_CASE(after_growth_listeners_stay_in_epoll),
    };
    return RHB_RUN(cases);
}
