#include "escape.h"
#include "base/byte_words.h"
#include <stdbool.h>
#include <strings.h>

static bool is_clean(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static char *escape_byte(char *to, unsigned char c)
{
    static const char hex[] = "0123456789ABCDEF";
    to[0] = '\\';
    to[1] = 'x';
    to[2] = hex[c >> 4];
    to[3] = hex[c & 15];
    return to + RHB_ACCESS_ESCAPED;
}

static char *escape_each(char *to, const char *from, size_t len)
{
    for (const char *end = from + len; from < end; from++)
        if (is_clean((unsigned char)*from))
            *to++ = *from;
        else
            to = escape_byte(to, (unsigned char)*from);
    return to;
}

/* Whether all eight bytes are clean: x - n borrows into the top bit if x < n, and x + 1 carries
 * into it from 0x7F up. The result is exact: only a byte that is not clean changes the byte beside
 * it. */
static bool is_clean_word(uint64_t word)
{
    uint64_t quote = word ^ RHB_WORD_OF('"');
    uint64_t backslash = word ^ RHB_WORD_OF('\\');
    uint64_t below =
        (word - RHB_WORD_OF(0x20)) | (quote - RHB_WORD_OF(1)) | (backslash - RHB_WORD_OF(1));
    uint64_t above = word | (word + RHB_WORD_OF(1));
    return ((below | above) & RHB_WORD_OF(0x80)) == 0;
}

/* 1 to 7 bytes. */
static void copy_short(char *to, const char *from, size_t len)
{
    if (len >= 4) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
        return;
    }
    to[0] = from[0];
    to[len / 2] = from[len / 2];
    to[len - 1] = from[len - 1];
}

static char *escape_short(char *to, const char *from, size_t len)
{
    if (!is_clean_word(rhb_word_short(from, len)))
        return escape_each(to, from, len);
    copy_short(to, from, len);
    return to + len;
}

char *rhb_access_escape(char *to, const char *from, size_t len)
{
    for (; len >= 8; from += 8, len -= 8) {
        if (is_clean_word(rhb_word_load(from))) {
            memcpy(to, from, 8);
            to += 8;
        } else {
            to = escape_each(to, from, 8);
        }
    }
    return len > 0 ? escape_short(to, from, len) : to;
}

/* RFC 4648 section 4. */
static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* In the usual format the user name has no quotes; a space in it would look like another column. */
static char *escape_user_byte(char *to, char c)
{
    return c == ' ' ? escape_byte(to, ' ') : escape_each(to, &c, 1);
}

/* Decodes all of it, to find errors, and writes only what is before the first colon. */
static char *escape_user_of(char *to, const char *code, size_t len)
{
    bool colon = false;
    unsigned bits = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        int value = base64_value(code[i]);
        if (value < 0)
            return NULL;
        bits = (bits << 6 | (unsigned)value) & 0xffff;
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        char c = (char)(bits >> count & 0xff);
        colon = colon || c == ':';
        if (!colon)
            to = escape_user_byte(to, c);
    }
    return colon ? to : NULL;
}

char *rhb_access_escape_user(char *to, const char *authorization, size_t len)
{
    static const char scheme[] = "Basic ";
    const char *code = authorization + sizeof scheme - 1, *end = authorization + len;
    if (len < sizeof scheme || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    while (code < end && *code == ' ')
        code++;
    if ((end - code) % 4 != 0)
        return NULL;
    for (int padding = 0; padding < 2 && end > code && end[-1] == '='; padding++)
        end--;
    return escape_user_of(to, code, (size_t)(end - code));
}
