#include "peer.h"
#include <arpa/inet.h>

static size_t put_octet(char *out, unsigned value)
{
    size_t len = 0;
    if (value >= 100)
        out[len++] = (char)('0' + value / 100);
    if (value >= 10)
        out[len++] = (char)('0' + value / 10 % 10);
    out[len++] = (char)('0' + value % 10);
    return len;
}

static size_t v4_text(const unsigned char *octets, char *out)
{
    size_t len = 0;
    for (int i = 0; i < 4; i++) {
        if (i > 0)
            out[len++] = '.';
        len += put_octet(out + len, octets[i]);
    }
    return len;
}

size_t rhb_peer_text(const struct rhb_peer *peer, char *out)
{
    if (peer->family == AF_INET)
        return v4_text((const unsigned char *)&peer->address.v4, out);
    if (peer->family != AF_INET6)
        return 0;
    if (IN6_IS_ADDR_V4MAPPED(&peer->address.v6))
        return v4_text(peer->address.v6.s6_addr + 12, out);
    return inet_ntop(AF_INET6, &peer->address.v6, out, RHB_PEER_TEXT) ? strlen(out) : 0;
}

bool rhb_peer_read(struct rhb_peer *peer, const char *text, size_t len)
{
    char copy[RHB_PEER_TEXT];
    struct rhb_peer read = {0};
    if (len == 0 || len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    read.family = memchr(text, ':', len) ? AF_INET6 : AF_INET;
    if (inet_pton(read.family, copy, &read.address) != 1)
        return false;
    *peer = read;
    return true;
}
