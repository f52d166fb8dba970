/* Room for one more connection: at --max-connections, and when descriptors or memory have run out.
 * Called by listeners.c. */
#ifndef RHB_ROOM_H
#define RHB_ROOM_H

#include "loop.h"

/* Whether there are as many connections as there may be. Not when stopping: nobody new comes then
 * but who is owed an answer. */
static inline bool rhb_room_is_full(const struct rhb_loop *loop)
{
    return loop->open >= loop->options.max_connections && !loop->stopping;
}

/* Whether a connection waits that rhb_room_giver might find. */
bool rhb_room_has_giver(const struct rhb_loop *loop);

/* The connection that has waited longest for a request, and is to be closed when another one needs
 * its room: kept alive and idle, or silent since it was accepted. NULL: there is none. */
struct rhb_conn *rhb_room_giver(struct rhb_loop *loop);

#endif
