/* What the tests of the loop share: a loop with a unix and a TCP listener, an application that says
 * what it was asked, and clients in the same process. Nothing here sleeps: the loop is polled until
 * a condition holds, and a test that waits for ever gives up. */
#ifndef RHB_TEST_LOOP_FIXTURE_H
#define RHB_TEST_LOOP_FIXTURE_H

#include "harness.h"
#include "loop/loop.h"

enum { BY_UNIX, BY_TCP, LISTENERS };
#define MS RHB_NS_PER_MS

struct fixture {
    struct rhb_test *t;
    struct rhb_loop_options options; /* to be changed between set_up and start */
    struct rhb_listener listeners[LISTENERS];
    struct rhb_loop *loop;
    struct sockaddr_in tcp;
    char dir[48], path[64];
    int wake[2];
    size_t fds; /* descriptors that were open before */
    uint64_t give_up_at;
    bool must_wait; /* the loop's last word was WAIT */

    /* of the application */
    size_t padding; /* bytes of body behind "METHOD PATH LENGTH" */
    bool closes;    /* whatever the client wants */
    bool holds;     /* requests are left to the test, in held */
    struct rhb_conn *held;
    struct rhb_bytes body; /* of the last request */

    /* what the loop said so far */
    unsigned requests, writable, lost, wakes, waits, drained;
};

/* Limits as the server's defaults, every deadline a minute away. start makes the loop. */
void set_up(struct fixture *f, struct rhb_test *t);
void start(struct fixture *f);
static inline void set_up_and_start(struct fixture *f, struct rhb_test *t)
{
    set_up(f, t);
    start(f);
}

/* Waits until the last connection is gone, then checks that nothing is left of it all. The clients
 * have been closed. */
void tear_down(struct fixture *f);

/* One call of rhb_loop_poll with what it asks for, or the wait that the last one asked for. False
 * when the test has waited for too long. */
bool step(struct fixture *f);

/* Polls the loop until the condition holds; fails the test when it never does. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        patience(&f);                                                                              \
        while (!(condition) && step(&f))                                                           \
            ;                                                                                      \
        CHECK(condition);                                                                          \
    } while (0)
void patience(struct fixture *f);

/* Polls until the loop has nothing to do, having asked epoll meanwhile. */
void settle(struct fixture *f);

/* Answers the request at hand, or holds it until later. */
void answer(struct fixture *f, struct rhb_conn *conn);

/* How many connections wait for this, and the first of them. */
size_t parked(const struct fixture *f, enum rhb_conn_state state);
struct rhb_conn *first_parked(const struct fixture *f, enum rhb_conn_state state);

/* ---- clients ---- */

struct client {
    int fd;
    struct rhb_bytes got; /* and not yet read by answer_to */
    bool ended, reset;    /* by the server */
    char body[256];       /* of the last answer, its beginning */
    size_t body_len;      /* all of it */
    bool kept;            /* the last answer said keep-alive */
};

/* Connected, into the backlog. */
struct client client_new(struct fixture *f, int by);
void client_close(struct client *c);
void client_reset(struct client *c); /* RST */
void client_shut(struct client *c);  /* FIN, still reading */
void client_send(struct fixture *f, struct client *c, const char *bytes, size_t len);
void client_says(struct fixture *f, struct client *c, const char *text);

/* Takes what has come. True once a whole answer is there. */
bool client_has_answer(struct client *c);
/* Takes what has come. True once the server has ended the connection. */
bool client_sees_end(struct client *c);
/* Waits for the next answer; its status, 0 when none comes. */
int answer_to(struct fixture *f, struct client *c);
/* Waits for the connection's end: true when it is one, and not a reset. */
bool ends_well(struct fixture *f, struct client *c);

/* A body that tells its places apart. */
char *pattern_new(size_t len);

#endif
