/* The end of the loop. rhb_loop_stop and the other functions for the caller are in loop.h. Called
 * by dispatch.c. */
#ifndef RHB_STOPPING_H
#define RHB_STOPPING_H

#include "loop.h"

/* Whether a loop that is stopping may still accept connections: from closing ports (closing_port.h)
 * or from queues that it has not accepted completely, for lack of descriptors. Marks their
 * listeners as ready when it is time to accept. */
bool rhb_stop_still_accepts(struct rhb_loop *loop);

/* Begins the stop that another thread has ordered, if any. */
void rhb_stop_as_ordered(struct rhb_loop *loop);

#endif
