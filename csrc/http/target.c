#include "target.h"
#include "base/byte_words.h"
#include "base/decimal.h"
#include "field_name.h"
#include <arpa/inet.h>

enum { BAD_REQUEST = 400, NOT_IMPLEMENTED = 501 };

static bool method_is(const char *method, size_t len, const char *name)
{
    return len == strlen(name) && memcmp(method, name, len) == 0;
}

/* path: its first byte, or where it would be; end: of the target. */
static void split_path(struct rhb_target *target, const char *path, const char *end)
{
    const char *mark = memchr(path, '?', (size_t)(end - path));
    target->path = path;
    target->path_len = (size_t)((mark ? mark : end) - path);
    target->query = mark ? mark + 1 : end;
    target->query_len = (size_t)(end - target->query);
}

/* The length of "http://" or "https://" in any case, 0 for anything else. */
static size_t scheme_len(const char *raw, size_t len)
{
    if (len >= 7 && rhb_same_name(raw, "http://", 7))
        return 7;
    if (len >= 8 && rhb_same_name(raw, "https://", 8))
        return 8;
    return 0;
}

static int split_absolute(struct rhb_target *target, const char *raw, size_t raw_len)
{
    size_t scheme = scheme_len(raw, raw_len);
    if (scheme == 0)
        return BAD_REQUEST;
    const char *authority = raw + scheme, *end = raw + raw_len, *path = authority;
    while (path < end && *path != '/' && *path != '?')
        path++;
    target->form = RHB_TARGET_ABSOLUTE;
    target->authority = authority;
    target->authority_len = (size_t)(path - authority);
    split_path(target, path, end);
    if (target->path_len == 0) { /* RFC 9110 section 4.2.3: an empty path is "/" */
        target->path = "/";
        target->path_len = 1;
    }
    return rhb_is_host(authority, target->authority_len) ? 0 : BAD_REQUEST;
}

int rhb_target_split(struct rhb_target *target, const char *method, size_t method_len,
                     const char *raw, size_t raw_len)
{
    *target = (struct rhb_target){.form = RHB_TARGET_ORIGIN, .path = "", .query = ""};
    if (method_is(method, method_len, "CONNECT"))
        return NOT_IMPLEMENTED;
    if (memchr(raw, '#', raw_len) != NULL) /* RFC 9112 section 3.2: no form has a fragment */
        return BAD_REQUEST;
    if (raw_len > 0 && raw[0] == '/') {
        split_path(target, raw, raw + raw_len);
        return 0;
    }
    if (raw_len == 1 && raw[0] == '*') {
        target->form = RHB_TARGET_ASTERISK;
        target->path = raw;
        target->path_len = 1;
        return method_is(method, method_len, "OPTIONS") ? 0 : BAD_REQUEST;
    }
    return split_absolute(target, raw, raw_len);
}

static int hex_value(char digit)
{
    unsigned decimal = (unsigned char)digit - (unsigned)'0';
    unsigned letter = ((unsigned char)digit | 0x20u) - (unsigned)'a';
    if (decimal <= 9)
        return (int)decimal;
    return letter <= 5 ? (int)letter + 10 : -1;
}

/* The value of the escape at `at`; -1 when there is no valid one. */
static int escaped_byte(const char *at, const char *end)
{
    if (end - at < 3)
        return -1;
    int high = hex_value(at[1]), low = hex_value(at[2]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

ssize_t rhb_percent_decode(char *dst, const char *src, size_t len)
{
    const char *end = src + len;
    char *to = dst;
    while (src < end) {
        const char *escape = memchr(src, '%', (size_t)(end - src));
        size_t plain = (size_t)((escape ? escape : end) - src);
        if (to != src)
            memmove(to, src, plain); /* dst may be src */
        to += plain;
        if (escape == NULL)
            break;
        int byte = escaped_byte(escape, end);
        if (byte < 0)
            return -1;
        *to++ = (char)byte;
        src = escape + 3;
    }
    return to - dst;
}

/* RFC 3986 section 3.2.2: unreserved and sub-delims. Percent-encoding is checked separately. */
static const bool is_reg_name[256] = {
    ['-'] = 1, ['.'] = 1,  ['_'] = 1, ['~'] = 1,         ['!'] = 1,         ['$'] = 1,
    ['&'] = 1, ['\''] = 1, ['('] = 1, [')'] = 1,         ['*'] = 1,         ['+'] = 1,
    [','] = 1, [';'] = 1,  ['='] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

/* The end of the registered name that starts here. An IPv4 address has the form of one. */
static const char *skip_reg_name(const char *at, const char *end)
{
    for (;;) {
        while (at < end && is_reg_name[(unsigned char)*at])
            at++;
        if (at == end || *at != '%' || escaped_byte(at, end) < 0)
            return at;
        at += 3;
    }
}

/* The end of the bracketed IPv6 address that starts here; NULL when there is none. */
static const char *skip_ipv6(const char *at, const char *end)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    const char *close = memchr(at, ']', (size_t)(end - at));
    size_t len = close ? (size_t)(close - at) - 1 : 0;
    if (len == 0 || len >= sizeof(text) || memchr(at + 1, 0, len) != NULL)
        return NULL;
    memcpy(text, at + 1, len);
    text[len] = 0;
    return inet_pton(AF_INET6, text, &address) == 1 ? close + 1 : NULL;
}

/* Nothing, or a colon and a port of zero or more digits (RFC 3986 section 3.2.3). */
static bool is_port_part(const char *at, const char *end)
{
    uint64_t port;
    if (at == end)
        return true;
    if (*at != ':')
        return false;
    return at + 1 == end || rhb_decimal_read(at + 1, (size_t)(end - at - 1), 65535, &port);
}

int rhb_is_host(const char *host, size_t len)
{
    if (len == 0)
        return 0;
    const char *end = host + len;
    const char *behind = host[0] == '[' ? skip_ipv6(host, end) : skip_reg_name(host, end);
    return behind != NULL && behind != host && is_port_part(behind, end);
}
