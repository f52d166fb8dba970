/* The fields of proxies. Invariants: those of peers that are not allowed are ignored; what is
 * returned is in the fields; whatever a client has sent, the fields and elements that a proxy
 * appends are read as if they were alone; and if Forwarded follows its grammar exactly, or there is
 * X-Forwarded-For, reading from the left and then going back gives the same.
 *
 * Input: a byte of enum rhb_forwarded_field and ANYBODY, then a head. */
#include "fuzz.h"
#include "http/forwarded.h"
#include "http/target.h"
#include <arpa/inet.h>
#include <strings.h>

enum { ANYBODY = 2 * RHB_FORWARDED };
enum { MAX_FIELDS = 32, MORE_FIELDS = 4, ELEMENTS = 512, MAX_VALUE = 4096 };

/* 10.0.0.0/8, 127.0.0.0/8, ::1 and unix sockets */
static const struct rhb_network networks[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 10}, 96 + 8},
    {{[10] = 0xff, [11] = 0xff, [12] = 127}, 96 + 8},
    {{[15] = 1}, 128},
};

static struct rhb_forwarded_policy policy = {
    .allowed = {.unix_sockets = true, .networks = networks, .n_networks = 3}};

static struct rhb_forwarded read_all(const struct phr_request_head *head)
{
    static const struct rhb_peer proxy;
    struct rhb_forwarded said;
    rhb_forwarded_read(&said, &policy, &proxy, head->fields, head->num_fields);
    return said;
}

static void check_not_allowed(const struct phr_request_head *head)
{
    struct rhb_peer not_allowed = {0};
    struct rhb_forwarded said;
    MUST(rhb_peer_read(&not_allowed, "192.0.2.9", 9));
    policy.allowed.anybody = false;
    rhb_forwarded_read(&said, &policy, &not_allowed, head->fields, head->num_fields);
    MUST(!said.has_client && said.scheme == RHB_SCHEME_UNKNOWN && !said.host && !said.port);
}

static void check_host(const struct phr_request_head *head, const struct rhb_forwarded *said)
{
    bool inside = said->host == NULL;
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        inside = inside || (said->host >= field->value &&
                            said->host + said->host_len <= field->value + field->value_len);
    }
    MUST(inside && (said->host == NULL || rhb_is_host(said->host, said->host_len)));
    MUST(!said->has_client || said->client.family == AF_INET || said->client.family == AF_INET6);
}

/* ---- what a proxy appends ---- */

static bool is_called(const struct phr_header *field, const char *name)
{
    return field->name_len == strlen(name) && strncasecmp(field->name, name, field->name_len) == 0;
}

static struct phr_header field_of(const char *name, const char *value)
{
    return (struct phr_header){name, strlen(name), value, strlen(value)};
}

static void must_say(const struct rhb_forwarded *said, const char *host, uint16_t port)
{
    char text[RHB_PEER_TEXT];
    MUST(said->has_client && fuzz_same(text, rhb_peer_text(&said->client, text), "192.0.2.77", 10));
    MUST(said->client.port == 0 && said->scheme == RHB_SCHEME_HTTPS && said->port == port);
    MUST(fuzz_same(said->host, said->host_len, host, strlen(host)));
}

static void check_x_forwarded_behind(struct phr_request_head head)
{
    struct phr_header *end = head.fields + head.num_fields;
    policy.fields = RHB_X_FORWARDED | RHB_FORWARDED;
    end[0] = field_of("X-Forwarded-Proto", "https");
    end[1] = field_of("x-forwarded-for", "192.0.2.77");
    end[2] = field_of("X-Forwarded-Host", "proxied");
    end[3] = field_of("X-Forwarded-Port", "4711");
    head.num_fields += MORE_FIELDS;
    struct rhb_forwarded said = read_all(&head);
    must_say(&said, "proxied", 4711);
}

/* As a separate field, and behind the elements of the last field. */
static void check_forwarded_behind(struct phr_request_head head)
{
    static const char element[] = "for=192.0.2.77;proto=https;host=\"proxied:1\"";
    struct phr_header *end = head.fields + head.num_fields, *last = NULL;
    policy.fields = RHB_FORWARDED;
    *end = field_of("Forwarded", element);
    head.num_fields++;
    struct rhb_forwarded said = read_all(&head);
    must_say(&said, "proxied:1", 0);
    head.num_fields--;
    for (struct phr_header *field = head.fields; field < end; field++)
        if (is_called(field, "forwarded"))
            last = field;
    if (last == NULL)
        return;
    struct phr_header before = *last;
    char *joined = malloc(before.value_len + 1 + sizeof element);
    memcpy(joined, before.value, before.value_len);
    joined[before.value_len] = ',';
    memcpy(joined + before.value_len + 1, element, sizeof element);
    last->value = joined;
    last->value_len = before.value_len + sizeof element;
    said = read_all(&head);
    must_say(&said, "proxied:1", 0);
    free(joined);
    *last = before;
}

/* ---- from the left ---- */

struct span {
    const char *at; /* NULL: absent */
    size_t len;
};

struct naive_element {
    bool broken; /* a parameter twice */
    struct span node, proto, host, by;
};

struct naive_list {
    struct naive_element elements[ELEMENTS];
    size_t count;
};

static void skip_blanks(struct fuzz_input *in)
{
    while (in->len > 0 && fuzz_is_blank((char)*in->at))
        fuzz_byte(in);
}

static struct span take_while(struct fuzz_input *in, const char *more)
{
    struct span span = {(const char *)in->at, 0};
    while (in->len > 0 && (fuzz_is_tchar((char)*in->at) || (*in->at && strchr(more, *in->at)))) {
        fuzz_byte(in);
        span.len++;
    }
    return span;
}

static bool take_quoted(struct fuzz_input *in, struct span *span)
{
    fuzz_byte(in);
    const uint8_t *close = in->len ? memchr(in->at, '"', in->len) : NULL;
    if (close == NULL)
        return false;
    *span = (struct span){(const char *)in->at, (size_t)(close - in->at)};
    in->len -= span->len + 1;
    in->at = close + 1;
    return span->len == 0 || memchr(span->at, '\\', span->len) == NULL;
}

static bool is(const struct span *span, const char *word)
{
    return span->len == strlen(word) && strncasecmp(span->at, word, span->len) == 0;
}

static bool take_pair(struct fuzz_input *in, struct naive_element *element)
{
    struct span name = take_while(in, ""), value;
    if (name.len == 0 || fuzz_byte(in) != '=')
        return false;
    if (in->len > 0 && *in->at == '"') {
        if (!take_quoted(in, &value))
            return false;
    } else {
        value = take_while(in, ":[]");
        if (value.len == 0)
            return false;
    }
    struct span *slot = is(&name, "for")     ? &element->node
                        : is(&name, "proto") ? &element->proto
                        : is(&name, "host")  ? &element->host
                        : is(&name, "by")    ? &element->by
                                             : NULL;
    if (slot != NULL) {
        element->broken = element->broken || slot->at != NULL;
        *slot = value;
    }
    return true;
}

/* Reads one value of the field; false when it does not follow the grammar, or is too long. */
static bool read_value(struct naive_list *list, const struct phr_header *field)
{
    struct fuzz_input in = {(const uint8_t *)field->value, field->value_len};
    while (in.len > 0) {
        struct naive_element element = {0};
        bool any = false;
        for (;;) {
            skip_blanks(&in);
            if (in.len == 0 || *in.at == ',')
                break;
            any = true;
            if (*in.at != ';' && !take_pair(&in, &element))
                return false;
            skip_blanks(&in);
            if (in.len == 0 || *in.at == ',')
                break;
            if (fuzz_byte(&in) != ';')
                return false;
        }
        if (in.len > 0)
            fuzz_byte(&in);
        if (any && list->count == ELEMENTS)
            return false;
        if (any)
            list->elements[list->count++] = element;
    }
    return true;
}

static bool is_address(const char *text, int family, struct rhb_peer *peer)
{
    *peer = (struct rhb_peer){.family = (uint8_t)family};
    return inet_pton(family, text, &peer->address) == 1;
}

static bool is_node_port(const char *text, bool *named, uint16_t *port)
{
    long number = strlen(text) < 6 && text[strspn(text, "0123456789")] == '\0' ? atol(text) : 0;
    *named = number > 0 && number <= 65535;
    *port = *named ? (uint16_t)number : 0;
    bool obfuscated = text[0] == '_' && text[1] != '\0';
    for (const char *at = text; *at != '\0'; at++)
        obfuscated = obfuscated && fuzz_is_tchar(*at);
    return *named || obfuscated;
}

static bool naive_node(const struct span *span, bool bare, struct rhb_peer *peer)
{
    char text[MAX_VALUE + 1];
    bool named;
    uint16_t port = 0;
    if (span->at == NULL || span->len >= sizeof text || memchr(span->at, 0, span->len) != NULL)
        return false;
    memcpy(text, span->at, span->len);
    text[span->len] = '\0';
    if (bare && is_address(text, AF_INET6, peer))
        return true;
    char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
    if (text[0] == '[' && (end == NULL || (end[1] != '\0' && end[1] != ':')))
        return false;
    char *colon = end != NULL && *end == ']' ? (end[1] ? end + 1 : NULL) : end;
    if (colon != NULL && !is_node_port(colon + 1, &named, &port))
        return false;
    if (end != NULL)
        *end = '\0';
    if (!is_address(text + (text[0] == '['), text[0] == '[' ? AF_INET6 : AF_INET, peer))
        return false;
    peer->port = port;
    return true;
}

static bool is_proxy(const struct rhb_peer *peer)
{
    char text[RHB_PEER_TEXT];
    size_t len = rhb_peer_text(peer, text);
    return fuzz_same(text, len, "::1", 3) || (len > 4 && memcmp(text, "10.", 3) == 0) ||
           (len > 4 && memcmp(text, "127.", 4) == 0);
}

static void client_must_be(const struct rhb_forwarded *said, bool known,
                           const struct rhb_peer *peer)
{
    MUST(said->has_client == known);
    MUST(!known || (rhb_peer_same_address(&said->client, peer) && said->client.port == peer->port));
}

static bool is_https(const struct span *span)
{
    return is(span, "https") || is(span, "wss");
}

static void check_forwarded_by_grammar(const struct phr_request_head *head)
{
    static struct naive_list list;
    struct rhb_peer client, node;
    bool known = false;
    struct naive_element last = {0};
    list.count = 0;
    for (size_t i = 0; i < head->num_fields; i++)
        if (is_called(&head->fields[i], "forwarded") && !read_value(&list, &head->fields[i]))
            return;
    while (list.count > 0 && !list.elements[list.count - 1].broken) {
        last = list.elements[--list.count];
        if (!naive_node(&last.node, false, &node))
            break;
        client = node;
        known = true;
        if (!is_proxy(&node))
            break;
    }
    policy.fields = RHB_FORWARDED;
    struct rhb_forwarded said = read_all(head);
    client_must_be(&said, known, &client);
    MUST((said.scheme == RHB_SCHEME_HTTPS) == is_https(&last.proto));
    bool host = last.host.at != NULL && rhb_is_host(last.host.at, last.host.len);
    MUST((said.host != NULL) == host);
    MUST(!host || fuzz_same(said.host, said.host_len, last.host.at, last.host.len));
}

/* ---- X-Forwarded-For ---- */

/* The elements of all fields of that name, from the left. */
static size_t cut_list(const struct phr_request_head *head, const char *name, struct span *spans)
{
    size_t count = 0;
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        struct fuzz_input in = {(const uint8_t *)field->value, field->value_len};
        while (is_called(field, name) && in.len > 0 && count < ELEMENTS) {
            struct span span;
            span.at = fuzz_until(&in, ',', &span.len);
            for (; span.len > 0 && fuzz_is_blank(*span.at); span.len--)
                span.at++;
            while (span.len > 0 && fuzz_is_blank(span.at[span.len - 1]))
                span.len--;
            if (span.len > 0)
                spans[count++] = span;
        }
    }
    return count;
}

static void check_x_forwarded_for(const struct phr_request_head *head)
{
    static struct span nodes[ELEMENTS], schemes[ELEMENTS];
    size_t count = cut_list(head, "x-forwarded-for", nodes), hops = 0;
    size_t protos = cut_list(head, "x-forwarded-proto", schemes);
    struct rhb_peer client, node;
    bool known = false;
    if (count == ELEMENTS || protos == ELEMENTS)
        return;
    while (hops < count) {
        struct span span = nodes[count - ++hops];
        bool read = naive_node(&span, true, &node);
        if (read)
            client = node;
        known = known || read;
        if (read ? !is_proxy(&node) : !is(&span, "unix:"))
            break;
    }
    policy.fields = RHB_X_FORWARDED_FOR | RHB_X_FORWARDED_PROTO;
    struct rhb_forwarded said = read_all(head);
    client_must_be(&said, known, &client);
    if (hops == 0)
        hops = 1;
    bool https = protos == 1     ? is_https(&schemes[0])
                 : protos < hops ? false
                                 : is_https(&schemes[protos - hops]);
    MUST((said.scheme == RHB_SCHEME_HTTPS) == https);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct phr_limits limits = {.line = 4096, .head = 65536, .field = MAX_VALUE};
    struct fuzz_input in = {.at = data, .len = size};
    struct phr_header fields[MAX_FIELDS + MORE_FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = MAX_FIELDS};
    uint8_t wanted = fuzz_byte(&in);
    if (phr_parse_request_strict((const char *)in.at, in.len, &limits, &head, 0) <= 0)
        return 0;
    fuzz_isolate(&head);
    policy.fields = wanted;
    check_not_allowed(&head);
    policy.allowed.anybody = wanted & ANYBODY;
    struct rhb_forwarded said = read_all(&head);
    check_host(&head, &said);
    check_x_forwarded_behind(head);
    check_forwarded_behind(head);
    check_forwarded_by_grammar(&head);
    check_x_forwarded_for(&head);
    fuzz_free_isolated(&head);
    return 0;
}
