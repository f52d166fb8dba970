/* The event loop of one worker: accepts, reads requests to their last byte, parks whatever is not
 * ready, and hands complete requests to the caller. It never waits but in rhb_loop_wait.
 *
 * The caller's life:
 *
 *     while (running) switch (rhb_loop_poll(loop, &conn)) {
 *     RHB_EVENT_REQUEST:  answer it; then rhb_loop_done or rhb_loop_suspend
 *     RHB_EVENT_WRITABLE: conn->owner goes on sending; then rhb_loop_done or rhb_loop_suspend
 *     RHB_EVENT_LOST:     conn->owner gives up; then rhb_loop_abort
 *     RHB_EVENT_WAKE:     a signal: look at it
 *     RHB_EVENT_WAIT:     nothing to do: rhb_loop_wait
 *     RHB_EVENT_DRAINED:  stopped, and no connection is left
 *     }
 *
 * One thread at a time is in the loop; who that is, is the caller's affair. A thread that has a
 * request at hand keeps it in its lane, and may be away with it while another one polls.
 *
 * Pieces: listeners.c accepts, capacity.c says whether one more can be, intake.c makes requests of
 * bytes, body_turns.c says which large bodies are received now, refusal.c answers bad requests,
 * parking.c keeps the lists of what waits, pace.c judges who is too slow, stopping.c ends it,
 * loop.c drives. */
#ifndef RHB_LOOP_H
#define RHB_LOOP_H

#include "base/clock.h"
#include "connection.h"
#include "http/forwarded.h"
#include "http/target.h"
#include "log/access_log.h"
#include "scoreboard.h"
#include <sys/epoll.h>

enum rhb_event {
    RHB_EVENT_NONE, /* inside the loop only: go on */
    RHB_EVENT_READ, /* inside intake.c only: the head is not whole, and there may be more of it */
    RHB_EVENT_REQUEST,
    RHB_EVENT_WRITABLE,
    RHB_EVENT_LOST,
    RHB_EVENT_WAKE,
    RHB_EVENT_WAIT,
    RHB_EVENT_DRAINED
};

/* Durations in nanoseconds, sizes in bytes. */
struct rhb_loop_options {
    struct phr_limits limits;
    size_t max_fields;
    uint64_t max_body; /* 0: no limit */
    size_t body_buffer;
    struct rhb_body_memory *body_memory; /* NULL: malloc's */
    size_t large_body; /* the least that is received in turns (body_turns.h); 0: none is */
    uint64_t timeouts[RHB_CONN_PARKED_STATES];
    uint64_t min_rate; /* bytes per second that a body must come at, a response be taken at */
    uint32_t max_connections;        /* 0: no limit */
    uint32_t max_keepalive_requests; /* 0: no limit */
    bool keep_alive;
    const char *server; /* value of the Server field */
    size_t server_len;
    struct rhb_forwarded_policy forwarded;  /* whose word about clients the access log takes */
    unsigned proxy_versions;                /* of PROXY headers; 0: connections begin without one */
    struct rhb_allowed_peers proxy_allowed; /* who must send it; nobody else may */
};

struct rhb_listener {
    int fd;
    bool is_unix;
    bool armed;   /* in epoll */
    bool ready;   /* epoll said so, or the last accept succeeded during a burst */
    bool burst;   /* more than one connection at a time has been seen: accept until EAGAIN */
    bool closing; /* while stopping for good: it takes nobody new (closing_port.h) */
    uint32_t
        owed; /* while stopping for good: connections of the queue that are still to be accepted */
};

/* A request that is complete. Valid until rhb_loop_done, rhb_loop_suspend or rhb_loop_abort. */
struct rhb_request {
    struct phr_request_head head;
    struct rhb_target target;
    struct rhb_framing framing;
    const char *path; /* of the target, percent-decoded */
    size_t path_len;
    const char *head_bytes; /* where the head stands */
    size_t head_len;
    const char *inline_body; /* the body when it came together with the head; otherwise NULL */
    struct rhb_body
        *body; /* the body when it did not; whoever takes its block or fd empties it here */
    uint64_t body_len;
};

/* What epoll's data says besides a connection's address. */
#define RHB_TAG_LISTENER UINT64_C(1)
#define RHB_TAG_WAKEUP UINT64_C(2)

enum {
    RHB_READ_SIZE = 65536,
    RHB_EVENTS = 128,
    RHB_MAX_LISTENERS = 255,
    RHB_GRACE_CREDIT = 16, /* misses in a row before fresh connections are parked at once */
    RHB_GRACE_PROBE = 64   /* of so many then, one gets its grace all the same */
};

/* What one thread needs to have a request at hand while others have theirs. */
struct rhb_lane {
    struct rhb_lane *next;
    struct rhb_conn *at_hand; /* whose request it is; NULL for none */
    struct rhb_request request;
    char *rest; /* bytes behind it: the next ones of a pipeline */
    size_t rest_len;
    bool reads_on;           /* within intake.c: what is not whole is read on by the caller */
    char *buffer;            /* RHB_READ_SIZE bytes that every read goes into first */
    char *path;              /* options.limits.line bytes for a path that had to be decoded */
    char *drop;              /* parked input that holds the request at hand, to be freed with it */
    struct rhb_score *score; /* what the master sees; never NULL. Not owned. */
    struct rhb_score no_score; /* where it points when there is no master */
};

/* To receive a large body: see body_turns.h. */
struct rhb_body_turn {
    const struct rhb_incoming *of; /* for comparison only: it may be gone. NULL: nobody's turn */
    uint64_t until;                /* coarse monotonic ns: then it is another's as well */
};
enum { RHB_BODY_TURNS = 4 };

struct rhb_loop {
    struct rhb_loop_options options;
    int epoll;
    int wakeup; /* readable end of the signal pipe, -1 for none */

    /* what waits */
    struct rhb_link parked[RHB_CONN_PARKED_STATES]; /* by deadline, earliest first */
    struct rhb_link ready;
    struct rhb_link awaiting_turn; /* to receive a large body */
    struct rhb_body_turn body_turns[RHB_BODY_TURNS];
    struct rhb_link spare; /* closed connections, to be used again */
    size_t n_spare;
    struct rhb_link limbo; /* closed while a thread sleeps in epoll, which may yet name them */
    size_t open;           /* connections that exist */
    size_t registered;     /* of them in epoll */

    /* listeners */
    struct rhb_listener *listeners;
    size_t n_listeners;
    size_t next_listener;      /* whose turn it is */
    uint64_t tick_at;          /* of the once-a-second look at the listeners */
    uint64_t accept_again_at;  /* when accepting is paused: for lack of room (of descriptors, while
                                * stopping), or, while stopping, for handshakes to end; 0 otherwise
                                */
    struct rhb_conn *in_grace; /* the fresh connection that rhb_loop_wait gives its short wait */
    int grace_credit;
    unsigned fresh_misses;
    unsigned served_since_look; /* requests since epoll was last asked */
    bool look_at_deadlines;     /* time has passed since they were last looked at */
    bool woke_at_once;          /* the last wait did not wait: connections come in bursts */
    bool fresh_first;           /* a listener has just been reported */
    bool ready_turn;            /* whether the ready list or the listeners go first */
    bool stopping;
    bool forks;            /* the application does: a child may hold any connection */
    bool forked;           /* this is the loop in a child of its process: see rhb_loop_forked */
    uint64_t accept_until; /* while stopping: what is owed then is owed no more */
    uint64_t await_until;  /* while stopping: handshakes are waited for; 0: not, or no more */

    /* epoll's last answer */
    struct epoll_event events[RHB_EVENTS];
    int n_events, at_event;

    /* the wait that a thread sleeps in */
    bool sleeping;     /* in epoll */
    uint64_t wakes_at; /* at the latest */
    int sleep_result;
    uint64_t slept_ns;

    struct rhb_lane *lane;  /* of the thread that is in the loop */
    struct rhb_lane *lanes; /* all of them */

    struct rhb_clock clock;
    struct rhb_access_log *access_log; /* NULL: off. Not owned. */
    uint64_t request_timeout;          /* ns that the application has for a request; 0: any */
};

/* Listener descriptors stay the caller's. Returns NULL with errno set. */
struct rhb_loop *rhb_loop_new(const struct rhb_loop_options *options,
                              const struct rhb_listener *listeners, size_t n_listeners, int wakeup);
/* Closes every connection. Owners must have been released before (rhb_loop_next_owner). */
void rhb_loop_free(struct rhb_loop *loop);

/* In a process that the application has forked: lets go of the epoll, which it would share, so that
 * nothing that is done to the loop here happens to the parent's. It must not be polled any more. */
void rhb_loop_forked(struct rhb_loop *loop);

/* Finds the next thing to do without waiting; conn is set for REQUEST, WRITABLE and LOST. */
enum rhb_event rhb_loop_poll(struct rhb_loop *loop, struct rhb_conn **conn);

/* Waits until there may be something to do: an event, a deadline, a signal. At most about a second.
 */
void rhb_loop_wait(struct rhb_loop *loop);

/* The same in three parts, for several threads: while one of them sleeps, others may give back what
 * they have at hand (done, suspend, abort) and stop the loop, but not poll. */
int rhb_loop_before_sleep(struct rhb_loop *loop); /* returns what rhb_loop_sleep takes */
void rhb_loop_sleep(struct rhb_loop *loop, int timeout_ms);
void rhb_loop_after_sleep(struct rhb_loop *loop);

/* Whether what a thread gave back while another one sleeps must not wait for its waking. */
bool rhb_loop_needs_attention(const struct rhb_loop *loop);

/* Another lane, for another thread; the loop has one from the start. NULL with errno set. */
struct rhb_lane *rhb_loop_add_lane(struct rhb_loop *loop);

/* The calling thread comes into the loop: everything from here on is about its request at hand. */
static inline void rhb_loop_enter(struct rhb_loop *loop, struct rhb_lane *lane)
{
    loop->lane = lane;
}

/* Stops accepting; rhb_loop_poll says DRAINED once every connection has been served. */
void rhb_loop_stop(struct rhb_loop *loop);

/* The same where nobody else is going to accept: the connections that wait in the queues now are
 * served too, those that can be accepted within `patience` ns. */
void rhb_loop_stop_last(struct rhb_loop *loop, uint64_t patience);

/* Whether the listeners are still needed. Once they are not, rhb_loop_let_go allows the caller to
 * close them. */
bool rhb_loop_accepts(const struct rhb_loop *loop);
void rhb_loop_let_go(struct rhb_loop *loop);

/* Whether the response to the request at hand may keep the connection. */
bool rhb_loop_may_keep(const struct rhb_loop *loop, const struct rhb_conn *conn);

/* The response is out: the connection is kept for its next request, or closed (seen by the client
 * to the end: what it may still send is drained). */
void rhb_loop_done(struct rhb_loop *loop, struct rhb_conn *conn, bool keep);

/* The socket took a part: owner waits for room. Called again after each WRITABLE that did not
 * finish. False: there is no memory for that; owner gives up, and rhb_loop_abort is next. */
bool rhb_loop_suspend(struct rhb_loop *loop, struct rhb_conn *conn, void *owner);

/* The response cannot be finished: the connection is closed so that the client notices. */
void rhb_loop_abort(struct rhb_loop *loop, struct rhb_conn *conn);

/* Up to `cap` of the owners that wait. Returns how many. */
size_t rhb_loop_owners(const struct rhb_loop *loop, void **owners, size_t cap);

/* An owner that still waits, taken off its connection; NULL when there is none. For shutting down.
 */
void *rhb_loop_next_owner(struct rhb_loop *loop);

#endif
