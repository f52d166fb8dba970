/* What one loop knows: struct rhb_loop and its parts. loop.h says what can be done with it. */
#ifndef RHB_LOOP_STATE_H
#define RHB_LOOP_STATE_H

#include "base/clock.h"
#include "cache/cache.h"
#include "channel.h"
#include "http/answer.h"
#include "lane.h"
#include "log/reports.h"
#include "options.h"
#include "presence.h"
#include <sys/epoll.h>

enum {
    RHB_PARCEL_DESCRIPTORS = 2, /* in a message from another worker, at most */
    RHB_EVENTS = 128,           /* taken from epoll in one call */
    RHB_MAX_LISTENERS = 255,
    RHB_GRACE_CREDIT = 16, /* the most credit that grace waits can have (waiting.c) */
    RHB_GRACE_PROBE = 64,  /* without credit, one new connection in so many gets a grace wait */
    RHB_BODY_TURNS = 4,
    RHB_ANSWERERS = 2,
    RHB_STOP_ORDERED = 1,
    RHB_LAST_STOP_ORDERED = 2
};

/* So long bodies are received before epoll is asked again: new connections come in between. */
#define RHB_BODY_SHARE RHB_NS_PER_MS

/* The data of an epoll event is the address of a connection, or one of these. */
#define RHB_TAG_LISTENER UINT64_C(1) /* or-ed with the address of the listener */
#define RHB_TAG_WAKEUP UINT64_C(2)
#define RHB_TAG_WAITING UINT64_C(4) /* the queue of connections whose requests wait */
#define RHB_TAG_SURPLUS UINT64_C(6) /* connections are there for this worker (balance.h) */
#define RHB_TAG_CACHE UINT64_C(8)   /* an answer that others wait for may be there (caching.h) */

struct rhb_listener {
    int fd;
    bool is_unix;
    bool armed;         /* in epoll */
    bool ready;         /* an accept is worth trying */
    bool burst;         /* connections come several at a time: accept until EAGAIN */
    bool closing;       /* in a final stop: its port drops new connections (closing_port.h) */
    uint32_t to_accept; /* in a final stop: connections of its queue still to be accepted */
};

/* A turn to receive a large body (body_turns.h). */
struct rhb_body_turn {
    const struct rhb_incoming *of; /* only compared, never read: it may be freed. NULL: unused */
    uint64_t until;                /* coarse monotonic ns; then another body may begin as well */
};

/* What connections from other workers need (channel.h). */
struct rhb_parcels {
    bool armed;       /* the queue of waiting connections is in epoll */
    bool ready;       /* taking one from it is worth trying */
    bool look;        /* the queue of surplus connections is worth a look */
    bool look_at_all; /* also at those for other workers */
    bool looked_last; /* in a stop, with no connection left: both have been empty */

    /* whose turn it is, when connections wait in the accept queues too (transfers.c) */
    uint32_t accept_queues; /* their length; UINT32_MAX: unknown */
    uint64_t asked_at;      /* when, in coarse monotonic ns */
    uint32_t credit;        /* of the accept queues */
};

struct rhb_loop {
    struct rhb_loop_options options;
    int epoll;
    int wakeup; /* readable end of the signal pipe; -1: none */

    /* connections */
    struct rhb_link parked[RHB_CONN_PARKED_STATES]; /* by deadline, earliest first */
    uint32_t n_parked[RHB_CONN_STATES]; /* how many in each list; READY and BUSY: nothing */
    struct rhb_link ready;
    struct rhb_link awaiting_turn; /* to receive a large body */
    struct rhb_body_turn body_turns[RHB_BODY_TURNS];
    struct rhb_link spare; /* memory of closed connections, to be used again */
    size_t n_spare;
    struct rhb_link closed_in_sleep; /* closed while a thread sleeps in epoll_wait, whose result
                                      * may still name them */
    struct rhb_link moved; /* sent to another worker; their bodies are still to be freed */
    size_t open;           /* connections that exist */
    size_t registered;     /* of these, in epoll */
    bool has_grown;        /* a connection has come into epoll since the last wait */
    uint64_t balance_at;   /* when to look again after that, in coarse monotonic ns; 0: no */

    /* other workers */
    const struct rhb_channel *channel; /* NULL: there are none. Not owned. */
    struct rhb_worker_score *worker;   /* what they see of this one */
    struct rhb_worker_score no_worker; /* what it points to when there is no master */
    struct rhb_parcels parcels;
    char *parcel;                         /* a buffer for one message */
    int reserved[RHB_PARCEL_DESCRIPTORS]; /* numbers that are kept free for descriptors, or -1 */
    struct rhb_mover *mover;              /* NULL: none runs */
    atomic_bool mover_sleeps;             /* until an event, or rhb_mover_wake */
    _Atomic uint32_t presence;            /* presence.h */

    /* listeners */
    struct rhb_listener *listeners;
    size_t n_listeners;
    size_t next_listener;      /* index of the one to accept from next */
    uint64_t tick_at;          /* when the listeners are checked next, once a second */
    uint64_t accept_again_at;  /* when accepting goes on; 0: it is not paused. It pauses for lack of
                                * capacity or descriptors, and in a final stop for handshakes. */
    struct rhb_conn *in_grace; /* the new connection that the next wait is for (waiting.c) */
    int grace_credit;
    unsigned fresh_without_grace;
    unsigned served_since_epoll; /* requests since the last epoll_wait */
    uint64_t body_ns;            /* how long bodies have been received since then */
    bool check_deadlines;        /* time has passed since they were checked */
    bool woke_at_once;           /* the last epoll_wait did not wait */
    bool fresh_first;            /* a listener has just been reported: accept before all else */
    bool ready_first;            /* whether the ready list comes before the listeners; alternates */
    bool take_first;             /* a connection of another worker before own ones; alternates */
    bool stopping;
    _Atomic bool forks;        /* the application forks: a child may hold any connection */
    bool forked;               /* this is the copy of the loop in a forked child */
    _Atomic uint64_t ordered;  /* RHB_STOP_ORDERED or RHB_LAST_STOP_ORDERED: by another thread, not
                                * begun yet; 0: no */
    _Atomic uint64_t patience; /* ns, of that order */
    uint64_t accept_until;     /* in a final stop: nothing is accepted after this */
    uint64_t handshakes_until; /* in a final stop: handshakes are waited for until then; 0: not, or
                                * not any more */

    /* the result of the last epoll_wait */
    struct epoll_event events[RHB_EVENTS];
    int n_events, at_event;
    int seen_events; /* those before this index: the mover has seen them before */

    /* the wait of a thread */
    bool sleeping;        /* a thread is in epoll_wait, or has not handled its result yet */
    atomic_bool slept;    /* the result is there */
    uint64_t sleeps_from; /* exact ns */
    uint64_t wakes_at;    /* at the latest */
    int sleep_result;
    uint64_t slept_ns;

    struct rhb_lane *lane;  /* of the thread that is in the loop */
    struct rhb_lane *lanes; /* all of them */
    struct rhb_lane *alone; /* the only one; nobody if there are several */
    struct rhb_lane nobody; /* never has a request */
    bool shared;            /* there are several */

    /* readings of the exact clock, for laps (lap.h) */
    uint64_t read_at;     /* the last one */
    uint64_t reported_at; /* the one behind the last epoll_wait */
    uint64_t arrived;     /* when the input that is looked at now was reported */
    bool look_back;  /* a request took long, so the next ones may have come before that; or threads
                        share the loop */
    uint64_t report; /* reported_at of the last request that looked back, */
    uint64_t report_before; /* and of the one before, if that was another time */

    bool timed;                /* requests are counted and timed: somebody may read that */
    struct rhb_board *board;   /* never NULL. Not owned. */
    struct rhb_board no_board; /* what board points to when there is no master */

    /* who answers before the application is asked, in this order (answers.h). Not owned. */
    struct rhb_answerer answerers[RHB_ANSWERERS];
    size_t n_answerers;
    bool second[256];  /* bytes behind the first one of a path for which they are asked */
    unsigned answered; /* requests since the caller last had RHB_EVENT_ANSWERED */
    int failed;        /* errno of one of them, which the caller is still to be told of; 0: none */
    pid_t pid;         /* for the reports of these */

    struct rhb_cache *cache; /* NULL: there is none */
    bool cache_woken;        /* connections that wait may go on */

    uint64_t freed;   /* bytes of requests that have been freed since malloc was last trimmed */
    int body_error;   /* errno, of RHB_EVENT_NO_BODY_FILE */
    int answer_error; /* errno, of RHB_EVENT_ANSWER_FAILED */

    struct rhb_clock clock;
    struct rhb_reports *reports; /* NULL: finished requests are reported nowhere. Not owned. */
    uint64_t request_timeout;    /* ns that the application has for a request; 0: no limit */
};

#endif
