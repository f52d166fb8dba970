#include "connection.h"
#include "live.h"
#include <arpa/inet.h>
#include <stdlib.h>

void rhb_conn_drop_incoming(struct rhb_conn *conn)
{
    if (conn->incoming == NULL)
        return;
    rhb_body_free(&conn->incoming->body);
    free(conn->incoming);
    conn->incoming = NULL;
    RHB_LIVE_DEAD(RHB_LIVE_INCOMING);
}

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
