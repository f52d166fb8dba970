/* csrc/loop/waiting.c: the memory of requests is given back to the kernel, once a second at most,
 * when the loop has nothing to do. */
#include "loop_fixture.h"
#include <malloc.h>

enum { LEN = 300000, CLIENTS = 5 };

static unsigned trims;

/* In place of the C library's. */
int malloc_trim(size_t pad)
{
    (void)pad;
    trims++;
    return 1;
}

/* Clients that send most of a body and then leave. */
static void stall(struct fixture *f, int n)
{
    static char bytes[LEN - 1];
    struct client clients[CLIENTS];
    struct rhb_test *t = f->t;
    for (int i = 0; i < n; i++) {
        clients[i] = client_new(f, BY_TCP);
        client_send_text(f, &clients[i],
                         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
        client_send(f, &clients[i], bytes, sizeof bytes);
    }
    restart_timer(f);
    while (parked(f, RHB_CONN_BODY) < (size_t)n && step(f))
        ;
    CHECK_INT(parked(f, RHB_CONN_BODY), n);
    for (int i = 0; i < n; i++)
        client_close(&clients[i]);
    while (f->loop->open > 0 && step(f))
        ;
}

/* Waits in epoll until the second has passed and nothing has happened. */
static void idle_for_a_second(struct fixture *f)
{
    uint64_t tick = f->loop->tick_at = rhb_now_exact() + 5 * MS;
    restart_timer(f);
    while (f->loop->tick_at == tick && step(f))
        ;
}

static void memory_of_stalled_bodies_is_given_back_when_idle(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    trims = 0;
    f.loop->tick_at = UINT64_MAX;
    stall(&f, CLIENTS);
    CHECK_INT(trims, 0);
    idle_for_a_second(&f);
    CHECK_INT(trims, 1);
    idle_for_a_second(&f);
    CHECK_INT(trims, 1);
    tear_down(&f);
}

static void a_little_memory_is_kept(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    trims = 0;
    stall(&f, 1);
    idle_for_a_second(&f);
    CHECK_INT(trims, 0);
    tear_down(&f);
}

static void memory_of_whole_bodies_is_given_back_too(struct rhb_test *t)
{
    static char bytes[LEN];
    struct fixture f;
    set_up_and_start(&f, t);
    trims = 0;
    f.loop->tick_at = UINT64_MAX;
    struct client c = client_new(&f, BY_TCP);
    for (int i = 0; i < CLIENTS; i++) {
        client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n");
        client_send(&f, &c, bytes, sizeof bytes);
        CHECK_INT(answer_to(&f, &c), 200);
    }
    idle_for_a_second(&f);
    CHECK_INT(trims, 1);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(memory_of_stalled_bodies_is_given_back_when_idle),
        RHB_CASE(a_little_memory_is_kept),
        RHB_CASE(memory_of_whole_bodies_is_given_back_too),
    };
    return RHB_RUN(cases);
}
