#define _GNU_SOURCE
#include "generation.h"
#include "loop/parking.h"
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QUEUE_BYTES = 4 << 20 };

static void must(bool held)
{
    if (!held)
        abort();
}

static struct rhb_queue queue_new(void)
{
    int pair[2], size = QUEUE_BYTES;
    must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    return (struct rhb_queue){.in = pair[0], .out = pair[1]};
}

/* A take from the empty queue opens all descriptors that the loop will keep. */
static void join(struct generation *g, int worker)
{
    bool empty;
    struct rhb_loop *loop = g->f[worker].loop;
    g->channels[worker] = (struct rhb_channel){.waiting = g->waiting,
                                               .surplus = g->surplus,
                                               .wake = g->wake,
                                               .n_wake = SLOTS,
                                               .scores = g->scores,
                                               .in_waiting = &g->in_queues[0],
                                               .in_surplus = &g->in_queues[1],
                                               .threads = 1,
                                               .own = (size_t)worker};
    loop->lane->score = &g->scores[worker];
    must(rhb_channel_join(loop, &g->channels[worker]));
    must(rhb_parcel_take(loop, &g->waiting, &empty) == NULL && empty);
}

void generation_new(struct generation *g, struct rhb_test *t, change_options *change)
{
    *g = (struct generation){0};
    g->scores = aligned_alloc(64, SLOTS * sizeof *g->scores);
    must(g->scores != NULL);
    memset(g->scores, 0, SLOTS * sizeof *g->scores);
    g->waiting = queue_new();
    g->surplus = queue_new();
    for (int i = 0; i < SLOTS; i++)
        must((g->wake[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0);
    for (int i = 0; i < WORKERS; i++) {
        set_up(&g->f[i], t);
        if (change != NULL)
            change(&g->f[i].options);
        start(&g->f[i]);
        join(g, i);
    }
}

void settle(struct generation *g)
{
    for (int i = 0; i < WORKERS; i++)
        if (g->f[i].drained == 0)
            poll_until_idle(&g->f[i]);
}

static void close_queue(const struct rhb_queue *queue)
{
    close(queue->in);
    close(queue->out);
}

void generation_end(struct generation *g)
{
    struct rhb_test *t = g->f[0].t;
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (g->f[0].loop->open + g->f[1].loop->open > 0 && rhb_now_exact() < fails)
        settle(g);
    settle(g); /* frees what was sent away */
    for (int i = WORKERS - 1; i >= 0; i--)
        tear_down(&g->f[i]);
    char byte;
    CHECK(recv(g->waiting.out, &byte, 1, MSG_DONTWAIT) < 0);
    CHECK(recv(g->surplus.out, &byte, 1, MSG_DONTWAIT) < 0);
    close_queue(&g->waiting);
    close_queue(&g->surplus);
    for (int i = 0; i < SLOTS; i++)
        close(g->wake[i]);
    free(g->scores);
}

int answer_from_any(struct generation *g, struct client *c)
{
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (!client_has_answer(c) && !c->ended && !c->reset && rhb_now_exact() < fails)
        settle(g);
    return answer_to(&g->f[0], c);
}

struct rhb_conn *travel(struct generation *g, int from, struct rhb_conn *conn)
{
    struct rhb_test *t = g->f[0].t;
    struct rhb_loop *to = g->f[1 - from].loop;
    bool empty;
    CHECK_INT(rhb_parcel_send(g->f[from].loop, conn, &g->waiting), RHB_PARCEL_OK);
    conn = rhb_parcel_take(to, &g->waiting, &empty);
    must(conn != NULL);
    if (conn->state == RHB_CONN_BUSY)
        rhb_make_ready(to, conn);
    return conn;
}

void send_to_any(struct generation *g, int from, struct rhb_conn *conn)
{
    struct rhb_test *t = g->f[0].t;
    rhb_count(&g->in_queues[0]);
    CHECK_INT(rhb_parcel_send(g->f[from].loop, conn, &g->waiting), RHB_PARCEL_OK);
}
