#include "open_file.h"
#include "base/clock.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SETTLED = 2 /* seconds behind its modification, from which on a time stamp is trusted */ };

static uint64_t ns_of(const struct timespec *time)
{
    return (uint64_t)time->tv_sec * RHB_NS_PER_SECOND + (uint64_t)time->tv_nsec;
}

/* RFC 9110 section 8.8.1: weak while the file may be modified again within the same tick. */
static void set_validators(struct rhb_open_file *file, const char *suffix)
{
    struct rhb_validators *validators = &file->validators;
    time_t now = time(NULL), modified = file->status.st_mtim.tv_sec;
    *validators = (struct rhb_validators){.etag = file->etag, .modified = modified};
    validators->changes = modified > now - SETTLED;
    validators->has_modified = modified <= now && modified >= 0; /* section 8.8.2.1 */
    int len =
        snprintf(file->etag, sizeof file->etag, "%s\"%" PRIx64 "-%" PRIx64 "%s\"",
                 validators->changes ? "W/" : "", ns_of(&file->status.st_mtim), file->size, suffix);
    validators->etag_len = (size_t)len;
}

/* The content as it is now; the size may be another one meanwhile. */
static int read_content(struct rhb_open_file *file)
{
    size_t cap = (size_t)file->size, len = 0;
    file->data = malloc(cap + 1);
    if (file->data == NULL)
        return -ENOMEM;
    while (len < cap) {
        ssize_t got = pread(file->fd, file->data + len, cap - len, (off_t)len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    file->size = len;
    close(file->fd);
    file->fd = -1;
    return 0;
}

int rhb_open_file_init(struct rhb_open_file *file, int fd, const struct stat *status,
                       const char *suffix, size_t in_memory)
{
    int error = 0;
    *file = (struct rhb_open_file){.fd = fd, .status = *status, .size = (uint64_t)status->st_size};
    if (file->size <= in_memory)
        error = read_content(file);
    if (error != 0)
        rhb_open_file_free(file);
    else
        set_validators(file, suffix);
    return error;
}

bool rhb_open_file_is_current(const struct rhb_open_file *file, const struct stat *status)
{
    const struct stat *old = &file->status;
    return !file->validators.changes && old->st_dev == status->st_dev &&
           old->st_ino == status->st_ino && old->st_size == status->st_size &&
           ns_of(&old->st_mtim) == ns_of(&status->st_mtim) &&
           ns_of(&old->st_ctim) == ns_of(&status->st_ctim);
}

void rhb_open_file_free(struct rhb_open_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    free(file->data);
    file->fd = -1;
    file->data = NULL;
}
