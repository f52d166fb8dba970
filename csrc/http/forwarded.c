#include "forwarded.h"
#include "base/decimal.h"
#include "forwarded_element.h"
#include "forwarded_list.h"
#include "forwarded_node.h"
#include "target.h"

enum { MAX_PORT = 65535, HTTP_PORT = 80, HTTPS_PORT = 443 };

/* ---- values of either field ---- */

/* ws and wss: the same connection, with a request for a WebSocket. */
static enum rhb_scheme read_scheme(const struct rhb_text *text)
{
    if (rhb_text_is(text, "https") || rhb_text_is(text, "wss"))
        return RHB_SCHEME_HTTPS;
    if (rhb_text_is(text, "http") || rhb_text_is(text, "ws"))
        return RHB_SCHEME_HTTP;
    return RHB_SCHEME_UNKNOWN;
}

static enum rhb_scheme read_ssl(const struct rhb_text *text)
{
    if (rhb_text_is(text, "on"))
        return RHB_SCHEME_HTTPS;
    return rhb_text_is(text, "off") ? RHB_SCHEME_HTTP : RHB_SCHEME_UNKNOWN;
}

static enum rhb_scheme read_protocol(const struct rhb_text *text)
{
    return rhb_text_is(text, "ssl") ? RHB_SCHEME_HTTPS : read_scheme(text);
}

static void read_host(struct rhb_forwarded *said, const struct rhb_text *text)
{
    if (!rhb_is_host(text->at, text->len))
        return;
    said->host = text->at;
    said->host_len = text->len;
}

/* Reads the node that a proxy names as its client. True if it is an allowed proxy itself: then the
 * element before is valid too. */
static bool read_node(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                      const struct rhb_text *text, bool bare)
{
    static const struct rhb_peer unix_socket;
    struct rhb_peer node;
    if (rhb_forwarded_node(text, bare, &node)) {
        said->client = node;
        said->has_client = true;
        return rhb_peer_is_named(&policy->allowed, &node);
    }
    /* what nginx writes for a client on a unix socket */
    return bare && rhb_text_is(text, "unix:") && rhb_peer_is_named(&policy->allowed, &unix_socket);
}

/* ---- X-Forwarded ---- */

/* Finds the element that belongs to the hops-th element of X-Forwarded-For from the right: the
 * hops-th of this field, or its only one, since many proxies replace the field. False when there
 * are several but fewer than hops: then it is not known which one it is. */
static bool element_of_hop(struct rhb_forwarded_list list, enum rhb_forwarded_field wanted,
                           size_t hops, struct rhb_text *element)
{
    size_t count = 0;
    list.wanted = wanted;
    while (count < hops && rhb_forwarded_previous(&list, element))
        count++;
    return count > 0 && (count == hops || count == 1);
}

/* The scheme that all fields about it give. A proxy writes one of them, and the others may come
 * from its client: so if they do not agree, the scheme is unknown. */
static enum rhb_scheme read_schemes(unsigned present, struct rhb_forwarded_list list, size_t hops)
{
    static const struct {
        enum rhb_forwarded_field field;
        enum rhb_scheme (*read)(const struct rhb_text *text);
    } rows[] = {
        {RHB_X_FORWARDED_PROTO, read_scheme},
        {RHB_X_FORWARDED_SSL, read_ssl},
        {RHB_X_FORWARDED_PROTOCOL, read_protocol},
    };
    enum rhb_scheme agreed = RHB_SCHEME_UNKNOWN;
    bool is_first = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rhb_text text;
        if (!(present & rows[i].field))
            continue;
        enum rhb_scheme scheme = element_of_hop(list, rows[i].field, hops, &text)
                                     ? rows[i].read(&text)
                                     : RHB_SCHEME_UNKNOWN;
        if (!is_first && scheme != agreed)
            return RHB_SCHEME_UNKNOWN;
        agreed = scheme;
        is_first = false;
    }
    return agreed;
}

/* present: the fields that are there, of enum rhb_forwarded_field. */
static void read_x_forwarded(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                             unsigned present, struct rhb_forwarded_list list)
{
    struct rhb_forwarded_list nodes = list;
    struct rhb_text text;
    size_t hops = 0;
    bool allowed = present & RHB_X_FORWARDED_FOR;
    nodes.wanted = RHB_X_FORWARDED_FOR;
    while (allowed && rhb_forwarded_previous(&nodes, &text)) {
        allowed = read_node(said, policy, &text, true);
        hops++;
    }
    if (hops == 0)
        hops = 1; /* our peer's */
    said->scheme = read_schemes(present, list, hops);
    if ((present & RHB_X_FORWARDED_HOST) && element_of_hop(list, RHB_X_FORWARDED_HOST, hops, &text))
        read_host(said, &text);
    if ((present & RHB_X_FORWARDED_PORT) && element_of_hop(list, RHB_X_FORWARDED_PORT, hops, &text))
        rhb_forwarded_port(&text, &said->port);
}

/* ---- Forwarded ---- */

static void read_forwarded(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                           struct rhb_forwarded_list list)
{
    struct rhb_forwarded_element element;
    bool allowed = true;
    list.wanted = RHB_FORWARDED;
    while (allowed && rhb_forwarded_previous_element(&list, &element)) {
        said->scheme = read_scheme(&element.proto);
        said->host = NULL;
        said->host_len = 0;
        read_host(said, &element.host);
        allowed = read_node(said, policy, &element.node, false);
    }
}

/* ---- all of them ---- */

void rhb_forwarded_read(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                        const struct rhb_peer *peer, const struct phr_header *fields, size_t count)
{
    struct rhb_forwarded_list list = {.fields = fields, .left = count};
    unsigned present = 0;
    *said = (struct rhb_forwarded){0};
    if (!rhb_peer_is_allowed(&policy->allowed, peer))
        return;
    for (size_t i = 0; i < count; i++)
        present |= rhb_forwarded_which(&fields[i]);
    present &= policy->fields;
    if (present & RHB_X_FORWARDED)
        read_x_forwarded(said, policy, present, list);
    else if (present & RHB_FORWARDED)
        read_forwarded(said, policy, list);
}

/* host is valid for rhb_is_host. 0 when it has no port. */
static uint16_t port_of_host(const char *host, size_t len)
{
    size_t at = len;
    uint64_t port = 0;
    while (at > 0 && host[at - 1] >= '0' && host[at - 1] <= '9')
        at--;
    if (at > 0 && host[at - 1] == ':')
        rhb_decimal_read(host + at, len - at, MAX_PORT, &port);
    return (uint16_t)port;
}

uint16_t rhb_forwarded_server_port(const struct rhb_forwarded *said, const char *host,
                                   size_t host_len)
{
    if (said->port != 0)
        return said->port;
    if (said->scheme == RHB_SCHEME_UNKNOWN && said->host == NULL)
        return 0;
    if (said->host != NULL) {
        host = said->host;
        host_len = said->host_len;
    }
    uint16_t port = port_of_host(host, host_len);
    if (port != 0)
        return port;
    return said->scheme == RHB_SCHEME_HTTPS ? HTTPS_PORT : HTTP_PORT;
}
