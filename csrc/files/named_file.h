/* A file that the application names in its response (X-Sendfile, X-Accel-Redirect). Called by
 * native/named_files.pyx, which knows the response. */
#ifndef RHB_NAMED_FILE_H
#define RHB_NAMED_FILE_H

#include "http/content.h"
#include "open_file.h"

struct rhb_named_file {
    struct rhb_open_file file;
    char modified[32];    /* the value of Last-Modified; empty: none */
    const char *type;     /* its media type */
    struct rhb_part part; /* of a 206; otherwise all of it */
};

/* Opens the file: path is relative, with no name `.` or `..`, and below the directory `root`.
 * Returns 0, -ENOENT if there is no such regular file, or another negative errno. The caller has
 * the descriptor. */
int rhb_named_file_open(struct rhb_named_file *named, const char *root, const char *path);

/* The status for this GET or HEAD, as rhb_content_status. The validators are those of the response,
 * where it has them (a length of 0: it has none). */
int rhb_named_file_status(struct rhb_named_file *named, const char *etag, size_t etag_len,
                          const char *modified, size_t modified_len,
                          const struct phr_request_head *request);

#endif
