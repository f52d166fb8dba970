/* For the tests of the loop: a loop with a unix and a TCP listener, an application whose responses
 * describe the request, and clients in the same process. Nothing sleeps: the loop is polled until a
 * condition holds, and a test that waits for too long fails. */
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
    struct rhb_reports reports; /* of a test that has a log */
    struct sockaddr_in tcp;
    char dir[48], path[64];
    int wake[2];
    size_t fds; /* descriptors that were open before */
    uint64_t fails_at;
    bool must_wait; /* the last poll returned WAIT */

    /* of the application */
    size_t padding; /* bytes of body behind "METHOD PATH LENGTH" */
    bool closes;    /* every connection */
    bool holds;     /* requests are not answered; the connection is in held */
    struct rhb_conn *held;
    struct rhb_bytes body; /* of the last request */

    /* the number of events so far */
    unsigned requests, writable, lost, body_errors, answer_errors, wakes, waits, drained;
};

/* Limits as the server's defaults, every deadline a minute away. start makes the loop. */
void set_up(struct fixture *f, struct rhb_test *t);
void start(struct fixture *f);
static inline void set_up_and_start(struct fixture *f, struct rhb_test *t)
{
    set_up(f, t);
    start(f);
}

/* Waits until the last connection has ended, then checks that nothing is left. All clients have
 * been closed. */
void tear_down(struct fixture *f);

/* One rhb_loop_poll and the handling of its event, or the wait that the last poll asked for. False
 * when the test has waited for too long. */
bool step(struct fixture *f);

/* Polls the loop until the condition holds; fails the test when it never does. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        restart_timer(&f);                                                                         \
        while (!(condition) && step(&f))                                                           \
            ;                                                                                      \
        CHECK(condition);                                                                          \
    } while (0)
void restart_timer(struct fixture *f);

/* Polls until the loop has nothing to do and has waited in epoll. */
void poll_until_idle(struct fixture *f);

/* Answers the current request, or holds it. */
void answer(struct fixture *f, struct rhb_conn *conn);

/* The number of connections in this state, and the first of them. */
size_t parked(const struct fixture *f, enum rhb_conn_state state);
struct rhb_conn *first_parked(const struct fixture *f, enum rhb_conn_state state);

/* ---- clients ---- */

struct client {
    int fd;
    struct rhb_bytes got; /* received, and not yet read by answer_to */
    bool ended, reset;    /* by the server */
    char body[256];       /* of the last answer, its beginning */
    size_t body_len;      /* all of it */
    bool kept;            /* by the Connection field of the last answer */
};

/* Connected, into the backlog. */
struct client client_new(struct fixture *f, int by);
void client_close(struct client *c);
void client_reset(struct client *c); /* RST */
void client_shut(struct client *c);  /* FIN, still reading */
void client_send(struct fixture *f, struct client *c, const char *bytes, size_t len);
void client_send_text(struct fixture *f, struct client *c, const char *text);

/* Receives what is there. True once a whole answer has arrived. */
bool client_has_answer(struct client *c);
/* Receives what is there. True once the server has ended the connection. */
bool client_sees_end(struct client *c);
/* Waits for the next answer; its status, 0 when none comes. */
int answer_to(struct fixture *f, struct client *c);
/* Waits for the end of the connection: true if it is not a reset. */
bool ends_well(struct fixture *f, struct client *c);

/* A body of which every part is different. */
char *pattern_new(size_t len);

#endif
