/* The Range field (RFC 9110 section 14): one range of bytes. */
#ifndef RHB_BYTE_RANGE_H
#define RHB_BYTE_RANGE_H

#include "picohttpparser/strict.h"
#include <stdint.h>

enum rhb_range {
    RHB_RANGE_NONE,         /* no Range, or one that is ignored: the whole representation */
    RHB_RANGE_PART,         /* 206: length bytes from first on; at least one */
    RHB_RANGE_UNSATISFIABLE /* 416 */
};

struct rhb_part {
    uint64_t first;
    uint64_t length;
};

/* What the Range field of the request asks of a representation of this size. Ignored are, as
 * section 14.2 allows, other units, several ranges, several fields, and what is malformed. */
enum rhb_range rhb_range_find(const struct phr_header *fields, size_t count, uint64_t size,
                              struct rhb_part *part);

/* The same for the value of the field. */
enum rhb_range rhb_range_read(const char *value, size_t len, uint64_t size, struct rhb_part *part);

#endif
