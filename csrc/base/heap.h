/* How much freed memory a worker keeps for its next bodies. */
#ifndef RHB_HEAP_H
#define RHB_HEAP_H

#include <stddef.h>

/* Tells malloc to allocate blocks of up to `block` bytes from the heap, and to return memory to the
 * kernel only when a multiple of that is free at the end of the heap. By default glibc maps and
 * unmaps each large block, and the page faults cost several times as much as receiving a large
 * body. No effect with other C libraries. */
void rhb_heap_keep(size_t block);

/* Returns all free pages to the kernel, also those in the middle of the heap, which malloc keeps
 * for ever. Takes longer the more there are. No effect with other C libraries. */
void rhb_heap_trim(void);

#endif
