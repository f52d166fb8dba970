/* Bytes that one thread writes while others read them: copied in atomic words, so that no thread
 * reads what the compiler may tear. A reader may still see some words of the text before and some
 * of the next one. Both ends in shared memory are aligned to eight bytes. */
#ifndef RHB_SHARED_WORDS_H
#define RHB_SHARED_WORDS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint64_t __attribute__((may_alias)) rhb_shared_word;

/* Copies into memory that others read. Each store is relaxed. */
static inline void rhb_shared_store(void *shared, const char *from, size_t len)
{
    size_t whole = len & ~(size_t)7;
    for (size_t at = 0; at < whole; at += 8) {
        uint64_t word;
        memcpy(&word, from + at, sizeof word);
        __atomic_store_n((rhb_shared_word *)((char *)shared + at), word, __ATOMIC_RELAXED);
    }
    for (size_t at = whole; at < len; at++)
        __atomic_store_n((char *)shared + at, from[at], __ATOMIC_RELAXED);
}

/* Copies from memory that others write, from the first word to the last: each is read before the
 * next one. words: how many. */
static inline void rhb_shared_load(char *to, const void *shared, size_t words)
{
    const rhb_shared_word *from = shared;
    for (size_t i = 0; i < words; i++) {
        uint64_t word = __atomic_load_n(from + i, __ATOMIC_ACQUIRE);
        memcpy(to + 8 * i, &word, sizeof word);
    }
}

#endif
