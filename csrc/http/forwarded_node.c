#include "forwarded_node.h"
#include "base/decimal.h"
#include "picohttpparser/char_class.h"

enum { MAX_PORT = 65535, MAX_PORT_DIGITS = 5 };

bool rhb_forwarded_port(const struct rhb_text *text, uint16_t *port)
{
    uint64_t number;
    if (text->len > MAX_PORT_DIGITS || !rhb_decimal_read(text->at, text->len, MAX_PORT, &number) ||
        number == 0)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* RFC 7239 section 6.3: a port may be obfuscated. */
static bool read_node_port(const struct rhb_text *text, uint16_t *port)
{
    if (text->len > 1 && text->at[0] == '_') {
        for (size_t i = 1; i < text->len; i++)
            if (!phr_is(text->at[i], PHR_TOKEN))
                return false;
        return true;
    }
    return rhb_forwarded_port(text, port);
}

/* Splits a node that is not empty into address and port, without brackets and colon. port.at is
 * NULL when there is no port. */
static bool split(const struct rhb_text *text, struct rhb_text *address, struct rhb_text *port)
{
    const char *at = text->at, *end = at + text->len;
    bool bracket = *at == '[';
    const char *stop = memchr(at, bracket ? ']' : ':', text->len);
    if (bracket && stop == NULL)
        return false;
    if (stop == NULL)
        stop = end;
    *address = (struct rhb_text){at + bracket, (size_t)(stop - at) - bracket};
    stop += bracket;
    *port = (struct rhb_text){0};
    if (stop == end)
        return true;
    *port = (struct rhb_text){stop + 1, (size_t)(end - stop - 1)};
    return *stop == ':';
}

bool rhb_forwarded_node(const struct rhb_text *text, bool bare, struct rhb_peer *node)
{
    struct rhb_text address, digits;
    struct rhb_peer read;
    if (text->len == 0)
        return false;
    if (bare && rhb_peer_read(node, text->at, text->len))
        return true;
    if (!split(text, &address, &digits) || !rhb_peer_read(&read, address.at, address.len))
        return false;
    if ((read.family == AF_INET6) != (address.at > text->at))
        return false; /* IPv6 has brackets, IPv4 has none */
    if (digits.at != NULL && !read_node_port(&digits, &read.port))
        return false;
    *node = read;
    return true;
}
