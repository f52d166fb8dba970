/* Opening regular files below a directory, and nowhere else. */
#ifndef RHB_BENEATH_H
#define RHB_BENEATH_H

#include <stdbool.h>
#include <sys/stat.h>

/* Whether this kernel has openat2(2), and this process may call it. Asked once. */
bool rhb_beneath_is_supported(void);

/* Opens a regular file for reading: path is relative, of names that rhb_file_path_check allows, and
 * ends with a NUL. supported: what rhb_beneath_is_supported says. With it, symbolic links are
 * followed as long as they stay below the directory; without it, each name is opened on its own,
 * and none may be a link. Returns the descriptor and sets *status, or returns a negative errno:
 * -ENOENT for all that is no readable regular file below the directory, another one (-EMFILE, -EIO,
 * -EAGAIN, for instance) when that is not known. */
int rhb_beneath_open(int directory, const char *path, bool supported, struct stat *status);

/* Whether an error of open(2) says that there is nothing to open; otherwise that is not known. */
bool rhb_beneath_is_absent(int error);

#endif
