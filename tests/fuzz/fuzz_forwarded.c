/* The fields of proxies. Invariants: those of peers that are not allowed are ignored; what is
 * returned is in the fields; whatever a client has sent, the fields and elements that a proxy
 * appends are read as if they were alone; and if Forwarded follows its grammar exactly, or there is
 * X-Forwarded-For, reading from the left and then going back gives the same.
 *
 * Input: a byte of enum rhb_forwarded_field and ANYBODY, then a head. */
#include "forwarded_from_left.h"
#include "http/forwarded.h"
#include "http/target.h"

enum { ANYBODY = 2 * RHB_FORWARDED };
enum { MAX_FIELDS = 32, MORE_FIELDS = 6 };

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
    end[4] = field_of("X-Forwarded-Ssl", "on");
    end[5] = field_of("X-Forwarded-Protocol", "ssl");
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

/* Whether the oracle cannot count all of them. */
static bool too_many_schemes(const struct phr_request_head *head)
{
    static const char *const names[] = {"x-forwarded-proto", "x-forwarded-ssl",
                                        "x-forwarded-protocol"};
    static struct span spans[ELEMENTS];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (cut_list(head, names[i], spans) == ELEMENTS)
            return true;
    return false;
}

/* Whether the elements of all fields of that name say https `hops` from the right. *there: whether
 * there is a field of that name. */
static bool says_https(const struct phr_request_head *head, const char *name, const char *secure,
                       size_t hops, bool *there)
{
    static struct span spans[ELEMENTS];
    size_t count = cut_list(head, name, spans);
    *there = false;
    for (size_t i = 0; i < head->num_fields; i++)
        *there = *there || is_called(&head->fields[i], name);
    if (count == 0 || (count > 1 && count < hops))
        return false;
    const struct span *span = &spans[count == 1 ? 0 : count - hops];
    return is(span, secure) || (strcmp(secure, "on") != 0 && is_https(span));
}

/* https only if all fields about the scheme say so. */
static void check_scheme(const struct phr_request_head *head, size_t hops)
{
    bool proto_there, ssl_there, protocol_there;
    bool proto = says_https(head, "x-forwarded-proto", "https", hops, &proto_there);
    bool ssl = says_https(head, "x-forwarded-ssl", "on", hops, &ssl_there);
    bool protocol = says_https(head, "x-forwarded-protocol", "ssl", hops, &protocol_there);
    policy.fields = RHB_X_FORWARDED_FOR | RHB_X_FORWARDED_PROTO | RHB_X_FORWARDED_SSL |
                    RHB_X_FORWARDED_PROTOCOL;
    struct rhb_forwarded said = read_all(head);
    MUST((said.scheme == RHB_SCHEME_HTTPS) ==
         ((proto_there || ssl_there || protocol_there) && proto == proto_there &&
          ssl == ssl_there && protocol == protocol_there));
    policy.fields = RHB_X_FORWARDED_FOR | RHB_X_FORWARDED_PROTO;
    said = read_all(head);
    MUST((said.scheme == RHB_SCHEME_HTTPS) == proto);
}

static void check_x_forwarded_for(const struct phr_request_head *head)
{
    static struct span nodes[ELEMENTS];
    size_t count = cut_list(head, "x-forwarded-for", nodes), hops = 0;
    struct rhb_peer client, node;
    bool known = false;
    if (count == ELEMENTS || too_many_schemes(head))
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
    check_scheme(head, hops ? hops : 1);
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
