/* The scanners without vectors: any machine, and the yardstick the vector twins are tested against.
 */
#ifndef RHB_PHR_SCAN_SCALAR_H
#define RHB_PHR_SCAN_SCALAR_H

#include "char_class.h"
#include "input.h"
#include <string.h>

/* Whether eight bytes are free of controls (HTAB counts as one) and DEL. Bytes from 0x80 up have
 * their high bit in word, which keeps them out of both tests. */
PHR_INLINE bool phr_is_plain_word(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t word, control, del;

    memcpy(&word, p, sizeof(word));
    /* A borrow or carry from one byte to the next can only raise a false alarm. */
    control = (word - 0x20 * ones) & ~word;
    del = (word + ones) & ~word;
    return ((control | del) & 0x80 * ones) == 0;
}

/* The first byte at p or later that is not of the class, or the end. */
PHR_INLINE const char *phr_scan(const struct phr_input *in, const char *p, enum phr_class wanted)
{
    while (p < in->end && phr_is(*p, wanted))
        p++;
    return p;
}

/* The same for PHR_TEXT, which is most of the bytes of a head. */
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
