/* csrc/loop/transfers.c: requests of other workers and new connections wait at the same time. */
#include "generation.h"
#include "loop/accept_queue.h"

#define GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
enum { SENT = 6, NEW = 2, ALL = SENT + NEW };

static struct client kept_by_the_first(struct generation *g)
{
    struct rhb_test *t = g->f[0].t;
    struct client c = client_new(&g->f[0], BY_TCP);
    client_send_text(&g->f[0], &c, GET);
    CHECK_INT(answer_to(&g->f[0], &c), 200);
    poll_until_idle(&g->f[0]);
    return c;
}

/* Its request waits in the queue for the first worker that is free. */
static void send_request(struct generation *g, struct client *c)
{
    client_send_text(&g->f[0], c, GET);
    send_to_any(g, 0, first_parked(&g->f[0], RHB_CONN_IDLE));
}

static struct client new_at_the_second(struct generation *g)
{
    struct client c = client_new(&g->f[1], BY_TCP);
    client_send_text(&g->f[1], &c, GET);
    return c;
}

static void each_kind_is_served_in_proportion(struct rhb_test *t)
{
    struct generation g;
    struct client c[ALL];
    unsigned new_at[NEW] = {0}, found = 0;
    generation_new(&g, t, NULL);
    struct fixture *f = &g.f[1];
    for (int i = 0; i < SENT; i++)
        c[i] = kept_by_the_first(&g);
    for (int i = 0; i < SENT; i++)
        send_request(&g, &c[i]);
    for (int i = SENT; i < ALL; i++)
        c[i] = new_at_the_second(&g);
    restart_timer(f);
    while (f->requests < ALL && step(f))
        if (found < NEW && f->requests - score_of(&g, 1)->taken > found)
            new_at[found++] = f->requests;
    CHECK_INT(f->requests, ALL);
    if (rhb_accept_queue_length(f->listeners[BY_TCP].fd, false) != UINT32_MAX) {
        CHECK(new_at[0] > 2 && new_at[0] < 6);
        CHECK(new_at[1] > 4);
    }
    for (int i = 0; i < ALL; i++) {
        CHECK_INT(answer_to(f, &c[i]), 200);
        client_close(&c[i]);
    }
    generation_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(each_kind_is_served_in_proportion),
    };
    return RHB_RUN(cases);
}
