#include "body_turns.h"
#include "parking.h"

/* The time of a turn. Receiving a large body from a fast client takes a tenth of it. */
#define TURN (10 * RHB_NS_PER_MS)

/* When bodies wait for longer, there are far more clients than turns can help. */
#define LONGEST_WAIT (100 * RHB_NS_PER_MS)

static struct rhb_body_turn *unused_turn(struct rhb_loop *loop, uint64_t now)
{
    for (int i = 0; i < RHB_BODY_TURNS; i++)
        if (loop->body_turns[i].of == NULL || loop->body_turns[i].until <= now)
            return &loop->body_turns[i];
    return NULL;
}

/* turn: NULL for a body that begins in addition to those with turns. */
static void give(struct rhb_body_turn *turn, struct rhb_incoming *incoming, uint64_t now)
{
    if (turn != NULL)
        *turn = (struct rhb_body_turn){.of = incoming, .until = now + TURN};
    incoming->has_turn = true;
    incoming->since = now; /* the wait does not count for --min-rate */
}

static void give_next(struct rhb_loop *loop, struct rhb_body_turn *turn, uint64_t now)
{
    struct rhb_conn *conn = (struct rhb_conn *)loop->awaiting_turn.next;
    rhb_unpark(loop, conn);
    give(turn, conn->incoming, now);
    rhb_make_ready(loop, conn);
}

void rhb_body_turn_init(const struct rhb_loop *loop, struct rhb_incoming *incoming)
{
    size_t large = loop->options.large_body;
    incoming->has_turn = large == 0 || incoming->body.expected < large;
}

bool rhb_body_turn_acquire(struct rhb_loop *loop, struct rhb_conn *conn)
{
    if (conn->incoming->has_turn)
        return true;
    uint64_t now = rhb_now_coarse();
    struct rhb_body_turn *turn =
        rhb_list_empty(&loop->awaiting_turn) ? unused_turn(loop, now) : NULL;
    if (turn != NULL) {
        give(turn, conn->incoming, now);
        return true;
    }
    rhb_unpark(loop, conn);
    conn->state = RHB_CONN_READY;
    rhb_list_push(&loop->awaiting_turn, &conn->link);
    return false;
}

void rhb_body_turn_release(struct rhb_loop *loop, const struct rhb_incoming *incoming)
{
    for (int i = 0; i < RHB_BODY_TURNS; i++) {
        struct rhb_body_turn *turn = &loop->body_turns[i];
        if (turn->of != incoming)
            continue;
        turn->of = NULL;
        if (!rhb_list_empty(&loop->awaiting_turn))
            give_next(loop, turn, rhb_now_coarse());
        return;
    }
}

void rhb_body_turns_update(struct rhb_loop *loop, bool idle)
{
    if (rhb_list_empty(&loop->awaiting_turn))
        return;
    uint64_t now = rhb_now_coarse();
    bool one_more = idle;
    do {
        const struct rhb_conn *first = (struct rhb_conn *)loop->awaiting_turn.next;
        struct rhb_body_turn *turn = unused_turn(loop, now);
        if (turn == NULL && !one_more && first->incoming->since + LONGEST_WAIT > now)
            return;
        give_next(loop, turn, now);
        one_more = false;
    } while (!rhb_list_empty(&loop->awaiting_turn));
}
