/* Capacity: whether another connection can be accepted, and which open connection is closed for it.
 * For --max-connections, and for the case that descriptors or memory have run out. Called by
 * listeners.c. */
#ifndef RHB_CAPACITY_H
#define RHB_CAPACITY_H

#include "loop.h"

/* Whether --max-connections is reached. The limit does not apply while the loop is stopping: then
 * only connections are accepted that must be served before the end. */
static inline bool rhb_capacity_is_full(const struct rhb_loop *loop)
{
    return loop->open >= loop->options.max_connections && !loop->stopping;
}

/* Whether some connection can be closed to make capacity. Cheap: the sockets are not looked at, so
 * rhb_capacity_evictable may still find none. */
bool rhb_capacity_has_evictable(const struct rhb_loop *loop);

/* The connection to close when another one needs its place: the one that has waited longest for a
 * request, either idle or silent since it was accepted. NULL when there is none. */
struct rhb_conn *rhb_capacity_evictable(struct rhb_loop *loop);

#endif
