/* What the workers of a generation share, so that connections can move from one to another: two
 * queues of connections, a descriptor to wake each worker, and the scoreboard. The master makes all
 * of it before it forks. channel.c joins a loop to it; parcel.h says how a connection is sent. */
#ifndef RHB_CHANNEL_H
#define RHB_CHANNEL_H

#include "scoreboard.h"
#include <stdbool.h>

struct rhb_loop;

/* A queue of connections in the kernel: a pair of unix sockets (SOCK_SEQPACKET), one connection for
 * each message. A message survives both its sender and the worker that it was meant for. */
struct rhb_queue {
    int in;  /* workers send to it */
    int out; /* workers take from it */
};

struct rhb_channel {
    struct rhb_queue waiting; /* connections with requests that wait: for the first free worker */
    struct rhb_queue surplus; /* idle connections: for the workers whose slots expect them */
    const int *wake;          /* an eventfd for each of the first n_wake slots. Not owned. */
    size_t n_wake;
    struct rhb_score *scores;     /* of the first slot. Not owned. */
    _Atomic uint32_t *in_waiting; /* connections in this queue, */
    _Atomic uint32_t *in_surplus; /* and in that one; too many once a worker was killed with one.
                                     Shared, not owned. */
    size_t threads;               /* scores in one slot */
    size_t own;                   /* the slot of this worker */
};

/* Lets the loop send and take connections; before it is polled for the first time. False with errno
 * set. The descriptors remain the caller's. */
bool rhb_channel_join(struct rhb_loop *loop, const struct rhb_channel *channel);

/* Closes what rhb_channel_join has opened. */
void rhb_channel_part(struct rhb_loop *loop);

/* The score of the worker in this slot. */
static inline struct rhb_worker_score *rhb_channel_worker(const struct rhb_channel *channel,
                                                          size_t slot)
{
    return &channel->scores[slot * channel->threads].worker;
}

/* Whether some other worker waits for events; of those that can be woken. */
bool rhb_channel_others_wait(const struct rhb_channel *channel);

#endif
