/* How much freed memory a worker keeps for its next bodies. */
#ifndef RHB_HEAP_H
#define RHB_HEAP_H

#include <stddef.h>

/* Tells malloc to serve blocks of up to `block` bytes from the heap, and to give back to the kernel
 * only what is free beyond a multiple of that at its end. glibc's own rule maps and unmaps large
 * blocks one by one, and the page faults then cost several times what receiving a large body does.
 * No effect with other libcs. */
void rhb_heap_keep(size_t block);

#endif
