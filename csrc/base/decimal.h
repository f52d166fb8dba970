/* Decimal numbers of HTTP: only digits. */
#ifndef RHB_DECIMAL_H
#define RHB_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    RHB_DECIMAL_MAX = 20, /* digits of the largest number */
    RHB_DECIMAL_SAFE = 19 /* any number with so many digits fits into 64 bits */
};

/* Reads 1*DIGIT (RFC 9110 section 2.1) into *number. False when the text is empty, has another byte
 * than digits, or exceeds max. */
static inline bool rhb_decimal_read(const char *text, size_t len, uint64_t max, uint64_t *number)
{
    const char *at = text, *end = text + len;
    while (end - at > RHB_DECIMAL_SAFE && *at == '0')
        at++;
    if (at == end || end - at > RHB_DECIMAL_SAFE)
        return false;
    uint64_t sum = 0;
    for (; at < end; at++) {
        unsigned digit = (unsigned char)*at - (unsigned)'0';
        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return sum <= max;
}

/* Writes the number, up to RHB_DECIMAL_MAX digits without a NUL, and returns the end of it. */
static inline char *rhb_decimal_write(char *to, uint64_t number)
{
    char digits[RHB_DECIMAL_MAX];
    char *first = digits + sizeof(digits);
    do {
        *--first = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    size_t len = (size_t)(digits + sizeof(digits) - first);
    memcpy(to, first, len);
    return to + len;
}

#endif
