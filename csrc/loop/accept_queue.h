/* How many connections wait to be accepted. Called by listeners when a worker stops for good. */
#ifndef RHB_ACCEPT_QUEUE_H
#define RHB_ACCEPT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* The length of a listening socket's queue; UINT32_MAX where the kernel does not say. */
uint32_t rhb_accept_queue_length(int fd, bool is_unix);

#endif
