/* A file of a site with its precompressed siblings, and the fields of its answers. */
#ifndef RHB_FILE_ENTRY_H
#define RHB_FILE_ENTRY_H

#include "base/bytes.h"
#include "base/list.h"
#include "http/accept_encoding.h"
#include "open_file.h"
#include "site.h"

/* One coding of the file, or the file itself (RHB_IDENTITY). */
struct rhb_file_form {
    struct rhb_open_file file;
    struct rhb_bytes fields; /* rendered: of 200 and 206 */
    size_t kept;             /* from here on, they are those of 304 too */
    struct rhb_file_entry *entry;
    unsigned answers; /* that send it now */
};

struct rhb_file_entry {
    struct rhb_link use;         /* first; the cache's order of use */
    struct rhb_file_entry *next; /* in the chain of its hash */
    const struct rhb_site *site;
    uint64_t hash;
    uint64_t checked_at; /* coarse monotonic ns */
    unsigned there;      /* one bit for each coding */
    unsigned answers;    /* that use it now, and the cache, if it has it: freed at 0 */
    bool left;           /* the cache has it no more: what nobody sends is closed */
    size_t descriptors;
    size_t bytes; /* in memory */
    struct rhb_file_form forms[RHB_CODINGS + 1];
    size_t path_len;
    char path[]; /* below the site, with a NUL */
};

/* Opens the file and its siblings. Returns NULL and sets *error to a negative errno, as
 * rhb_beneath_open; -ENOMEM. The caller has it; rhb_file_entry_release ends that. */
struct rhb_file_entry *rhb_file_entry_open(const struct rhb_site *site, const char *path,
                                           size_t len, bool supported, int *error);

/* Whether opening it again would give the same. *error as above: 0 when it is current; -ENOENT when
 * it has changed or is gone. */
bool rhb_file_entry_is_current(const struct rhb_file_entry *entry, bool supported, int *error);

void rhb_file_entry_release(struct rhb_file_entry *entry);

/* The cache gives up its share, and no other one begins: of the open files, those that are not
 * being sent are closed, so that a slow client holds one descriptor and not one for each coding. */
void rhb_file_entry_leave(struct rhb_file_entry *entry);

/* The caller's share of the entry becomes one of this form, until rhb_file_form_release. */
static inline void rhb_file_form_take(struct rhb_file_form *form)
{
    form->answers++;
}
void rhb_file_form_release(void *form);

#endif
