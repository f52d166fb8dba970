#include "kernel.h"
#include "loop/socket_io.h"
#include "world.h"

/* An answer that is being sent: the owner of a connection whose socket does not take it at once. */
struct reply {
    struct client *client;
    char *data;
    size_t len, at;
    bool keep;
};

static struct client *client_of(struct world *world, const struct rhb_conn *conn)
{
    MUST(conn->fd >= 0 && conn->fd < FUZZ_MAX_FD);
    size_t number = fuzz_kernel.number[conn->fd];
    MUST(number < world->n_clients);
    return &world->clients[number];
}

/* ---- answering ---- */

static struct reply *reply_new(struct world *world, const struct rhb_conn *conn)
{
    char body[16];
    struct reply *reply = malloc(sizeof *reply);
    struct client *client = client_of(world, conn);
    size_t number = (size_t)snprintf(body, sizeof body, "%u.", client->delivered - 1);
    *reply = (struct reply){.client = client, .data = malloc(200 + world->behaviour.padding)};
    reply->keep = world->behaviour.keeps && rhb_loop_may_keep(world->loop, conn);
    reply->len = (size_t)sprintf(
        reply->data, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
        number + world->behaviour.padding, reply->keep ? "keep-alive" : "close", body);
    memset(reply->data + reply->len, '.', world->behaviour.padding);
    reply->len += world->behaviour.padding;
    return reply;
}

static void reply_free(struct reply *reply)
{
    free(reply->data);
    free(reply);
}

static void fail_reply(struct reply *reply)
{
    reply->client->broken = reply->client->done = true;
    reply_free(reply);
}

static void finish(struct world *world, struct rhb_conn *conn, struct reply *reply)
{
    reply->client->answered++;
    reply->client->done = !reply->keep;
    rhb_loop_done(world->loop, conn, reply->keep);
    reply_free(reply);
}

static void go_on(struct world *world, struct rhb_conn *conn, struct reply *reply)
{
    size_t done;
    if (world->behaviour.partial_sends)
        fuzz_kernel.send_at_most = reply->len / 2;
    enum rhb_io io = rhb_send(conn->fd, reply->data + reply->at, reply->len - reply->at, &done);
    fuzz_kernel.send_at_most = 0;
    reply->at += done;
    if (io == RHB_IO_OK) {
        finish(world, conn, reply);
        return;
    }
    if (io == RHB_IO_AGAIN && rhb_loop_suspend(world->loop, conn, reply)) {
        world->suspended++;
        return;
    }
    rhb_loop_abort(world->loop, conn);
    fail_reply(reply);
}

static void answer(struct world *world, struct rhb_conn *conn)
{
    if (world->behaviour.aborts) {
        struct client *client = client_of(world, conn);
        client->broken = client->done = true;
        rhb_loop_abort(world->loop, conn);
        return;
    }
    go_on(world, conn, reply_new(world, conn));
}

/* ---- events ---- */

/* A delivered request must be the next one that the client has sent, and the connection must be
 * kept. */
static void check_request(struct world *world, struct rhb_conn *conn)
{
    struct client *client = client_of(world, conn);
    struct reference expected;
    MUST(!client->done && conn->state == RHB_CONN_BUSY && conn->owner == NULL);
    client_reference(world, client, &expected);
    reference_must_be(&expected, &world->loop->lane->request);
    client->delivered_len += expected.used;
    client->delivered++;
    MUST(conn->requests == client->delivered);
    reference_free(&expected);
    if (world->behaviour.holds)
        world->held = conn;
    else
        answer(world, conn);
}

static struct reply *take_owner(struct world *world, struct rhb_conn *conn)
{
    struct reply *reply = conn->owner;
    MUST(reply != NULL && reply->client == client_of(world, conn) && world->suspended > 0);
    world->suspended--;
    conn->owner = NULL;
    return reply;
}

static void take_event(struct world *world, enum rhb_event event, struct rhb_conn *conn)
{
    switch (event) {
    case RHB_EVENT_REQUEST:
        check_request(world, conn);
        break;
    case RHB_EVENT_WRITABLE:
        go_on(world, conn, take_owner(world, conn));
        break;
    case RHB_EVENT_LOST:
        fail_reply(take_owner(world, conn));
        rhb_loop_abort(world->loop, conn);
        break;
    case RHB_EVENT_NO_BODY_FILE:
    case RHB_EVENT_ANSWER_FAILED:
    case RHB_EVENT_WAKE:
        break;
    case RHB_EVENT_DRAINED:
        MUST(world->stopping && world->loop->open == 0);
        world->drained = true;
        break;
    default:
        MUST(event == RHB_EVENT_WAIT);
        world->must_wait = true;
    }
}

bool world_step(struct world *world)
{
    struct rhb_conn *conn;
    world_answer_held(world);
    if (world->must_wait) {
        world->must_wait = false;
        rhb_loop_wait(world->loop);
        return false;
    }
    enum rhb_event event = rhb_loop_poll(world->loop, &conn);
    take_event(world, event, conn);
    return event != RHB_EVENT_WAIT && event != RHB_EVENT_DRAINED;
}

void world_answer_held(struct world *world)
{
    struct rhb_conn *conn = world->held;
    world->held = NULL;
    if (conn != NULL)
        answer(world, conn);
}

void world_release_owners(struct world *world)
{
    struct reply *reply;
    while ((reply = rhb_loop_next_owner(world->loop)) != NULL) {
        MUST(world->suspended > 0);
        world->suspended--;
        fail_reply(reply);
    }
    MUST(world->suspended == 0);
}
