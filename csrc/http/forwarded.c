#include "forwarded.h"
#include "base/decimal.h"
#include "field_name.h"
#include "picohttpparser/char_class.h"
#include "target.h"

enum { MAX_PORT = 65535, HTTP_PORT = 80, HTTPS_PORT = 443 };

/* A piece of a value. */
struct text {
    const char *at;
    size_t len;
};

static bool is_word(const struct text *text, const char *word)
{
    return rhb_name_is(text->at, text->len, word);
}

/* ---- which field ---- */

static bool is_called(const struct phr_header *field, const char *name)
{
    return rhb_name_is(field->name, field->name_len, name);
}

/* 0 for all others. */
static unsigned which_field(const struct phr_header *field)
{
    switch (field->name_len) {
    case sizeof "forwarded" - 1:
        return is_called(field, "forwarded") ? RHB_FORWARDED : 0;
    case sizeof "x-forwarded-for" - 1:
        return is_called(field, "x-forwarded-for") ? RHB_X_FORWARDED_FOR : 0;
    case sizeof "x-forwarded-proto" - 1:
        return is_called(field, "x-forwarded-proto") ? RHB_X_FORWARDED_PROTO : 0;
    case sizeof "x-forwarded-host" - 1: /* and -port */
        if (is_called(field, "x-forwarded-host"))
            return RHB_X_FORWARDED_HOST;
        return is_called(field, "x-forwarded-port") ? RHB_X_FORWARDED_PORT : 0;
    default:
        return 0;
    }
}

/* ---- all values of one field, as one list, from its end ---- */

struct backwards {
    const struct phr_header *fields;
    size_t left; /* of the fields, not yet looked at */
    enum rhb_forwarded_field wanted;
    const char *start, *end; /* of the current value, what is left of it; NULL: none */
};

/* Turns to the value before; false when there is none. */
static bool previous_value(struct backwards *list)
{
    while (list->left > 0) {
        const struct phr_header *field = &list->fields[--list->left];
        if (which_field(field) != list->wanted)
            continue;
        list->start = field->value;
        list->end = field->value + field->value_len;
        return true;
    }
    return false;
}

/* White space and empty elements (RFC 9110 section 5.6.1.2) before the end. */
static void skip_nothing(struct backwards *list)
{
    while (list->end > list->start && (phr_is_blank(list->end[-1]) || list->end[-1] == ','))
        list->end--;
}

/* Whether there is anything left; turns to the value before where there is not. */
static bool goes_on(struct backwards *list)
{
    for (;;) {
        if (list->start != NULL)
            skip_nothing(list);
        if (list->end > list->start)
            return true;
        if (!previous_value(list))
            return false;
    }
}

/* The element before, of a list that knows no quotes. */
static bool previous_element(struct backwards *list, struct text *element)
{
    if (!goes_on(list))
        return false;
    const char *at = list->end;
    while (at > list->start && at[-1] != ',')
        at--;
    const char *end = list->end;
    list->end = at;
    while (phr_is_blank(*at)) /* there is something else before the end */
        at++;
    *element = (struct text){at, (size_t)(end - at)};
    return true;
}

/* ---- one value ---- */

/* RFC 7239 section 6: up to five digits. */
static bool read_port(const struct text *text, uint16_t *port)
{
    uint64_t number;
    if (text->len > 5 || !rhb_decimal_read(text->at, text->len, MAX_PORT, &number) || number == 0)
        return false;
    *port = (uint16_t)number;
    return true;
}

/* RFC 7239 section 6.3: a port may be obfuscated. */
static bool read_node_port(const struct text *text, uint16_t *port)
{
    if (text->len > 1 && text->at[0] == '_') {
        for (size_t i = 1; i < text->len; i++)
            if (!phr_is(text->at[i], PHR_TOKEN))
                return false;
        return true;
    }
    return read_port(text, port);
}

/* Address and port of a node that is not empty, brackets and colon left out; port.at NULL when
 * there is none. */
static bool split_node(const struct text *text, struct text *address, struct text *port)
{
    const char *at = text->at, *end = at + text->len;
    bool bracket = *at == '[';
    const char *stop = memchr(at, bracket ? ']' : ':', text->len);
    if (bracket && stop == NULL)
        return false;
    if (stop == NULL)
        stop = end;
    *address = (struct text){at + bracket, (size_t)(stop - at) - bracket};
    stop += bracket;
    *port = (struct text){0};
    if (stop == end)
        return true;
    *port = (struct text){stop + 1, (size_t)(end - stop - 1)};
    return *stop == ':';
}

/* An address, and behind it perhaps a port (RFC 7239 section 6). bare: IPv6 may stand without
 * brackets, and without a port then. False when it is anything else, such as `unknown` or an
 * obfuscated name. */
static bool read_node(const struct text *text, bool bare, struct rhb_peer *node)
{
    struct text address, digits;
    struct rhb_peer read;
    if (text->len == 0)
        return false;
    if (bare && rhb_peer_read(node, text->at, text->len))
        return true;
    if (!split_node(text, &address, &digits) || !rhb_peer_read(&read, address.at, address.len))
        return false;
    if ((read.family == AF_INET6) != (address.at > text->at))
        return false; /* brackets are for IPv6, and IPv6 has them */
    if (digits.at != NULL && !read_node_port(&digits, &read.port))
        return false;
    *node = read;
    return true;
}

/* ws and wss are the same connection, said of a request that asks for a WebSocket. */
static enum rhb_scheme read_scheme(const struct text *text)
{
    if (is_word(text, "https") || is_word(text, "wss"))
        return RHB_SCHEME_HTTPS;
    if (is_word(text, "http") || is_word(text, "ws"))
        return RHB_SCHEME_HTTP;
    return RHB_SCHEME_UNSAID;
}

static void take_host(struct rhb_forwarded *said, const struct text *text)
{
    if (!rhb_is_host(text->at, text->len))
        return;
    said->host = text->at;
    said->host_len = text->len;
}

/* Whether the node is a proxy whose own word counts; if it is an address, it is also the client as
 * far as we know. */
static bool take_node(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                      const struct text *text, bool bare)
{
    static const struct rhb_peer unix_socket;
    struct rhb_peer node;
    if (read_node(text, bare, &node)) {
        said->client = node;
        said->has_client = true;
        return rhb_peer_is_named(&policy->allowed, &node);
    }
    /* what nginx writes for a client on a unix socket */
    return bare && is_word(text, "unix:") && rhb_peer_is_named(&policy->allowed, &unix_socket);
}

/* ---- X-Forwarded ---- */

/* What was said together with the hops-th element of X-Forwarded-For from the right: the element of
 * that number, or the only one, since many proxies replace what was there. False where there are
 * several, but not so many: nobody knows whose they are. */
static bool at_hop(struct backwards list, enum rhb_forwarded_field wanted, size_t hops,
                   struct text *element)
{
    size_t count = 0;
    list.wanted = wanted;
    while (count < hops && previous_element(&list, element))
        count++;
    return count > 0 && (count == hops || count == 1);
}

static void read_x_forwarded(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                             unsigned there, struct backwards list)
{
    struct backwards nodes = list;
    struct text text;
    size_t hops = 0;
    bool known = there & RHB_X_FORWARDED_FOR;
    nodes.wanted = RHB_X_FORWARDED_FOR;
    while (known && previous_element(&nodes, &text)) {
        known = take_node(said, policy, &text, true);
        hops++;
    }
    if (hops == 0)
        hops = 1; /* our peer's */
    if ((there & RHB_X_FORWARDED_PROTO) && at_hop(list, RHB_X_FORWARDED_PROTO, hops, &text))
        said->scheme = read_scheme(&text);
    if ((there & RHB_X_FORWARDED_HOST) && at_hop(list, RHB_X_FORWARDED_HOST, hops, &text))
        take_host(said, &text);
    if ((there & RHB_X_FORWARDED_PORT) && at_hop(list, RHB_X_FORWARDED_PORT, hops, &text))
        read_port(&text, &said->port);
}

/* ---- Forwarded ---- */

/* RFC 7239 section 4. at NULL: not there. */
struct element {
    struct text node, proto, host, by;
};

/* Parameters are read backwards too. A quoted string that has no backslash in it reads the same
 * from either end; one that has is not understood: nothing that we look for needs one. */
static bool quoted_backwards(const char *start, const char **at, struct text *value)
{
    const char *close = *at - 1, *open = close;
    while (open > start && open[-1] != '"' && open[-1] != '\\')
        open--;
    if (open == start || open[-1] != '"')
        return false;
    *value = (struct text){open, (size_t)(close - open)};
    *at = open - 1;
    return true;
}

/* Addresses are written without quotes by some, although they are no tokens. */
static bool is_value_byte(char byte)
{
    return phr_is(byte, PHR_TOKEN) || byte == ':' || byte == '[' || byte == ']';
}

static bool value_backwards(const char *start, const char **at, struct text *value)
{
    const char *end = *at, *first = end;
    if (end > start && end[-1] == '"')
        return quoted_backwards(start, at, value);
    while (first > start && is_value_byte(first[-1]))
        first--;
    *value = (struct text){first, (size_t)(end - first)};
    *at = first;
    return first < end;
}

static bool name_backwards(const char *start, const char **at, struct text *name)
{
    const char *end = *at, *first = end;
    while (first > start && phr_is(first[-1], PHR_TOKEN))
        first--;
    *name = (struct text){first, (size_t)(end - first)};
    *at = first;
    return first < end;
}

static struct text *slot_for(struct element *element, const struct text *name)
{
    if (is_word(name, "for"))
        return &element->node;
    if (is_word(name, "proto"))
        return &element->proto;
    if (is_word(name, "host"))
        return &element->host;
    return is_word(name, "by") ? &element->by : NULL;
}

/* name=value before *at, into its slot; false when it is not that, or is there twice. */
static bool pair_backwards(const char *start, const char **at, struct element *element)
{
    struct text name, value;
    if (!value_backwards(start, at, &value) || *at == start || (*at)[-1] != '=')
        return false;
    --*at;
    if (!name_backwards(start, at, &name))
        return false;
    struct text *slot = slot_for(element, &name);
    if (slot == NULL)
        return true; /* an extension */
    bool twice = slot->at != NULL;
    *slot = value;
    return !twice;
}

static void skip_blanks_backwards(const char *start, const char **at)
{
    while (*at > start && phr_is_blank((*at)[-1]))
        --*at;
}

/* The element before; false when there is none, or none that can be read. */
static bool previous_forwarded(struct backwards *list, struct element *element)
{
    *element = (struct element){0};
    if (!goes_on(list))
        return false;
    const char *at = list->end;
    while (at > list->start && at[-1] != ',') {
        if (at[-1] != ';' && !pair_backwards(list->start, &at, element))
            return false;
        skip_blanks_backwards(list->start, &at);
        if (at > list->start && at[-1] != ';' && at[-1] != ',')
            return false;
        if (at > list->start && at[-1] == ';')
            at--;
        skip_blanks_backwards(list->start, &at);
    }
    list->end = at;
    return true;
}

static void read_forwarded(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                           struct backwards list)
{
    struct element element;
    bool known = true;
    list.wanted = RHB_FORWARDED;
    while (known && previous_forwarded(&list, &element)) {
        said->scheme = read_scheme(&element.proto);
        said->host = NULL;
        said->host_len = 0;
        take_host(said, &element.host);
        known = take_node(said, policy, &element.node, false);
    }
}

/* ---- all of it ---- */

void rhb_forwarded_read(struct rhb_forwarded *said, const struct rhb_forwarded_policy *policy,
                        const struct rhb_peer *peer, const struct phr_header *fields, size_t count)
{
    struct backwards list = {.fields = fields, .left = count};
    unsigned there = 0;
    *said = (struct rhb_forwarded){0};
    if (!rhb_peer_is_allowed(&policy->allowed, peer))
        return;
    for (size_t i = 0; i < count; i++)
        there |= which_field(&fields[i]);
    there &= policy->fields;
    if (there & RHB_X_FORWARDED)
        read_x_forwarded(said, policy, there, list);
    else if (there & RHB_FORWARDED)
        read_forwarded(said, policy, list);
}

/* Of a host in the sense of rhb_is_host; 0 when it names none. */
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
    if (said->scheme == RHB_SCHEME_UNSAID && said->host == NULL)
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
