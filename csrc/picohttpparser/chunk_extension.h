/* The grammar of the extensions in the size line of a chunk (RFC 9112 section 7.1.1), one byte at a
 * time:
 *
 *     *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
 *
 * A value is a token or a quoted string (RFC 9110 section 5.6.4). */
#ifndef RHB_PHR_CHUNK_EXTENSION_H
#define RHB_PHR_CHUNK_EXTENSION_H

#include <stdint.h>

enum phr_extension {
    PHR_EXTENSION_BAD,   /* the grammar does not allow the byte */
    PHR_EXTENSION_START, /* behind the size */
    PHR_EXTENSION_END,   /* behind the CR of the line */
    PHR_EXTENSION_OTHERS /* chunk_extension.c has the other states */
};

/* The state behind this byte. */
uint8_t phr_extension_next(uint8_t state, char byte);

#endif
