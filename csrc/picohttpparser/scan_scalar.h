/* The scanners without vectors, for any machine. The tests compare the vector variants with them.
 */
#ifndef RHB_PHR_SCAN_SCALAR_H
#define RHB_PHR_SCAN_SCALAR_H

#include "char_class.h"
#include "input.h"
#include <string.h>

/* Whether eight bytes have no control (HTAB counts as one) and no DEL. Bytes from 0x80 up have the
 * top bit set in word, so neither test finds them. */
PHR_INLINE bool phr_is_plain_word(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, control, del;

    memcpy(&word, p, sizeof(word));
    /* A borrow or carry into the next byte can only make the result false, never true. */
    control = (word - 0x20 * ones) & ~word;
    del = (word + ones) & ~word;
    return ((control | del) & 0x80 * ones) == 0;
}

/* The first byte from p on that is not of the class, or the end. */
PHR_INLINE const char *phr_scan(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    while (p < in->end && phr_is(*p, wanted))
        p++;
    return p;
}

/* The same for PHR_TEXT, the class of most bytes of a head. */
PHR_INLINE const char *phr_scan_text(struct phr_input *in, const char *p)
{
    while (in->end - p >= 8) {
        if (phr_is_plain_word(p)) {
            p += 8;
            continue;
        }
        for (const char *stop = p + 8; p < stop; p++)
            if (!phr_is(*p, PHR_TEXT))
                return p;
    }
    return phr_scan(in, p, PHR_TEXT);
}

#endif
