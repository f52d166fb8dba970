/* The files that have been asked for lately, open or in memory. What it gives is at most a second
 * older than the directory. Bounded in entries, descriptors and memory: what has not been used for
 * longest goes first. Only existing files have entries, so no client can fill it with names. */
#ifndef RHB_FILE_CACHE_H
#define RHB_FILE_CACHE_H

#include "file_entry.h"

struct rhb_file_cache_limits {
    size_t entries, descriptors, bytes;
};

struct rhb_file_cache;

/* NULL when there is no memory. */
struct rhb_file_cache *rhb_file_cache_new(const struct rhb_file_cache_limits *limits);
void rhb_file_cache_free(struct rhb_file_cache *cache);

/* The file of this path of the site. The caller has the entry until rhb_file_entry_release. NULL:
 * *error is -ENOENT when there is none, otherwise why that is not known. now: coarse monotonic ns.
 */
struct rhb_file_entry *rhb_file_cache_get(struct rhb_file_cache *cache, const struct rhb_site *site,
                                          const char *path, size_t len, uint64_t now, int *error);

/* From time to time: forgets the files that nobody has asked for in the last minute. An open one
 * would keep the disk space of a deleted file, and its file system from being unmounted. */
void rhb_file_cache_tick(struct rhb_file_cache *cache, uint64_t now);

/* Closes all files that are only kept, when this negative errno says that descriptors have run out.
 * False when that is of no use. */
bool rhb_file_cache_give_back(struct rhb_file_cache *cache, int error);

/* Forgets all files of a site. */
void rhb_file_cache_forget(struct rhb_file_cache *cache, const struct rhb_site *site);

#endif
