/* Elements and nodes of the fields of proxies, read from the left, for fuzz_forwarded.c. */
#ifndef RHB_FUZZ_FORWARDED_FROM_LEFT_H
#define RHB_FUZZ_FORWARDED_FROM_LEFT_H

#include "base/peer.h"
#include "fuzz.h"
#include <arpa/inet.h>
#include <strings.h>

enum { ELEMENTS = 512, MAX_VALUE = 4096 };

static inline bool is_called(const struct phr_header *field, const char *name)
{
    return field->name_len == strlen(name) && strncasecmp(field->name, name, field->name_len) == 0;
}

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

static inline void skip_blanks(struct fuzz_input *in)
{
    while (in->len > 0 && fuzz_is_blank((char)*in->at))
        fuzz_byte(in);
}

static inline struct span take_while(struct fuzz_input *in, const char *more)
{
    struct span span = {(const char *)in->at, 0};
    while (in->len > 0 && (fuzz_is_tchar((char)*in->at) || (*in->at && strchr(more, *in->at)))) {
        fuzz_byte(in);
        span.len++;
    }
    return span;
}

static inline bool take_quoted(struct fuzz_input *in, struct span *span)
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

static inline bool is(const struct span *span, const char *word)
{
    return span->len == strlen(word) && strncasecmp(span->at, word, span->len) == 0;
}

static inline bool take_pair(struct fuzz_input *in, struct naive_element *element)
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
static inline bool read_value(struct naive_list *list, const struct phr_header *field)
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

static inline bool is_address(const char *text, int family, struct rhb_peer *peer)
{
    *peer = (struct rhb_peer){.family = (uint8_t)family};
    return inet_pton(family, text, &peer->address) == 1;
}

static inline bool is_node_port(const char *text, bool *named, uint16_t *port)
{
    long number = strlen(text) < 6 && text[strspn(text, "0123456789")] == '\0' ? atol(text) : 0;
    *named = number > 0 && number <= 65535;
    *port = *named ? (uint16_t)number : 0;
    bool obfuscated = text[0] == '_' && text[1] != '\0';
    for (const char *at = text; *at != '\0'; at++)
        obfuscated = obfuscated && fuzz_is_tchar(*at);
    return *named || obfuscated;
}

static inline bool naive_node(const struct span *span, bool bare, struct rhb_peer *peer)
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

static inline bool is_proxy(const struct rhb_peer *peer)
{
    char text[RHB_PEER_TEXT];
    size_t len = rhb_peer_text(peer, text);
    return fuzz_same(text, len, "::1", 3) || (len > 4 && memcmp(text, "10.", 3) == 0) ||
           (len > 4 && memcmp(text, "127.", 4) == 0);
}

#endif
