/* What the mover (mover.h) does when it is in the loop: it sends away connections whose requests
 * wait. */
#ifndef RHB_MOVES_H
#define RHB_MOVES_H

#include "loop.h"

enum {
    RHB_MOVES_PATIENCE = 4, /* ticks without progress, until requests go to a queue that nobody
                               waits for */
    RHB_MOVES_PEEK = 65536
};

struct rhb_moves {
    struct rhb_loop *loop;
    unsigned stuck; /* ticks in which no thread was in the loop, and no request began */
    char peeked[RHB_MOVES_PEEK];
};

/* With no thread in the loop. Whether something was sent. */
bool rhb_moves_look(struct rhb_moves *moves);

#endif
