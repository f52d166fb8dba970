#include "field_syntax.h"
#include "base/byte_words.h"

static const bool is_tchar[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

/* The top bit of every byte that is neither a letter nor '-'. Nearly all names have only these. */
static inline uint64_t not_plain(uint64_t word)
{
    return (rhb_word_in_range(word | RHB_WORD_OF(0x20), 'a', 'z') |
            rhb_word_in_range(word, '-', '-')) ^
           RHB_WORD_OF(0x80);
}

/* The top bit of every control, including HTAB and DEL. */
static inline uint64_t controls(uint64_t word)
{
    uint64_t low_bits = word & RHB_WORD_OF(0x7f);
    uint64_t from_space = low_bits + RHB_WORD_OF(0x60);
    uint64_t is_del = low_bits + RHB_WORD_OF(0x01);
    return (~from_space | is_del) & ~word & RHB_WORD_OF(0x80);
}

static bool all_tchar(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_tchar[(unsigned char)bytes[i]])
            return false;
    return true;
}

static bool controls_are_tabs(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (((unsigned char)bytes[i] < 0x20 && bytes[i] != '\t') || bytes[i] == 0x7f)
            return false;
    return true;
}

bool rhb_is_token(const char *bytes, size_t len)
{
    if (len < 8)
        return len > 0 && (not_plain(rhb_word_short(bytes, len)) == 0 || all_tchar(bytes, len));
    if (not_plain(rhb_word_load(bytes + len - 8)) != 0)
        return all_tchar(bytes, len);
    for (size_t at = 0; at + 8 < len; at += 8)
        if (not_plain(rhb_word_load(bytes + at)) != 0)
            return all_tchar(bytes, len);
    return true;
}

bool rhb_is_field_value(const char *bytes, size_t len)
{
    if (len < 8)
        return len == 0 || controls(rhb_word_short(bytes, len)) == 0 ||
               controls_are_tabs(bytes, len);
    if (controls(rhb_word_load(bytes + len - 8)) != 0)
        return controls_are_tabs(bytes, len);
    for (size_t at = 0; at + 8 < len; at += 8)
        if (controls(rhb_word_load(bytes + at)) != 0)
            return controls_are_tabs(bytes, len);
    return true;
}
