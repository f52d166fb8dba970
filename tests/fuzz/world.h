/* The environment of a script of fuzz_loop.c: a loop on a unix socket, clients in the same process
 * (clients.c), and an application whose behaviour the script sets (application.c). Both sides
 * record what they have sent and received; the invariants compare that. */
#ifndef RHB_FUZZ_WORLD_H
#define RHB_FUZZ_WORLD_H

#include "base/bytes.h"
#include "fuzz.h"
#include "loop/loop.h"
#include "reference.h"
#include <sys/socket.h>
#include <sys/un.h>

enum { WORLD_CLIENTS = 12 };

/* One connection, seen from both sides. In the order of connecting, which is that of accepting. */
struct client {
    int fd;                /* -1 once the client has closed */
    bool shut;             /* its writing side */
    struct rhb_bytes sent; /* by the client */
    struct rhb_bytes got;  /* by the client */
    bool saw_end;          /* EOF or a reset */

    size_t delivered_len; /* bytes of `sent` that belong to delivered requests */
    unsigned delivered;   /* requests */
    unsigned answered;    /* of these, to the last byte, as far as the application knows */
    bool done;   /* no further request is delivered: it is closed, or its response said so */
    bool broken; /* its response was aborted */
};

/* What the application does with the next requests. */
struct behaviour {
    bool keeps;
    bool holds;         /* the request is answered only before the next step of the loop */
    bool aborts;        /* the request is aborted */
    bool partial_sends; /* each send takes only a part */
    size_t padding;
};

struct world {
    struct rhb_loop *loop;
    struct rhb_loop_options options;
    struct rhb_access_log *log; /* NULL: none */
    struct rhb_reports reports;
    int listener;
    int wake[2];
    struct sockaddr_un address;
    socklen_t address_len;

    struct client clients[WORLD_CLIENTS];
    size_t n_clients;
    struct client *last; /* the client of the last step that had one */

    struct behaviour behaviour;
    struct rhb_conn *held; /* its request is not answered yet */
    unsigned suspended;    /* responses */
    bool must_wait;        /* the last poll returned WAIT */
    bool drained;
    bool stopping;
    bool late; /* so much time has passed that a deadline may have expired */
};

/* ---- clients.c ---- */

void client_connect(struct world *world);
void client_send(struct client *client, const char *bytes, size_t len);
void client_shut(struct client *client);
void client_close(struct client *client);

/* What the bytes behind the last delivered request are: the next request, or a refusal. */
void client_reference(const struct world *world, const struct client *client,
                      struct reference *next);

/* Receives what is there. False when there was nothing. */
bool client_read(struct client *client);

/* Compares what a client has received with what the application has sent it. For a client that has
 * read everything, of a loop that has nothing to do. */
void client_check(const struct world *world, const struct client *client);

void client_free(struct client *client);

/* ---- application.c ---- */

/* One step of the loop: one poll and its event, or the wait that the last poll asked for. A held
 * request is answered first. False when there was no event. */
bool world_step(struct world *world);

/* Answers the held request. */
void world_answer_held(struct world *world);

/* Frees the suspended responses. */
void world_release_owners(struct world *world);

#endif
