/* A request body on its way in: memory up to a limit, beyond that an unlinked temporary file. */
#ifndef RHB_BODY_H
#define RHB_BODY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Who has the memory of bodies. A block stays where it is; larger ones are made anew. */
struct rhb_body_memory {
    void *(*make)(size_t size, char **data); /* NULL when there is none; *data: its size bytes */
    void (*release)(void *block);
    _Atomic size_t block_size; /* of bodies that begin from now on: bytes of each block but the
                                  last. 0: one block has it all */
};

/* Zero memory is not valid: start with rhb_body_init. */
struct rhb_body {
    struct rhb_body_memory *memory;
    void **full;   /* blocks of block_size bytes each that come first; whoever takes them sets */
    size_t n_full; /* this to 0 */
    size_t block_size; /* 0: there are none of them */
    void *block; /* of that memory, NULL for none; whoever takes it sets it and data to NULL */
    char *data;  /* its bytes: while fd is -1 all of the body that is not in the full blocks */
    size_t cap;
    uint64_t len;
    size_t expected; /* the whole length, when it is known and fits into memory */
    size_t memory_limit;
    int fd; /* of the temporary file, -1 while the body is in memory */
};

enum rhb_body_result {
    RHB_BODY_OK,
    RHB_BODY_NO_MEMORY,
    RHB_BODY_NO_FILE /* the temporary file cannot be made or written; errno says why */
};

/* expected: the Content-Length, which the body will not exceed, or 0 when it is not known. memory:
 * NULL for malloc's. Allocates nothing yet. */
void rhb_body_init(struct rhb_body *body, uint64_t expected, size_t memory_limit,
                   struct rhb_body_memory *memory);

enum rhb_body_result rhb_body_append(struct rhb_body *body, const char *data, size_t len);

/* Room behind the body to receive up to want bytes directly: its size comes back (less than want
 * when the memory limit is near), 0 when the body belongs in the file or there is no memory. What
 * has been written there is taken over by rhb_body_grew. */
size_t rhb_body_window(struct rhb_body *body, uint64_t want, char **window);
void rhb_body_grew(struct rhb_body *body, size_t len);

/* Frees memory and file. */
void rhb_body_free(struct rhb_body *body);

#endif
