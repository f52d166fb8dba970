/* The comparison of field names, and of the other words of HTTP in which case does not matter:
 * connection options, transfer codings, expectations (RFC 9110 sections 5.1, 5.6.2). The lengths
 * are compared first. */
#ifndef RHB_FIELD_NAME_H
#define RHB_FIELD_NAME_H

#include "base/byte_words.h"
#include <stdbool.h>

/* Whether the len bytes at name and at lower are the same word; lower is in lower case, name in any
 * case. */
static inline bool rhb_same_name(const char *name, const char *lower, size_t len)
{
    if (len < 8)
        return len == 0 || rhb_word_lower(rhb_word_short(name, len)) == rhb_word_short(lower, len);
    size_t last = len - 8;
    for (size_t at = 0; at < last; at += 8)
        if (rhb_word_lower(rhb_word_load(name + at)) != rhb_word_load(lower + at))
            return false;
    return rhb_word_lower(rhb_word_load(name + last)) == rhb_word_load(lower + last);
}

/* The same for a C string. Best a literal: then the compiler knows its length. */
static inline bool rhb_name_is(const char *name, size_t len, const char *lower)
{
    return len == strlen(lower) && rhb_same_name(name, lower, len);
}

#endif
