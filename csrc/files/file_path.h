/* Which paths of URLs may name a file below a directory. */
#ifndef RHB_FILE_PATH_H
#define RHB_FILE_PATH_H

#include <stddef.h>

enum rhb_file_path {
    RHB_PATH_NAMES,   /* it may name one */
    RHB_PATH_NO_FILE, /* it names none, whatever the directory has */
    RHB_PATH_BAD      /* no path at all: it has a NUL */
};

/* raw: the path as it was sent, still percent-encoded; path: the part behind the prefix of the
 * directory, decoded. A path that names a file is one or more names with single slashes between.
 * No name is empty, begins with a dot (`.`, `..` and hidden files), or has a backslash; and no
 * slash was sent encoded, since a name cannot have one. */
enum rhb_file_path rhb_file_path_check(const char *raw, size_t raw_len, const char *path,
                                       size_t len);

#endif
