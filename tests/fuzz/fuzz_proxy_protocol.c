/* PROXY headers. Invariants: the whole and each prefix give the same, and no byte beyond the input
 * is read; for both versions, simple parsers give the same, which first split a header into its
 * parts.
 *
 * Input: a byte that selects the versions, then the first bytes of the connection. */
#include "fuzz.h"
#include "http/proxy_protocol.h"
#include <arpa/inet.h>

static void must_be_same(const struct rhb_proxy_header *one, const struct rhb_proxy_header *other)
{
    MUST(one->len == other->len && one->names_client == other->names_client);
    MUST(rhb_peer_same_address(&one->client, &other->client));
    MUST(one->client.port == other->client.port);
}

/* ---- simple parsers: for a whole header only ---- */

enum { WORDS = 6, WORD = 108 };

/* Splits at each space; false when there are fewer words. */
static bool cut_words(const char *line, char words[WORDS][WORD])
{
    for (int i = 0; i < WORDS; i++) {
        size_t len = strcspn(line, " ");
        memcpy(words[i], line, len);
        words[i][len] = '\0';
        line += len;
        if (*line == '\0')
            return i == WORDS - 1;
        line++;
    }
    return false;
}

static bool is_port(const char *word, uint16_t *port)
{
    char again[WORD];
    long number = strspn(word, "0123456789") < 6 ? strtol(word, NULL, 10) : -1;
    snprintf(again, sizeof again, "%ld", number);
    *port = (uint16_t)number;
    return number >= 0 && number <= 65535 && strcmp(again, word) == 0;
}

static enum rhb_proxy_result naive_v1(struct rhb_proxy_header *header, const char *data, size_t len)
{
    char line[WORD] = {0}, words[WORDS][WORD];
    struct in6_addr destination;
    uint16_t port;
    for (size_t i = 0; i < len && strncmp(line, "PROXY ", i < 6 ? i : 6) == 0; i++) {
        if (i == RHB_PROXY_V1_MAX)
            return RHB_PROXY_BAD;
        line[i] = data[i] ? data[i] : '\1'; /* neither is allowed inside the line */
        if (data[i] == '\n' || (i > 0 && data[i - 1] == '\r'))
            break;
    }
    size_t got = strlen(line);
    if (strncmp(line, "PROXY ", got < 6 ? got : 6) != 0)
        return RHB_PROXY_BAD;
    bool bare = got > 0 && line[got - 1] == '\n' && (got < 2 || line[got - 2] != '\r');
    bool torn = got > 1 && line[got - 2] == '\r' && line[got - 1] != '\n';
    if (bare || torn)
        return RHB_PROXY_BAD;
    if (got < 2 || line[got - 1] != '\n')
        return got == RHB_PROXY_V1_MAX ? RHB_PROXY_BAD : RHB_PROXY_INCOMPLETE;
    header->len = got;
    line[got - 2] = '\0';
    if (strcmp(line, "PROXY UNKNOWN") == 0 || strncmp(line, "PROXY UNKNOWN ", 14) == 0)
        return RHB_PROXY_OK;
    bool six = strncmp(line, "PROXY TCP6 ", 11) == 0;
    if (!cut_words(line, words) || (!six && strcmp(words[1], "TCP4") != 0))
        return RHB_PROXY_BAD;
    header->names_client = true;
    header->client.family = six ? AF_INET6 : AF_INET;
    bool good = inet_pton(header->client.family, words[2], &header->client.address) == 1 &&
                inet_pton(header->client.family, words[3], &destination) == 1 &&
                is_port(words[4], &header->client.port) && is_port(words[5], &port);
    return good ? RHB_PROXY_OK : RHB_PROXY_BAD;
}

/* Whether all of it is TLVs, by recursion. */
static bool are_tlvs(const uint8_t *at, size_t len)
{
    if (len == 0)
        return true;
    size_t value = len >= 3 ? (size_t)at[1] * 256 + at[2] : 0;
    return len >= 3 + value && are_tlvs(at + 3 + value, len - 3 - value);
}

static enum rhb_proxy_result naive_v2(struct rhb_proxy_header *header, const char *data, size_t len)
{
    static const uint8_t signature[] = {13, 10, 13, 10, 0, 13, 10, 'Q', 'U', 'I', 'T', 10};
    const uint8_t *at = (const uint8_t *)data;
    for (size_t i = 0; i < len && i < sizeof signature; i++)
        if (at[i] != signature[i])
            return RHB_PROXY_BAD;
    if (len > 12 && at[12] != 0x20 && at[12] != 0x21)
        return RHB_PROXY_BAD;
    if (len < 16)
        return RHB_PROXY_INCOMPLETE;
    size_t behind = (size_t)at[14] * 256 + at[15];
    header->len = 16 + behind;
    if (header->len > RHB_PROXY_V2_MAX)
        return RHB_PROXY_BAD;
    if (header->len > len)
        return RHB_PROXY_INCOMPLETE;
    if (at[12] == 0x20)
        return RHB_PROXY_OK;
    if (at[13] / 16 > 3 || at[13] % 16 > 2)
        return RHB_PROXY_BAD;
    size_t sizes[] = {0, 12, 36, 216}, addresses = sizes[at[13] / 16];
    if (behind < addresses || !are_tlvs(at + 16 + addresses, behind - addresses))
        return RHB_PROXY_BAD;
    header->names_client = at[13] == 0x11 || at[13] == 0x21 || at[13] == 0x31;
    if (at[13] == 0x11) {
        header->client.family = AF_INET;
        memcpy(&header->client.address, at + 16, 4);
        header->client.port = (uint16_t)(at[24] * 256 + at[25]);
    } else if (at[13] == 0x21) {
        header->client.family = AF_INET6;
        memcpy(&header->client.address, at + 16, 16);
        header->client.port = (uint16_t)(at[48] * 256 + at[49]);
    } else if (at[13] == 0x31) {
        header->client.family = AF_UNIX;
    }
    return RHB_PROXY_OK;
}

static enum rhb_proxy_result naive(struct rhb_proxy_header *header, unsigned versions,
                                   const char *data, size_t len)
{
    struct rhb_proxy_header v1 = {0}, v2 = {0};
    enum rhb_proxy_result one = RHB_PROXY_BAD, two = RHB_PROXY_BAD;
    if (len == 0)
        return RHB_PROXY_INCOMPLETE;
    if (versions & RHB_PROXY_V1)
        one = naive_v1(&v1, data, len);
    if (versions & RHB_PROXY_V2)
        two = naive_v2(&v2, data, len);
    MUST(one == RHB_PROXY_BAD || two == RHB_PROXY_BAD); /* no header is of both versions */
    *header = one == RHB_PROXY_OK ? v1 : v2;
    return one != RHB_PROXY_BAD ? one : two;
}

/* ---- */

static enum rhb_proxy_result read_isolated(struct rhb_proxy_header *header, unsigned versions,
                                           const char *data, size_t len)
{
    char *copy = fuzz_copy(data, len);
    enum rhb_proxy_result result = rhb_proxy_read(header, versions, copy, len);
    free(copy);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct fuzz_input in = {.at = input, .len = size};
    unsigned versions = fuzz_byte(&in) % 4;
    const char *data = (const char *)in.at;
    struct rhb_proxy_header whole, expected, part;
    enum rhb_proxy_result result = read_isolated(&whole, versions, data, in.len);
    MUST(result == naive(&expected, versions, data, in.len));
    if (result == RHB_PROXY_OK) {
        MUST(whole.len <= in.len);
        must_be_same(&whole, &expected);
    }
    enum rhb_proxy_result last = RHB_PROXY_INCOMPLETE;
    size_t pieces = in.len < 300 ? in.len : 300;
    for (size_t len = 0; len <= pieces; len++) {
        enum rhb_proxy_result now = read_isolated(&part, versions, data, len);
        MUST(last == RHB_PROXY_INCOMPLETE || now == last);
        if (now == RHB_PROXY_OK)
            must_be_same(&part, &whole);
        last = now;
    }
    MUST(last == RHB_PROXY_INCOMPLETE || last == result);
    return 0;
}
