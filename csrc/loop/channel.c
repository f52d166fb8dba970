#define _GNU_SOURCE
#include "channel.h"
#include "loop.h"
#include "parcel.h"
#include "transfers.h"
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool rhb_channel_join(struct rhb_loop *loop, const struct rhb_channel *channel)
{
    loop->parcel = malloc(rhb_parcel_size());
    if (loop->parcel == NULL)
        return false;
    for (int i = 0; i < RHB_PARCEL_DESCRIPTORS; i++)
        loop->reserved[i] = fcntl(loop->epoll, F_DUPFD_CLOEXEC, 0); /* -1: later (parcel.c) */
    loop->channel = channel;
    loop->worker = rhb_channel_worker(channel, channel->own);
    if (channel->own < channel->n_wake) {
        struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u64 = RHB_TAG_SURPLUS};
        if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, channel->wake[channel->own], &event) < 0)
            return false;
    }
    if (!rhb_transfers_arm(loop))
        return false;
    atomic_store_explicit(&loop->worker->accepts, 1, memory_order_relaxed);
    return true;
}

void rhb_channel_part(struct rhb_loop *loop)
{
    for (int i = 0; loop->channel != NULL && i < RHB_PARCEL_DESCRIPTORS; i++) {
        if (loop->reserved[i] >= 0)
            close(loop->reserved[i]);
        loop->reserved[i] = -1;
    }
    free(loop->parcel);
    loop->parcel = NULL;
    loop->channel = NULL;
    loop->worker = &loop->no_worker;
}

bool rhb_channel_others_wait(const struct rhb_channel *channel)
{
    for (size_t slot = 0; slot < channel->n_wake; slot++)
        if (slot != channel->own &&
            atomic_load_explicit(&rhb_channel_worker(channel, slot)->waiting,
                                 memory_order_relaxed) != 0)
            return true;
    return false;
}
