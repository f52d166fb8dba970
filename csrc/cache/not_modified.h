/* What a 304 says of a stored response. Pure functions. */
#ifndef RHB_CACHE_NOT_MODIFIED_H
#define RHB_CACHE_NOT_MODIFIED_H

#include "base/bytes.h"
#include "said.h"

/* RFC 9111 section 4.3.4: whether a 304 with these fields is about what is stored, by the
 * validators that both have. Weak tags are as good: some servers weaken them. stored: with its
 * status line. now: seconds since 1970. */
bool rhb_304_is_about(const struct rhb_bytes *stored, const char *newer, const char *end,
                      int64_t now);

/* Appends status line and stored fields, but for those that the 304 has, and then its own. */
bool rhb_304_merge(struct rhb_bytes *merged, const struct rhb_bytes *stored, const char *newer,
                   const char *end);

#endif
