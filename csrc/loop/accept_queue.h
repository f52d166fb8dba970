/* How many connections wait to be accepted. Called by stopping.c and transfers.c. */
#ifndef RHB_ACCEPT_QUEUE_H
#define RHB_ACCEPT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The length of the queue of a listening socket, in connections; UINT32_MAX where the kernel does
 * not tell. */
uint32_t rhb_accept_queue_length(int fd, bool is_unix);

#endif
