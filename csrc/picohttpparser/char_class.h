/* Classes of bytes (RFC 9110 sections 5.5 and 5.6.2, RFC 9112 section 3.2). A scanner stops at the
 * first byte that is not of its class. */
#ifndef RHB_PHR_CHAR_CLASS_H
#define RHB_PHR_CHAR_CLASS_H

#include <stdbool.h>
#include <stdint.h>

enum phr_class {
    PHR_TOKEN = 1, /* tchar: methods and field names */
    PHR_TEXT = 2,  /* HTAB, SP, VCHAR, obs-text: field values and reasons */
    PHR_TARGET = 4 /* VCHAR and obs-text: request targets */
};

/* The classes of every byte, or-ed. */
extern const uint8_t phr_char_classes[256];

static inline bool phr_is(char byte, enum phr_class wanted)
{
    return (phr_char_classes[(unsigned char)byte] & wanted) != 0;
}

static inline bool phr_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

#endif
