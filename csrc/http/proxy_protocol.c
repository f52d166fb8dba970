#include "proxy_protocol.h"
#include "base/decimal.h"

enum { MAX_PORT = 65535 };

/* ---- version 1 (section 2.1) ----
 *
 *     "PROXY " ( "TCP4" / "TCP6" ) " " source " " destination " " port " " port CRLF
 *     "PROXY UNKNOWN" [ " " anything ] CRLF */

static const char v1_prefix[] = "PROXY ";
static const char v1_unknown[] = "UNKNOWN";

struct words {
    const char *at, *end; /* the unread part of the line */
};

/* Reads the next word, up to a single space or the end; false when it is empty. */
static bool next_word(struct words *words, const char **word, size_t *len)
{
    const char *space = memchr(words->at, ' ', (size_t)(words->end - words->at));
    const char *stop = space ? space : words->end;
    *word = words->at;
    *len = (size_t)(stop - words->at);
    words->at = space ? space + 1 : words->end;
    return *len > 0;
}

static bool is_word(const char *word, size_t len, const char *expected)
{
    return len == strlen(expected) && memcmp(word, expected, len) == 0;
}

static bool read_address(struct words *words, int family, struct rhb_peer *peer)
{
    const char *word;
    size_t len;
    return next_word(words, &word, &len) && rhb_peer_read(peer, word, len) &&
           peer->family == family;
}

/* False for leading zeros too. */
static bool read_port(struct words *words, uint16_t *port)
{
    const char *word;
    size_t len;
    uint64_t number;
    if (!next_word(words, &word, &len) || (len > 1 && word[0] == '0') ||
        !rhb_decimal_read(word, len, MAX_PORT, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

/* line: without the prefix and CRLF. */
static bool read_v1_line(struct rhb_proxy_header *header, const char *line, size_t len)
{
    struct words words = {line, line + len};
    struct rhb_peer destination;
    const char *protocol;
    size_t protocol_len;
    if (!next_word(&words, &protocol, &protocol_len))
        return false;
    if (is_word(protocol, protocol_len, v1_unknown))
        return true;
    int family = is_word(protocol, protocol_len, "TCP4")   ? AF_INET
                 : is_word(protocol, protocol_len, "TCP6") ? AF_INET6
                                                           : AF_UNSPEC;
    header->names_client = true;
    /* the line ends with the last word: no space follows it */
    return family != AF_UNSPEC && read_address(&words, family, &header->client) &&
           read_address(&words, family, &destination) && read_port(&words, &header->client.port) &&
           read_port(&words, &destination.port) && words.at == words.end && line[len - 1] != ' ';
}

/* RHB_PROXY_INCOMPLETE while the line is shorter than the prefix. */
static enum rhb_proxy_result read_v1(struct rhb_proxy_header *header, const char *data, size_t len)
{
    const size_t prefix_len = sizeof v1_prefix - 1;
    if (len < prefix_len)
        return RHB_PROXY_INCOMPLETE;
    size_t seen = len < RHB_PROXY_V1_MAX ? len : RHB_PROXY_V1_MAX;
    const char *cr = memchr(data, '\r', seen), *lf = memchr(data, '\n', seen);
    if (lf != NULL && (cr == NULL || lf != cr + 1))
        return RHB_PROXY_BAD;
    if (cr != NULL && lf == NULL && cr + 1 < data + len)
        return RHB_PROXY_BAD; /* another byte follows CR */
    if (lf == NULL)
        return len < RHB_PROXY_V1_MAX ? RHB_PROXY_INCOMPLETE : RHB_PROXY_BAD;
    header->len = (size_t)(lf + 1 - data);
    return read_v1_line(header, data + prefix_len, header->len - prefix_len - 2) ? RHB_PROXY_OK
                                                                                 : RHB_PROXY_BAD;
}

/* ---- version 2 (section 2.2) ----
 *
 *     signature (12), version and command, family and transport, length (2, big-endian),
 *     addresses, TLVs: type, length (2), value */

static const char v2_signature[] = "\r\n\r\n\0\r\nQUIT\n";

enum { V2_COMMAND = 12, V2_FAMILY = 13, V2_LENGTH = 14, V2_FIXED = 16 };
enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_UNIX = 0x31 };
enum { V2_LAST_FAMILY = 3, V2_LAST_TRANSPORT = 2 };

static uint16_t big_endian(const char *at)
{
    return (uint16_t)((unsigned char)at[0] << 8 | (unsigned char)at[1]);
}

/* Bytes of both addresses, with ports, by family: none, IPv4, IPv6, unix. */
static const size_t v2_address_len[V2_LAST_FAMILY + 1] = {0, 12, 36, 216};

/* A kind of connection that is unknown here is valid, and has no client (section 2.2). */
static void set_v2_client(struct rhb_proxy_header *header, uint8_t kind, const char *at)
{
    struct rhb_peer *client = &header->client;
    switch (kind) {
    case V2_TCP4:
        client->family = AF_INET;
        memcpy(&client->address.v4, at, 4);
        client->port = big_endian(at + 8);
        break;
    case V2_TCP6:
        client->family = AF_INET6;
        memcpy(&client->address.v6, at, 16);
        client->port = big_endian(at + 32);
        break;
    case V2_UNIX:
        client->family = AF_UNIX;
        break;
    default:
        return;
    }
    header->names_client = true;
}

/* Whether the last TLV ends where the header ends. */
static bool tlvs_fit(const char *at, const char *end)
{
    while (at < end) {
        if (end - at < 3)
            return false;
        size_t len = big_endian(at + 1);
        at += 3;
        if ((size_t)(end - at) < len)
            return false;
        at += len;
    }
    return true;
}

/* The command PROXY: the addresses of a client's connection. */
static bool read_v2_proxied(struct rhb_proxy_header *header, const char *data)
{
    uint8_t kind = (uint8_t)data[V2_FAMILY];
    unsigned family = kind >> 4, transport = kind & 0xf;
    const char *addresses = data + V2_FIXED, *end = data + header->len;
    if (family > V2_LAST_FAMILY || transport > V2_LAST_TRANSPORT)
        return false;
    if ((size_t)(end - addresses) < v2_address_len[family])
        return false;
    set_v2_client(header, kind, addresses);
    return tlvs_fit(addresses + v2_address_len[family], end);
}

/* The bytes are the beginning of the signature of version 2, or begin with it. */
static enum rhb_proxy_result read_v2(struct rhb_proxy_header *header, const char *data, size_t len)
{
    uint8_t command = len > V2_COMMAND ? (uint8_t)data[V2_COMMAND] : V2_PROXY;
    if (command != V2_PROXY && command != V2_LOCAL)
        return RHB_PROXY_BAD;
    if (len < V2_FIXED)
        return RHB_PROXY_INCOMPLETE;
    header->len = (size_t)V2_FIXED + big_endian(data + V2_LENGTH);
    if (header->len > RHB_PROXY_V2_MAX)
        return RHB_PROXY_BAD;
    if (len < header->len)
        return RHB_PROXY_INCOMPLETE;
    /* of a LOCAL header only the length is used */
    return command == V2_LOCAL || read_v2_proxied(header, data) ? RHB_PROXY_OK : RHB_PROXY_BAD;
}

/* ---- either version ---- */

/* Whether the data begins with this prefix, or is the first part of it. */
static bool may_begin(const char *data, size_t len, const char *prefix, size_t prefix_len)
{
    return memcmp(data, prefix, len < prefix_len ? len : prefix_len) == 0;
}

enum rhb_proxy_result rhb_proxy_read(struct rhb_proxy_header *header, unsigned versions,
                                     const char *data, size_t len)
{
    struct rhb_proxy_header read = {0};
    enum rhb_proxy_result result = RHB_PROXY_BAD;
    if (len == 0)
        return RHB_PROXY_INCOMPLETE;
    if ((versions & RHB_PROXY_V1) && may_begin(data, len, v1_prefix, sizeof v1_prefix - 1))
        result = read_v1(&read, data, len);
    else if ((versions & RHB_PROXY_V2) &&
             may_begin(data, len, v2_signature, sizeof v2_signature - 1))
        result = read_v2(&read, data, len);
    if (result == RHB_PROXY_OK)
        *header = read;
    return result;
}
