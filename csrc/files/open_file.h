/* One regular file as it was when it was opened: its content, or a descriptor of it, and its
 * validators. */
#ifndef RHB_OPEN_FILE_H
#define RHB_OPEN_FILE_H

#include "http/conditions.h"
#include <stdint.h>
#include <sys/stat.h>

enum {
    /* bytes of the largest file that is kept in memory: to send larger ones costs less by
     * sendfile(2), which copies nothing */
    RHB_FILE_IN_MEMORY = 16384,
    RHB_FILE_ETAG = 64
};

struct rhb_open_file {
    int fd;     /* -1: the content is in memory, or there is no file */
    char *data; /* NULL: the content is not in memory */
    uint64_t size;
    struct stat status;
    struct rhb_validators validators; /* etag points to the next one */
    char etag[RHB_FILE_ETAG];
};

/* Makes it of an open file, which it owns from then on, also if that fails. suffix: of the entity
 * tag, "" or that of a coding. Sizes up to in_memory are read. Returns 0 or a negative errno. */
int rhb_open_file_init(struct rhb_open_file *file, int fd, const struct stat *status,
                       const char *suffix, size_t in_memory);

/* Whether the file is still what it was, as far as its status says. One that has been modified less
 * than two seconds before it was opened may have changed within a tick of the clock since. */
bool rhb_open_file_is_current(const struct rhb_open_file *file, const struct stat *status);

void rhb_open_file_free(struct rhb_open_file *file);

#endif
