#include "bytes.h"
#include <stdint.h>
#include <stdlib.h>

bool rhb_bytes_grow(struct rhb_bytes *bytes, size_t more)
{
    if (more > SIZE_MAX / 2 - bytes->len)
        return false;
    size_t cap = bytes->cap ? bytes->cap : 512;
    while (cap - bytes->len < more)
        cap *= 2;
    char *data = realloc(bytes->data, cap);
    if (data == NULL)
        return false;
    bytes->data = data;
    bytes->cap = cap;
    return true;
}

void rhb_bytes_free(struct rhb_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct rhb_bytes){0};
}

bool rhb_bytes_append(struct rhb_bytes *bytes, const void *data, size_t len)
{
    if (len == 0)
        return true; /* neither of the two needs to point anywhere */
    if (!rhb_bytes_reserve(bytes, len))
        return false;
    rhb_bytes_put(bytes, data, len);
    return true;
}
