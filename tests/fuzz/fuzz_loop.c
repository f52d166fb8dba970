/* The state machine of connections, driven by scripts for the clients, the application and time.
 *
 * Invariants: the delivered requests are those that parsing all bytes of the client at once gives
 * (reference.h); each answer arrives once, whole and in order; a refusal has the status of the
 * reference; a connection is closed only for a reason; the lists and counts of the loop agree;
 * every wait ends; and at the end no connection, live object or descriptor is left.
 *
 * Input: two bytes of options, then steps: a byte with the kind of step (its upper half: a client
 * or a number), and the bytes that enum step lists for it. */
#define _GNU_SOURCE
#include "base/live.h"
#include "http/proxy_protocol.h"
#include "kernel.h"
#include "world.h"
#include <fcntl.h>
#include <unistd.h>

/* In the lower four bits. */
enum step {
    SEND,    /* a byte: the length; then the bytes */
    SEND_16, /* the same, with a length of two bytes */
    SHUT,
    CLOSE,
    READ,
    CONNECT,
    STEP,      /* the number plus one: steps of the loop */
    RUN,       /* steps of the loop, until a wait brings no event */
    PASS,      /* time: a row of passes[] */
    BEHAVIOUR, /* a byte: enum behaviour_flag */
    STOP,
    WAKE,
    FAULT, /* the number: which call fails; a byte: with which error, and how many calls from now */
    FILL,  /* the number plus one: so many times 3000 bytes of the client that sent last */
    STEPS
};

enum behaviour_flag { CLOSES = 1, HOLDS = 2, ABORTS = 4, PARTIAL_SENDS = 8, PADDING = 48 };

enum option {
    SMALL_BODIES = 1, /* in a file from 16 bytes on */
    NO_KEEP_ALIVE = 2,
    TWO_REQUESTS = 4, /* in one connection at most */
    SMALL_BUFFERS = 8,
    WITH_LOG = 16,
    NO_BODY_LIMIT = 32,
    FREE_AT_ONCE = 64, /* at the end, instead of stopping */
    CROWDED = 128,     /* three connections at most; bodies have a lowest rate */

    /* in the second byte, together with the behaviour */
    WITH_PROXY = 64 << 8, /* connections start with a PROXY header */
    IN_BLOCKS = 128 << 8  /* bodies are received in blocks, and from 20 bytes on in turns */
};

enum { MAX_STEPS = 400, PATIENCE = 20000, DESCRIPTORS = 64 };

/* After more time than this, a deadline may have expired. */
#define LATE (900 * RHB_NS_PER_MS)

static const uint64_t passes[] = {1, 10, 101, 400, 1001, 2100, 3100, 7000};

static const uint64_t timeouts[RHB_CONN_PARKED_STATES] = {
    [RHB_CONN_FRESH] = 3 * RHB_NS_PER_SECOND, [RHB_CONN_HEAD] = 3 * RHB_NS_PER_SECOND,
    [RHB_CONN_BODY] = 5 * RHB_NS_PER_SECOND,  [RHB_CONN_SEND] = 5 * RHB_NS_PER_SECOND,
    [RHB_CONN_IDLE] = 4 * RHB_NS_PER_SECOND,  [RHB_CONN_LINGER] = 2 * RHB_NS_PER_SECOND,
};

static size_t count_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

/* ---- the world ---- */

static void *make_block(size_t size, char **data)
{
    return *data = malloc(size);
}

static struct rhb_body_memory blocks = {.make = make_block, .release = free, .block_size = 7};

static void choose_options(struct world *world, unsigned chosen)
{
    world->options = (struct rhb_loop_options){
        .limits = {.line = 200, .head = 1000, .field = 300},
        .max_fields = REFERENCE_FIELDS,
        .max_body = chosen & NO_BODY_LIMIT ? 0 : 64,
        .body_buffer = chosen & SMALL_BODIES ? 16 : 1 << 20,
        .body_memory = chosen & IN_BLOCKS ? &blocks : NULL,
        .large_body = chosen & IN_BLOCKS ? 20 : 0,
        .max_keepalive_requests = chosen & TWO_REQUESTS ? 2 : 0,
        .max_connections = chosen & CROWDED ? 3 : 0,
        .min_rate = chosen & CROWDED ? 1000 : 0,
        .keep_alive = !(chosen & NO_KEEP_ALIVE),
        .proxy_versions = chosen & WITH_PROXY ? RHB_PROXY_V1 | RHB_PROXY_V2 : 0,
        .proxy_allowed = {.unix_sockets = true},
        .server = "rhebok",
        .server_len = 6,
    };
    memcpy(world->options.timeouts, timeouts, sizeof timeouts);
    fuzz_kernel.small_buffers = chosen & SMALL_BUFFERS;
}

/* The kernel selects the address, which is not a file (unix(7), autobind). */
static void open_listener(struct world *world)
{
    sa_family_t family = AF_UNIX;
    world->address_len = sizeof world->address;
    world->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    MUST(bind(world->listener, (struct sockaddr *)&family, sizeof family) == 0);
    MUST(listen(world->listener, WORLD_CLIENTS + 1) == 0);
    MUST(getsockname(world->listener, (struct sockaddr *)&world->address, &world->address_len) ==
         0);
}

static void open_log(struct world *world)
{
    const char *error;
    size_t error_at;
    world->log = rhb_access_log_new("%(h)s %(u)s %(t)s \"%(r)s\" %(s)s %(b)s \"%(a)s\" %({date}o)s",
                                    &error, &error_at);
    MUST(world->log != NULL && rhb_access_log_open(world->log, "/dev/null", -1) == 0);
    world->reports.access_log = world->log;
    world->loop->reports = &world->reports;
}

static void set_up(struct world *world, unsigned chosen)
{
    fuzz_kernel = (struct fuzz_kernel){.scripted = true, .frozen = true, .now = RHB_NS_PER_SECOND};
    *world = (struct world){.behaviour.keeps = true};
    choose_options(world, chosen);
    open_listener(world);
    MUST(pipe2(world->wake, O_NONBLOCK | O_CLOEXEC) == 0);
    struct rhb_listener listener = {.fd = world->listener, .is_unix = true};
    world->loop = rhb_loop_new(&world->options, &listener, 1, world->wake[0]);
    MUST(world->loop != NULL);
    if (chosen & WITH_LOG)
        open_log(world);
}

static void tear_down(struct world *world)
{
    MUST(world->loop->open == 0 || world->suspended == 0);
    rhb_loop_free(world->loop);
    rhb_access_log_free(world->log);
    for (size_t i = 0; i < world->n_clients; i++)
        client_free(&world->clients[i]);
    close(world->listener);
    close(world->wake[0]);
    close(world->wake[1]);
    for (int kind = 0; kind < RHB_LIVE_KINDS; kind++)
        MUST(rhb_live_count((enum rhb_live_kind)kind) == 0);
    fuzz_kernel.scripted = false;
}

/* ---- invariants of a loop that waits ---- */

static size_t count_list(const struct rhb_link *head)
{
    size_t count = 0;
    for (const struct rhb_link *link = head->next; link != head; link = link->next)
        count++;
    return count;
}

static size_t check_parked(const struct rhb_loop *loop, int state)
{
    const struct rhb_link *head = &loop->parked[state];
    uint64_t last = 0;
    for (const struct rhb_link *link = head->next; link != head; link = link->next) {
        const struct rhb_conn *conn = (const struct rhb_conn *)link;
        MUST(conn->state == state && conn->registered && conn->deadline >= last);
        MUST(state != RHB_CONN_HEAD || conn->in.len > 0);
        MUST(state != RHB_CONN_IDLE || (conn->in.data == NULL && conn->incoming == NULL));
        MUST(state != RHB_CONN_LINGER || (conn->in.data == NULL && conn->incoming == NULL));
        MUST((state == RHB_CONN_BODY) == (conn->incoming != NULL) || state == RHB_CONN_SEND);
        last = conn->deadline;
    }
    return count_list(head);
}

static void check_lists(const struct world *world)
{
    const struct rhb_loop *loop = world->loop;
    size_t count = loop->in_grace != NULL;
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        count += check_parked(loop, state);
    MUST(count_list(&loop->parked[RHB_CONN_SEND]) == world->suspended);
    count += count_list(&loop->ready) + count_list(&loop->awaiting_turn);
    MUST(count == loop->open && loop->registered <= loop->open);
    MUST(rhb_live_count(RHB_LIVE_CONNECTION) == (long)loop->open);
    MUST(loop->lane->current == NULL && loop->lane->held_input == NULL);
    MUST(loop->stopping || loop->open <= loop->options.max_connections);
}

/* ---- steps ---- */

static void run_until_wait(struct world *world)
{
    for (int i = 0; !world->drained; i++) {
        MUST(i < PATIENCE);
        world_step(world);
        if (world->must_wait && world->held == NULL)
            break;
    }
    if (world->loop->lane->current == NULL)
        check_lists(world);
}

/* Steps until there is nothing to do, one wait, and the steps that it brings. */
static void run(struct world *world)
{
    run_until_wait(world);
    if (!world->drained)
        world_step(world);
    run_until_wait(world);
}

static void pass(struct world *world, unsigned row)
{
    fuzz_kernel.now += passes[row % (sizeof passes / sizeof *passes)] * RHB_NS_PER_MS;
    world->late = world->late || fuzz_kernel.now - RHB_NS_PER_SECOND > LATE;
}

static void set_manners(struct behaviour *behaviour, uint8_t chosen)
{
    static const size_t paddings[] = {0, 100, 6000, 30000};
    *behaviour = (struct behaviour){
        .keeps = !(chosen & CLOSES),
        .holds = chosen & HOLDS,
        .aborts = chosen & ABORTS,
        .partial_sends = chosen & PARTIAL_SENDS,
        .padding = paddings[(chosen & PADDING) / 16],
    };
}

static void stop(struct world *world)
{
    world->stopping = true;
    rhb_loop_stop(world->loop);
}

static void send_bytes(struct client *client, struct fuzz_input *in, size_t len)
{
    const char *bytes = fuzz_read(in, len, &len);
    client_send(client, bytes, len);
}

static void fill(struct client *client, unsigned times)
{
    char bytes[3000];
    memset(bytes, 'f', sizeof bytes);
    for (unsigned i = 0; i < times; i++)
        client_send(client, bytes, sizeof bytes);
}

static void client_step(struct world *world, enum step step, unsigned number, struct fuzz_input *in)
{
    if (world->n_clients == 0)
        client_connect(world);
    MUST(world->n_clients > 0);
    struct client *client = &world->clients[number % world->n_clients];
    world->last = client;
    size_t len = step == SEND_16 ? (size_t)(fuzz_byte(in) << 8) : 0;
    switch (step) {
    case SEND:
    case SEND_16:
        send_bytes(client, in, len + fuzz_byte(in));
        break;
    case SHUT:
        client_shut(client);
        break;
    case CLOSE:
        client_close(client);
        break;
    default:
        client_read(client);
    }
}

static void loop_step(struct world *world, enum step step, unsigned number, struct fuzz_input *in)
{
    uint8_t more;
    switch (step) {
    case STEP:
        for (unsigned i = 0; i <= number && !world->drained; i++)
            world_step(world);
        break;
    case RUN:
        run(world);
        break;
    case PASS:
        pass(world, number);
        break;
    case BEHAVIOUR:
        set_manners(&world->behaviour, fuzz_byte(in));
        break;
    case STOP:
        stop(world);
        break;
    case WAKE:
        MUST(write(world->wake[1], "!", 1) == 1);
        break;
    case FAULT:
        more = fuzz_byte(in);
        fuzz_kernel_fault((enum fuzz_call)(number % FUZZ_CALLS), more / 4 + 1u, more % 4);
        break;
    case FILL:
        if (world->last != NULL)
            fill(world->last, number + 1);
        break;
    default:
        client_connect(world);
    }
}

static void play(struct world *world, struct fuzz_input *in)
{
    for (int i = 0; i < MAX_STEPS && in->len > 0 && !world->drained; i++) {
        uint8_t byte = fuzz_byte(in);
        enum step step = (enum step)(byte % 16 % STEPS);
        if (step <= READ)
            client_step(world, step, byte / 16, in);
        else
            loop_step(world, step, byte / 16, in);
    }
}

/* ---- the end of a script ---- */

/* All clients read, the application answers everything, no time passes, until nothing changes. */
static void run_until_quiet(struct world *world)
{
    set_manners(&world->behaviour, 0);
    memset(fuzz_kernel.faults, 0, sizeof fuzz_kernel.faults);
    for (int quiet = 0, rounds = 0; quiet < 3; rounds++) {
        bool moved = world->held != NULL || !rhb_list_empty(&world->loop->awaiting_turn);
        run_until_wait(world);
        moved = moved || world->loop->in_grace != NULL;
        for (size_t i = 0; i < world->n_clients; i++)
            moved = client_read(&world->clients[i]) || moved;
        quiet = moved ? 0 : quiet + 1;
        MUST(rounds < PATIENCE);
    }
    for (size_t i = 0; i < world->n_clients; i++)
        client_check(world, &world->clients[i]);
}

/* Time passes, and the clients are still connected but do nothing. */
static void drain(struct world *world)
{
    fuzz_kernel.frozen = false;
    if (!world->stopping)
        stop(world);
    for (int i = 0; !world->drained; i++) {
        MUST(i < PATIENCE);
        world_step(world);
    }
    MUST(world->loop->open == 0 && world->loop->registered == 0 && world->suspended == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    unsigned chosen = fuzz_byte(&in);
    chosen |= (unsigned)fuzz_byte(&in) << 8;
    size_t descriptors = count_descriptors();
    struct world world;
    set_up(&world, chosen);
    set_manners(&world.behaviour, (uint8_t)(chosen >> 8));
    play(&world, &in);
    if (!(chosen & FREE_AT_ONCE)) {
        run_until_quiet(&world);
        drain(&world);
    }
    world_release_owners(&world);
    tear_down(&world);
    MUST(count_descriptors() == descriptors);
    return 0;
}
