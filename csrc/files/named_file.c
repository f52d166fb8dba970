#define _GNU_SOURCE /* O_PATH */
#include "named_file.h"
#include "base/clock.h"
#include "beneath.h"
#include "http/date.h"
#include "media_type.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int open_below(const char *root, const char *path, struct stat *status)
{
    int directory = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno == ENOTDIR ? -ENOENT : -errno;
    int fd = rhb_beneath_open(directory, path, rhb_beneath_is_supported(), status);
    close(directory);
    return fd;
}

int rhb_named_file_open(struct rhb_named_file *named, const char *root, const char *path)
{
    struct stat status;
    int fd = open_below(root, path, &status);
    if (fd < 0)
        return fd;
    int error = rhb_open_file_init(&named->file, fd, &status, "", 0);
    if (error != 0)
        return error;
    named->modified[0] = '\0';
    if (named->file.validators.has_modified)
        rhb_date_write(named->modified, named->file.validators.modified);
    named->type = rhb_media_type(path, strlen(path));
    named->part = (struct rhb_part){.first = 0, .length = named->file.size};
    return 0;
}

int rhb_named_file_status(struct rhb_named_file *named, const char *etag, size_t etag_len,
                          const char *modified, size_t modified_len,
                          const struct phr_request_head *request)
{
    struct rhb_validators validators = named->file.validators;
    time_t now = time(NULL);
    validators.etag = named->file.etag;
    if (etag_len > 0) {
        validators.etag = etag;
        validators.etag_len = etag_len;
    }
    if (modified_len > 0)
        validators.has_modified = rhb_date_read(modified, modified_len, now, &validators.modified);
    return rhb_content_status(&validators, named->file.size, request, &named->part);
}
