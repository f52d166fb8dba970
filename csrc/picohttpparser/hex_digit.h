/* Hex digits of chunk sizes. */
#ifndef RHB_PHR_HEX_DIGIT_H
#define RHB_PHR_HEX_DIGIT_H

/* The value of the digit, 0 to 15; -1 for any other byte. */
static inline int phr_hex_digit(char byte)
{
    int lower = byte | 0x20;

    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

#endif
