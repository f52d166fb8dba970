/* The world that a script of fuzz_loop.c plays in: a loop on a unix socket, clients in the same
 * process, an application that does as it was told. clients.c is the one side, application.c the
 * other; what each knows is what the invariants compare. */
#ifndef RHB_FUZZ_WORLD_H
#define RHB_FUZZ_WORLD_H

#include "base/bytes.h"
#include "fuzz.h"
#include "loop/loop.h"
#include "reference.h"
#include <sys/socket.h>
#include <sys/un.h>

enum { WORLD_CLIENTS = 12 };

/* One connection, from both sides. In the order of connecting, which is the order of accepting. */
struct client {
    int fd;                /* -1 once the client has closed */
    bool shut;             /* its writing side */
    struct rhb_bytes sent; /* by the client */
    struct rhb_bytes got;  /* by the client */
    bool saw_end;          /* EOF or a reset */

    size_t delivered_len; /* bytes of `sent` that the delivered requests took */
    unsigned delivered;   /* requests */
    unsigned answered;    /* of them to the last byte, as far as the loop's side knows */
    bool done;            /* no further request may come: closed, or told so */
    bool broken;          /* its response was given up */
};

/* What the application does with the requests that come next. */
struct manners {
    bool keeps;
    bool holds;    /* the request waits until the loop is looked at again */
    bool aborts;   /* gives up instead of answering */
    bool dribbles; /* each send takes a part only */
    size_t padding;
};

struct world {
    struct rhb_loop *loop;
    struct rhb_loop_options options;
    struct rhb_access_log *log; /* NULL: none */
    int listener;
    int wake[2];
    struct sockaddr_un address;
    socklen_t address_len;

    struct client clients[WORLD_CLIENTS];
    size_t n_clients;
    struct client *last; /* that did something */

    struct manners manners;
    struct rhb_conn *held; /* its request waits for an answer */
    unsigned suspended;    /* responses whose owner the loop has */
    bool must_wait;        /* the loop said so */
    bool drained;
    bool stopping;
    bool late; /* so much time has passed that deadlines may have */
};

/* ---- clients.c ---- */

void client_connect(struct world *world);
void client_send(struct client *client, const char *bytes, size_t len);
void client_shut(struct client *client);
void client_close(struct client *client);

/* What the bytes that no delivered request took amount to. */
void client_reference(const struct world *world, const struct client *client,
                      struct reference *next);

/* Reads what is there; whether there was anything. */
bool client_read(struct client *client);

/* Compares what a client has got with what its connection was given. For a client that has read
 * everything, of a loop that has nothing to do. */
void client_check(const struct world *world, const struct client *client);

void client_free(struct client *client);

/* ---- application.c ---- */

/* One step of the loop: an event taken, or the wait that it asked for. A held request is answered
 * first. Whether there was an event. */
bool world_step(struct world *world);

/* Answers the request that is held. */
void world_answer_held(struct world *world);

/* Frees the responses that still wait. */
void world_release_owners(struct world *world);

#endif
