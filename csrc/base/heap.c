#include "heap.h"
#include <malloc.h>

enum { BLOCKS_KEPT = 16, SMALLEST = 256 * 1024, LARGEST = 8 * 1024 * 1024 };

void rhb_heap_keep(size_t block)
{
#ifdef __GLIBC__
    if (block < SMALLEST)
        block = SMALLEST;
    if (block > LARGEST)
        block = LARGEST;
    /* twice: the block, and space for what malloc and its caller add to it */
    mallopt(M_MMAP_THRESHOLD, (int)(2 * block));
    mallopt(M_TRIM_THRESHOLD, (int)(BLOCKS_KEPT * block));
#else
    (void)block;
#endif
}

void rhb_heap_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
