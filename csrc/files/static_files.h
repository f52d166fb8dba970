/* Static files: directories that are mounted at URLs, as an answerer of the loop (http/answer.h).
 * It belongs to one loop; nothing here is locked. */
#ifndef RHB_STATIC_FILES_H
#define RHB_STATIC_FILES_H

#include "file_cache.h"
#include "http/answer.h"

struct rhb_static_files;

/* What is said of one directory. */
struct rhb_static_mount {
    const char *prefix; /* of the decoded path, with slashes at both ends */
    const char *path;   /* of the directory */
    int64_t max_age;    /* seconds; -1: no Cache-Control, but for immutable files */
    bool immutable;
    bool only;
    bool uploads;
};

/* Copies the mounts, one at least. index: the name of the file that stands for a directory; NULL:
 * none does. Returns NULL when there is no memory. */
struct rhb_static_files *rhb_static_files_new(const struct rhb_static_mount *mounts, size_t count,
                                              const char *index,
                                              const struct rhb_file_cache_limits *limits);

/* Every answer must have been released. NULL is allowed. */
void rhb_static_files_free(struct rhb_static_files *files);

/* For rhb_answers_add. */
struct rhb_answerer rhb_static_files_answerer(struct rhb_static_files *files);

#endif
