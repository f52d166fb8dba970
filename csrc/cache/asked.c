#include "asked.h"
#include "http/field_name.h"
#include "http/field_syntax.h"
#include "http/token_list.h"

/* What a field of a request means for its key. */
enum effect {
    NOTHING,
    FORBIDS, /* applications take it for another method, target or host, or for another protocol */
    IN_KEY,  /* applications and middlewares may heed it, and proxies set it to the same mostly */
    IS_DIRECTIVES,
    IS_PRAGMA,
    IS_AUTHORIZATION,
    IS_CONDITION,
    IS_RANGE,
    IS_FORWARDED
};

/* By the length of the name. RFC 9111 section 4.3.2: If-Match and If-Unmodified-Since are for the
 * origin alone. Names with another method, target or host than the request line forbid; those of
 * schemes are in the key. */
static const struct effect_of {
    const char *name;
    enum effect effect;
} effects[][6] = {
    [5] = {{"range", IS_RANGE}},
    [6] = {{"expect", FORBIDS}, {"pragma", IS_PRAGMA}, {"x-host", FORBIDS}},
    [7] = {{"upgrade", FORBIDS}, {"x-https", IN_KEY}},
    [8] = {{"if-match", FORBIDS}, {"x-scheme", IN_KEY}},
    [9] = {{"forwarded", IS_FORWARDED}, {"x-arr-ssl", IN_KEY}},
    [10] = {{"cf-visitor", IN_KEY}, {"x-vhm-host", FORBIDS}, {"x-vhm-root", FORBIDS}},
    [11] = {{"script-name", FORBIDS}, {"x-real-host", FORBIDS}},
    [12] = {{"content-type", FORBIDS}, {"x-url-scheme", IN_KEY}},
    [13] = {{"cache-control", IS_DIRECTIVES},
            {"if-none-match", IS_CONDITION},
            {"authorization", IS_AUTHORIZATION},
            {"x-http-method", FORBIDS},
            {"x-rewrite-url", FORBIDS},
            {"x-script-name", FORBIDS}},
    [14] = {{"content-length", FORBIDS},
            {"x-original-url", FORBIDS},
            {"x-original-uri", FORBIDS},
            {"x-override-url", FORBIDS}},
    [15] = {{"front-end-https", IN_KEY},
            {"x-original-host", FORBIDS},
            {"x-original-path", FORBIDS},
            {"x-replaced-path", IN_KEY}},
    [16] = {{"x-original-proto", FORBIDS}},
    [17] = {{"if-modified-since", IS_CONDITION},
            {"transfer-encoding", FORBIDS},
            {"x-method-override", FORBIDS},
            {"x-original-method", FORBIDS},
            {"x-appengine-https", IN_KEY}},
    [19] = {{"if-unmodified-since", FORBIDS}},
    [20] = {{"x-http-host-override", FORBIDS}, {"x-http-path-override", FORBIDS}},
    [21] = {{"x-envoy-original-path", FORBIDS}},
    [22] = {{"x-http-method-override", FORBIDS}},
    [26] = {{"cloudfront-forwarded-proto", IN_KEY}},
};
enum { LENGTHS = sizeof(effects) / sizeof(effects[0]), OF_ONE_LENGTH = 6 };

static bool is_forwarded_by(const struct phr_header *field)
{
    enum { PREFIX = 12 };
    return field->name_len > PREFIX && (field->name[0] | 0x20) == 'x' &&
           rhb_same_name(field->name, "x-forwarded-", PREFIX);
}

/* X-Forwarded-For is of the client and not of the page; all others of its kind are of the page. */
static enum effect effect_of(const struct phr_header *field)
{
    size_t len = field->name_len;
    if (is_forwarded_by(field))
        return rhb_name_is(field->name, len, "x-forwarded-for") ? NOTHING : IN_KEY;
    if (len >= LENGTHS)
        return NOTHING;
    for (const struct effect_of *row = effects[len]; row < effects[len] + OF_ONE_LENGTH; row++) {
        if (row->name == NULL)
            break;
        if ((field->name[0] | 0x20) == row->name[0] && rhb_same_name(field->name, row->name, len))
            return row->effect;
    }
    return NOTHING;
}

static bool put_in_key(struct rhb_bytes *key, const struct phr_header *field)
{
    return rhb_bytes_append(key, field->name, field->name_len) && rhb_bytes_append(key, ":", 1) &&
           rhb_bytes_append(key, field->value, field->value_len) && rhb_bytes_append(key, "\n", 1);
}

/* ---- Forwarded ---- */

/* Whether these bytes are a node, and nothing that a careless reader takes for more. */
static bool is_plain_node(const char *at, const char *end)
{
    if (end - at >= 2 && *at == '"' && end[-1] == '"') {
        at++;
        end--;
    }
    for (; at < end; at++)
        if (!rhb_is_token(at, 1) && *at != ':' && *at != '[' && *at != ']')
            return false;
    return true;
}

/* Appends one pair, but without the node of for and by, which are of the client. */
static bool put_pair(struct rhb_bytes *key, const char *at, const char *end)
{
    while (at < end && rhb_is_ows(*at))
        at++;
    while (at < end && rhb_is_ows(end[-1]))
        end--;
    const char *equals = at;
    while (equals < end && *equals != '=')
        equals++;
    size_t len = (size_t)(equals - at);
    if (!rhb_name_is(at, len, "for") && !rhb_name_is(at, len, "by"))
        return rhb_bytes_append(key, at, (size_t)(end - at));
    return (equals == end || is_plain_node(equals + 1, end)) && rhb_bytes_append(key, at, len);
}

/* All of the field is in the key but for its nodes: applications read elements too that the server
 * does not believe. False also when it is not clear what is a node. */
static bool put_forwarded(struct rhb_bytes *key, const struct phr_header *field)
{
    const char *at = field->value, *end = at + field->value_len;
    bool put = rhb_bytes_append(key, "forwarded:", 10);
    while (put && at < end) {
        const char *stop = at;
        while (stop < end && *stop != ',' && *stop != ';')
            stop++;
        put = put_pair(key, at, stop) && rhb_bytes_append(key, stop < end ? stop : "\n", 1);
        at = stop + 1;
    }
    return put && rhb_bytes_append(key, "\n", 1);
}

/* ---- the key ---- */

/* A proxy that is not believed may pass on whatever its client says: its Forwarded forbids. */
static bool believes(const struct rhb_forwarded_policy *proxies, const struct rhb_peer *peer)
{
    return (proxies->fields & RHB_FORWARDED) && rhb_peer_is_allowed(&proxies->allowed, peer);
}

/* As for the origin form, which is all that is different of an absolute form. */
static bool put_target(struct rhb_bytes *uri, const struct rhb_request *request)
{
    const struct rhb_target *target = &request->target;
    if (target->form == RHB_TARGET_ORIGIN)
        return rhb_bytes_append(uri, request->head.target, request->head.target_len);
    return rhb_bytes_append(uri, target->path, target->path_len) &&
           (target->query_len == 0 || (rhb_bytes_append(uri, "?", 1) &&
                                       rhb_bytes_append(uri, target->query, target->query_len)));
}

bool rhb_asked_uri(const struct rhb_asker *asker, const struct rhb_forwarded_policy *proxies,
                   struct rhb_bytes *uri)
{
    const struct rhb_request *request = asker->request;
    const struct phr_request_head *head = &request->head;
    struct rhb_forwarded said;
    const char *host = request->framing.host;
    size_t host_len = request->framing.host_len;
    rhb_forwarded_read(&said, proxies, asker->peer, head->fields, head->num_fields);
    if (request->target.form == RHB_TARGET_ABSOLUTE) {
        host = request->target.authority;
        host_len = request->target.authority_len;
    }
    if (said.host != NULL) {
        host = said.host;
        host_len = said.host_len;
    }
    const char *scheme = said.scheme == RHB_SCHEME_HTTPS ? "https://" : "http://";
    uri->len = 0;
    return host != NULL && request->target.form != RHB_TARGET_ASTERISK &&
           rhb_bytes_append(uri, scheme, strlen(scheme)) && rhb_bytes_append(uri, host, host_len) &&
           put_target(uri, request);
}

static bool read_field(struct rhb_asked *asked, const struct phr_header *field,
                       struct rhb_directives *pragma)
{
    switch (effect_of(field)) {
    case FORBIDS:
        return false;
    case IS_DIRECTIVES:
        rhb_directives_read(&asked->directives, field->value, field->value_len);
        break;
    case IS_PRAGMA:
        rhb_directives_read(pragma, field->value, field->value_len);
        break;
    case IS_AUTHORIZATION:
        asked->authorized = true;
        break;
    case IS_CONDITION:
        asked->conditional = true;
        break;
    case IS_RANGE:
        asked->ranged = true;
        break;
    case IN_KEY:
    case IS_FORWARDED:
        asked->has_keyed = true;
        break;
    case NOTHING:
        break;
    }
    return true;
}

static bool put_keyed(const struct rhb_asker *asker, const struct rhb_forwarded_policy *proxies,
                      struct rhb_bytes *key)
{
    const struct phr_request_head *head = &asker->request->head;
    for (size_t i = 0; i < head->num_fields; i++) {
        enum effect effect = effect_of(&head->fields[i]);
        if (effect == IN_KEY && !put_in_key(key, &head->fields[i]))
            return false;
        if (effect == IS_FORWARDED &&
            (!believes(proxies, asker->peer) || !put_forwarded(key, &head->fields[i])))
            return false;
    }
    return true;
}

static bool read_fields(struct rhb_asked *asked)
{
    struct rhb_directives pragma = {0};
    for (size_t i = 0; i < asked->head->num_fields; i++)
        if (!read_field(asked, &asked->head->fields[i], &pragma))
            return false;
    if (asked->directives.seen == 0)
        asked->directives.seen = pragma.seen & RHB_NO_CACHE;
    return true;
}

bool rhb_asked_read(struct rhb_asked *asked, const struct rhb_asker *asker,
                    const struct rhb_forwarded_policy *proxies, const struct rhb_hash_key *secret,
                    struct rhb_bytes *key)
{
    const struct rhb_request *request = asker->request;
    *asked = (struct rhb_asked){.head = &request->head, .is_head = asker->is_head};
    if (request->body_len > 0 || request->framing.upgrade ||
        request->target.form != RHB_TARGET_ORIGIN || !read_fields(asked) ||
        !rhb_asked_uri(asker, proxies, key))
        return false;
    asked->uri_len = key->len;
    char facts[2] = {(char)asker->listener, (char)request->head.minor_version};
    if (!rhb_bytes_append(key, facts, sizeof(facts)) ||
        (asked->has_keyed && !put_keyed(asker, proxies, key)))
        return false;
    asked->uri = key->data;
    asked->extra = key->data + asked->uri_len;
    asked->extra_len = key->len - asked->uri_len;
    asked->hash = rhb_siphash(secret, asked->uri, asked->uri_len);
    return true;
}

bool rhb_asked_directives(const struct phr_request_head *head, unsigned wanted)
{
    struct rhb_directives directives = {0};
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (rhb_name_is(field->name, field->name_len, "cache-control"))
            rhb_directives_read(&directives, field->value, field->value_len);
    }
    return (directives.seen & wanted) != 0;
}

size_t rhb_uri_origin(const char *uri, size_t len)
{
    const char *slash = memchr(uri, ':', len);
    if (slash == NULL || (size_t)(uri + len - slash) < 3)
        return len;
    slash = memchr(slash + 3, '/', (size_t)(uri + len - slash - 3));
    return slash != NULL ? (size_t)(slash - uri) : len;
}

uint64_t rhb_asked_likeness(const struct rhb_asked *asked, const struct rhb_hash_key *secret)
{
    uint64_t likeness = rhb_siphash(secret, asked->uri, asked->uri_len + asked->extra_len);
    for (size_t i = 0; i < asked->head->num_fields; i++) {
        const struct phr_header *field = &asked->head->fields[i];
        if (rhb_name_is(field->name, field->name_len, "accept-encoding"))
            likeness = likeness * 31 + rhb_siphash(secret, field->value, field->value_len);
    }
    return likeness;
}
