/* The balance: connections that stay are spread over the workers. A connection that is served and
 * closed has no part in it. Called by waiting.c. */
#ifndef RHB_BALANCE_H
#define RHB_BALANCE_H

#include "loop.h"

/* Lets other workers be woken first for the next connection, if one has come to stay here. Then
 * gives idle connections to workers that wait and have at least two less. silent_too: also
 * connections that have sent nothing since they were accepted, which may be about to. */
void rhb_balance(struct rhb_loop *loop, bool silent_too);

#endif
