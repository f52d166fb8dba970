#include "http/proxy_protocol.h"
#include "kernel.h"
#include "world.h"
#include <errno.h>
#include <unistd.h>

/* Not rhb_bytes_append, for which the script may make memory fail. */
static void append(struct rhb_bytes *all, const char *bytes, size_t len)
{
    char *data = realloc(all->data, all->len + len);
    MUST(data != NULL);
    memcpy(data + all->len, bytes, len);
    all->data = data;
    all->len += len;
    all->cap = all->len;
}

void client_connect(struct world *world)
{
    struct client *client = &world->clients[world->n_clients];
    if (world->n_clients == WORLD_CLIENTS)
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    MUST(fd >= 0);
    if (connect(fd, (struct sockaddr *)&world->address, world->address_len) != 0) {
        close(fd);
        return;
    }
    *client = (struct client){.fd = fd};
    world->n_clients++;
}

void client_send(struct client *client, const char *bytes, size_t len)
{
    if (client->fd < 0 || client->shut || len == 0)
        return;
    ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);
    if (n > 0)
        append(&client->sent, bytes, (size_t)n);
}

void client_shut(struct client *client)
{
    if (client->fd >= 0)
        shutdown(client->fd, SHUT_WR);
    client->shut = true;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

void client_reference(const struct world *world, const struct client *client,
                      struct reference *next)
{
    const char *sent = client->sent.len > 0 ? client->sent.data + client->delivered_len : "";
    size_t len = client->sent.len - client->delivered_len;
    struct rhb_proxy_header header = {0};
    if (world->options.proxy_versions != 0 && client->delivered == 0) {
        enum rhb_proxy_result result =
            rhb_proxy_read(&header, world->options.proxy_versions, sent, len);
        *next = (struct reference){.kind = REFERENCE_INCOMPLETE};
        if (result == RHB_PROXY_BAD)
            *next = (struct reference){.kind = REFERENCE_REFUSED, .status = 400};
        if (result != RHB_PROXY_OK)
            return;
    }
    reference_next(next, &world->options.limits, world->options.max_body, sent + header.len,
                   len - header.len);
    next->used += header.len;
}

bool client_read(struct client *client)
{
    char bytes[16384];
    bool any = false;
    ssize_t n = 1;
    while (client->fd >= 0 && !client->saw_end && n > 0) {
        n = recv(client->fd, bytes, sizeof bytes, 0);
        if (n > 0)
            append(&client->got, bytes, (size_t)n);
        if (n > 0)
            any = true;
        else
            client->saw_end = n == 0 || (errno != EAGAIN && errno != EINTR);
    }
    return any;
}

void client_free(struct client *client)
{
    client_close(client);
    rhb_bytes_free(&client->sent);
    rhb_bytes_free(&client->got);
}

/* ---- what a client has received ---- */

/* The responses that a client has received. */
struct answers {
    const char *at, *end;
    unsigned good; /* complete ones of the application */
    int refusal;   /* status of the loop's own response; 0: none */
    bool torn;     /* the last one is incomplete */
};

struct response {
    int status;
    const char *body;
    size_t body_len;
};

/* Reads the next response; false when it is incomplete. The loop's response to HEAD has no body. */
static bool next_response(struct answers *answers, struct response *response)
{
    struct phr_header fields[16];
    size_t count = 16, reason_len;
    const char *reason;
    int minor_version;
    int used = phr_parse_response(answers->at, (size_t)(answers->end - answers->at), &minor_version,
                                  &response->status, &reason, &reason_len, fields, &count, 0);
    MUST(used > 0 || used == -2);
    if (used < 0)
        return false;
    response->body = answers->at + used;
    response->body_len = 0;
    for (size_t i = 0; i < count; i++)
        if (fuzz_same(fields[i].name, fields[i].name_len, "Content-Length", 14))
            response->body_len = strtoul(fields[i].value, NULL, 10);
    size_t there = (size_t)(answers->end - response->body);
    if (response->status >= 400 && there == 0)
        response->body_len = 0;
    answers->at = response->body + (response->body_len < there ? response->body_len : there);
    return response->body_len <= there;
}

/* The application numbers its responses: each is received once, in order. */
static void count_response(struct answers *answers, const struct response *response)
{
    MUST(answers->refusal == 0); /* nothing follows one */
    if (response->status >= 400)
        answers->refusal = response->status;
    else if (response->status == 200)
        MUST(strtoul(response->body, NULL, 10) == answers->good++);
    else
        MUST(response->status == 100);
}

static struct answers read_answers(const struct client *client)
{
    if (client->got.len == 0)
        return (struct answers){0};
    struct answers answers = {.at = client->got.data, .end = client->got.data + client->got.len};
    struct response response;
    while (answers.at < answers.end && !answers.torn) {
        answers.torn = !next_response(&answers, &response);
        if (!answers.torn)
            count_response(&answers, &response);
    }
    return answers;
}

/* ---- what it must have received ---- */

/* Whether the connection may have been closed for another one: it was idle or silent. */
static bool gave_room(const struct world *world, const struct client *client)
{
    return world->options.max_connections != 0 && client->sent.len == client->delivered_len;
}

/* The state of the connection must follow from what the client has sent. */
static void check_state(const struct world *world, const struct client *client,
                        const struct answers *answers)
{
    struct reference next;
    client_reference(world, client, &next);
    MUST(next.kind != REFERENCE_REQUEST);
    if (next.kind == REFERENCE_REFUSED) {
        MUST(client->saw_end);
        MUST(answers->refusal == next.status ||
             (next.other_status != 0 && answers->refusal == next.other_status));
    } else {
        MUST(answers->refusal == 0);
        MUST(client->saw_end == client->shut || gave_room(world, client));
    }
    reference_free(&next);
}

/* The loop sends a refusal without waiting until its client reads. */
static bool may_miss_refusal(const struct client *client, size_t number)
{
    return client->saw_end && fuzz_kernel.full[number];
}

/* After an expired deadline or a failed call, less is certain. */
void client_check(const struct world *world, const struct client *client)
{
    struct answers answers = read_answers(client);
    size_t number = (size_t)(client - world->clients);
    MUST(answers.good <= client->answered);
    if (client->fd < 0 || client->broken || fuzz_kernel.failed > 0 ||
        may_miss_refusal(client, number))
        return;
    MUST(!answers.torn && answers.good == client->answered);
    MUST(client->answered == client->delivered);
    if (world->late || world->stopping || number >= fuzz_kernel.accepted)
        return;
    if (client->done)
        MUST(client->saw_end && answers.refusal == 0);
    else
        check_state(world, client, &answers);
}
