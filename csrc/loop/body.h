/* A request body that is being received: in memory up to a limit, beyond that in an unlinked
 * temporary file. */
#ifndef RHB_BODY_H
#define RHB_BODY_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* An allocator for bodies. A block cannot be resized. */
struct rhb_body_memory {
    void *(*make)(size_t size, char **data); /* a block, *data: its bytes; NULL: no memory */
    void (*release)(void *block);
    _Atomic size_t block_size; /* bytes of each block but the last, for bodies that begin from now
                                  on; 0: a body has one block */
};

/* A zeroed struct is not valid: start with rhb_body_init. */
struct rhb_body {
    struct rhb_body_memory *memory;
    void **full;       /* the full blocks, of block_size bytes each */
    size_t n_full;     /* a caller that takes the full blocks over sets this to 0 */
    size_t block_size; /* 0: there are no full blocks */
    void *block; /* the last block, NULL: none. A caller that takes it over sets it and data to NULL
                  */
    char *data;  /* its bytes: in memory, the part of the body behind the full blocks */
    size_t cap;
    uint64_t len;
    size_t expected; /* the length of the body, if it is known and fits into memory; otherwise 0 */
    size_t memory_limit;
    int fd; /* of the temporary file, -1 while the body is in memory */
};

enum rhb_body_result {
    RHB_BODY_OK,
    RHB_BODY_NO_MEMORY,
    RHB_BODY_NO_FILE /* the temporary file cannot be made or written; errno is set */
};

/* Where the temporary files are: TMPDIR, or /tmp. */
const char *rhb_body_directory(void);

/* Starts a body; allocates nothing. expected: the Content-Length, which the body will not exceed,
 * or 0 if it is unknown. memory_limit: in bytes. memory: NULL for malloc's. */
void rhb_body_init(struct rhb_body *body, uint64_t expected, size_t memory_limit,
                   struct rhb_body_memory *memory);

/* Appends len bytes. */
enum rhb_body_result rhb_body_append(struct rhb_body *body, const char *data, size_t len);

/* Space behind the body to receive bytes directly into it. Returns its size, at most want; 0 when
 * the body goes to the file or there is no memory: then use rhb_body_append. */
size_t rhb_body_window(struct rhb_body *body, uint64_t want, char **window);

/* len bytes have been written to the window, and belong to the body now. */
void rhb_body_grew(struct rhb_body *body, size_t len);

/* The bytes in memory, part by part: sets *data to those of the part and returns how many. 0: there
 * is no such part. */
size_t rhb_body_part(const struct rhb_body *body, size_t part, const char **data);

/* Frees the memory and closes the file. */
void rhb_body_free(struct rhb_body *body);

#endif
