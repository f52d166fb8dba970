/* The end of the loop, from inside; rhb_loop_stop and the like in loop.h begin it. Called by loop.
 */
#ifndef RHB_STOPPING_H
#define RHB_STOPPING_H

#include "loop.h"

/* Of a loop that is stopping: whether connections may still come from ports that take nobody new
 * (closing_port.h), or from queues that are owed and for which there was no descriptor. Makes their
 * listeners ready when it is time to accept. */
bool rhb_stop_awaits(struct rhb_loop *loop);

#endif
