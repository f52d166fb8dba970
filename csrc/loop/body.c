#define _GNU_SOURCE
#include "body.h"
#include "base/live.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_ALLOCATION = 16384 };

static void *make_by_malloc(size_t size, char **data)
{
    return *data = malloc(size);
}

static struct rhb_body_memory of_malloc = {.make = make_by_malloc, .release = free};

void rhb_body_init(struct rhb_body *body, uint64_t expected, size_t memory_limit,
                   struct rhb_body_memory *memory)
{
    *body = (struct rhb_body){
        .fd = -1, .memory_limit = memory_limit, .memory = memory != NULL ? memory : &of_malloc};
    if (expected > memory_limit)
        body->memory_limit = 0; /* it will end in the file: go there at once */
    else
        body->expected = (size_t)expected;
    size_t block_size = atomic_load_explicit(&body->memory->block_size, memory_order_relaxed);
    if (block_size < body->expected)
        body->block_size = block_size;
    RHB_LIVE_BORN(RHB_LIVE_BODY);
}

static void release(struct rhb_body *body)
{
    if (body->block != NULL)
        body->memory->release(body->block);
    body->block = body->data = NULL;
    body->cap = 0;
}

void rhb_body_free(struct rhb_body *body)
{
    release(body);
    while (body->n_full > 0)
        body->memory->release(body->full[--body->n_full]);
    free(body->full);
    body->full = NULL;
    if (body->fd >= 0)
        close(body->fd);
    body->fd = -1;
    RHB_LIVE_DEAD(RHB_LIVE_BODY);
}

const char *rhb_body_directory(void)
{
    const char *dir = getenv("TMPDIR");
    return dir == NULL || *dir == '\0' ? "/tmp" : dir;
}

/* Where O_TMPFILE is not supported, the file has a name until unlink(2). */
static int open_unlinked(void)
{
    const char *dir = rhb_body_directory();
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT))
        return fd;
    char path[4096];
    if ((size_t)snprintf(path, sizeof path, "%s/rhebok-body-XXXXXX", dir) >= sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

static enum rhb_body_result write_file(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return RHB_BODY_NO_FILE;
        data += n;
        len -= (size_t)n;
    }
    return RHB_BODY_OK;
}

/* Moves the body from memory to the file: the limit is exceeded. */
static enum rhb_body_result spill(struct rhb_body *body)
{
    body->fd = open_unlinked();
    if (body->fd < 0)
        return RHB_BODY_NO_FILE;
    enum rhb_body_result result = write_file(body->fd, body->data, (size_t)body->len);
    int error = errno;
    release(body);
    errno = error;
    return result;
}

/* Makes space for more bytes within the memory limit. First a little, since a client that only
 * claims a length must not cost memory; then all of the expected length, or twice as much as
 * before. */
static enum rhb_body_result reserve(struct rhb_body *body, size_t more)
{
    size_t need = (size_t)body->len + more;
    if (need <= body->cap)
        return RHB_BODY_OK;
    size_t cap = body->cap ? body->cap : FIRST_ALLOCATION;
    if (need > cap && need <= body->expected)
        cap = body->expected;
    while (cap < need)
        cap *= 2;
    if (cap > body->memory_limit)
        cap = body->memory_limit;
    char *data;
    void *block = body->memory->make(cap, &data);
    if (block == NULL)
        return RHB_BODY_NO_MEMORY;
    if (body->len > 0)
        memcpy(data, body->data, (size_t)body->len);
    release(body);
    body->block = block;
    body->data = data;
    body->cap = cap;
    return RHB_BODY_OK;
}

/* ---- bodies in blocks: the length is known and fits into memory ---- */

/* Makes space for one more pointer: twice as much each time it is full. */
static bool reserve_full(struct rhb_body *body)
{
    size_t n = body->n_full;
    if ((n & (n - 1)) != 0 || n == 1)
        return true;
    void **more = realloc(body->full, (n == 0 ? 2 : 2 * n) * sizeof *more);
    if (more == NULL)
        return false;
    body->full = more;
    return true;
}

/* The last block is full: starts the next one. */
static bool start_block(struct rhb_body *body)
{
    size_t left = body->expected - (size_t)body->len;
    if (left == 0)
        return false;
    if (body->block != NULL) {
        if (!reserve_full(body))
            return false;
        body->full[body->n_full++] = body->block;
        body->block = NULL;
        body->cap = 0;
    }
    size_t cap = left < body->block_size ? left : body->block_size;
    body->block = body->memory->make(cap, &body->data);
    if (body->block == NULL) {
        body->data = NULL;
        return false;
    }
    body->cap = cap;
    return true;
}

static size_t window_in_block(struct rhb_body *body, size_t want, char **window)
{
    size_t used = (size_t)body->len - body->n_full * body->block_size;
    if (used == body->cap) {
        if (!start_block(body))
            return 0;
        used = 0;
    }
    *window = body->data + used;
    return want < body->cap - used ? want : body->cap - used;
}

static enum rhb_body_result append_to_blocks(struct rhb_body *body, const char *data, size_t len)
{
    while (len > 0) {
        char *window;
        size_t part = window_in_block(body, len, &window);
        if (part == 0)
            return RHB_BODY_NO_MEMORY;
        memcpy(window, data, part);
        body->len += part;
        data += part;
        len -= part;
    }
    return RHB_BODY_OK;
}

/* ---- all bodies ---- */

enum rhb_body_result rhb_body_append(struct rhb_body *body, const char *data, size_t len)
{
    enum rhb_body_result result = RHB_BODY_OK;
    if (len == 0)
        return RHB_BODY_OK;
    if (body->block_size > 0)
        return append_to_blocks(body, data, len);
    if (body->fd < 0 && len > body->memory_limit - (size_t)body->len)
        result = spill(body);
    if (result == RHB_BODY_OK && body->fd >= 0)
        result = write_file(body->fd, data, len);
    else if (result == RHB_BODY_OK && (result = reserve(body, len)) == RHB_BODY_OK)
        memcpy(body->data + body->len, data, len);
    if (result == RHB_BODY_OK)
        body->len += len;
    return result;
}

size_t rhb_body_window(struct rhb_body *body, uint64_t want, char **window)
{
    if (body->fd >= 0)
        return 0;
    size_t size = body->memory_limit - (size_t)body->len;
    if (want < size)
        size = (size_t)want;
    if (body->block_size > 0)
        return window_in_block(body, size, window);
    size_t step = body->cap - (size_t)body->len;
    if (step == 0)
        step = body->cap == 0 ? FIRST_ALLOCATION : body->expected > body->cap ? size : body->cap;
    if (size > step)
        size = step;
    if (size == 0 || reserve(body, size) != RHB_BODY_OK)
        return 0;
    *window = body->data + body->len;
    return size;
}

void rhb_body_grew(struct rhb_body *body, size_t len)
{
    body->len += len;
}

size_t rhb_body_part(const struct rhb_body *body, size_t part, const char **data)
{
    if (part > body->n_full || body->fd >= 0 || body->block == NULL)
        return 0;
    if (part == body->n_full) {
        *data = body->data;
        return (size_t)body->len - part * body->block_size;
    }
    *data = (const char *)body->full[part] + (body->data - (const char *)body->block);
    return body->block_size;
}
