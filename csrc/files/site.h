/* What a directory that is mounted at a URL says about its files. */
#ifndef RHB_SITE_H
#define RHB_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define RHB_SITE_IDLE UINT64_C(60000000000) /* ns without a request, until nothing is kept open */

struct rhb_site {
    char *prefix; /* of paths of URLs, with slashes at both ends */
    size_t prefix_len;
    char *path;    /* of the directory */
    int directory; /* open; -1: it is not there now */
    dev_t device;  /* of the directory */
    ino_t inode;
    int error; /* errno, while it is not known whether the directory is there; otherwise 0 */
    uint64_t opened_at; /* coarse monotonic ns: when that was last looked at */
    int64_t max_age;    /* seconds; -1: nothing is said */
    bool immutable;     /* files with a hash in their names never change */
    bool only;          /* what is not there is 404, and not for the application */
    bool uploads; /* users have named the files: no name says anything of another file, or of the
                     content */
};

/* From time to time: closes the directory when nobody has asked for long. */
void rhb_site_tick(struct rhb_site *site, uint64_t now);

/* Opens the directory anew if a second has passed. True if it is another one than before. */
bool rhb_site_look(struct rhb_site *site, uint64_t now);

#endif
