/* Target splitting, percent-decoding and the host check. Invariant: simple versions of each give
 * the same.
 *
 * Input: a byte that selects the method, then the target. */
#include "fuzz.h"
#include "http/target.h"
#include <arpa/inet.h>

/* Path and query together are the target from `from` on. */
static void check_rejoins(const struct rhb_target *target, const char *from, size_t len)
{
    const char *mark = len ? memchr(from, '?', len) : NULL;
    size_t path_len = mark ? (size_t)(mark - from) : len;
    if (target->form == RHB_TARGET_ABSOLUTE && path_len == 0)
        MUST(fuzz_same(target->path, target->path_len, "/", 1));
    else
        MUST(target->path == from && target->path_len == path_len);
    size_t query_len = mark ? len - path_len - 1 : 0;
    MUST(target->query_len == query_len && (query_len == 0 || target->query == mark + 1));
}

static void check_split(const char *raw, size_t len, const struct rhb_target *target)
{
    size_t skipped = 0;
    MUST(len == 0 || memchr(raw, '#', len) == NULL);
    switch (target->form) {
    case RHB_TARGET_ASTERISK:
        MUST(fuzz_same(raw, len, "*", 1));
        break;
    case RHB_TARGET_ORIGIN:
        MUST(raw[0] == '/');
        break;
    case RHB_TARGET_ABSOLUTE:
        skipped = (size_t)(target->authority - raw) + target->authority_len;
        MUST(target->authority - raw == 7 || target->authority - raw == 8);
        MUST(rhb_is_host(target->authority, target->authority_len));
        MUST(skipped <= len);
    }
    MUST((target->authority != NULL) == (target->form == RHB_TARGET_ABSOLUTE));
    check_rejoins(target, raw + skipped, len - skipped);
}

static void run_split(const char *raw, size_t len, uint8_t which)
{
    static const char *const methods[] = {"GET", "OPTIONS", "CONNECT", "HEAD"};
    const char *method = methods[which % 4];
    struct rhb_target target;
    int status = rhb_target_split(&target, method, strlen(method), raw, len);
    MUST(status == 0 || status == 400 || status == 501);
    MUST((status == 501) == (which % 4 == 2));
    if (status == 0)
        check_split(raw, len, &target);
}

static int hex(char byte)
{
    const char *digits = "0123456789abcdef";
    const char *at = byte ? strchr(digits, byte >= 'A' && byte <= 'F' ? byte | 0x20 : byte) : NULL;
    return at == NULL ? -1 : (int)(at - digits);
}

static bool is_escape(const char *at, size_t left)
{
    return left >= 3 && at[0] == '%' && hex(at[1]) >= 0 && hex(at[2]) >= 0;
}

static ssize_t decode_naively(char *to, const char *raw, size_t len)
{
    ssize_t count = 0;
    for (size_t i = 0; i < len; i++) {
        if (raw[i] != '%') {
            to[count++] = raw[i];
            continue;
        }
        if (!is_escape(raw + i, len - i))
            return -1;
        to[count++] = (char)(hex(raw[i + 1]) * 16 + hex(raw[i + 2]));
        i += 2;
    }
    return count;
}

static void run_decode(const char *raw, size_t len)
{
    char *apart = malloc(len), *in_place = fuzz_copy(raw, len), *naive = malloc(len);
    ssize_t expected = decode_naively(naive, raw, len);
    MUST(rhb_percent_decode(apart, raw, len) == expected);
    MUST(rhb_percent_decode(in_place, in_place, len) == expected);
    if (expected > 0) {
        MUST(memcmp(apart, naive, (size_t)expected) == 0);
        MUST(memcmp(in_place, naive, (size_t)expected) == 0);
    }
    free(apart);
    free(in_place);
    free(naive);
}

static bool is_port(const char *at, size_t len)
{
    unsigned long port = 0;
    if (len == 0)
        return true;
    if (at[0] != ':')
        return false;
    for (size_t i = 1; i < len; i++) {
        if (at[i] < '0' || at[i] > '9')
            return false;
        port = port > 65535 ? port : port * 10 + (unsigned long)(at[i] - '0');
    }
    return port <= 65535;
}

static bool is_bracketed(const char *raw, size_t len)
{
    char address[64];
    struct in6_addr parsed;
    const char *close = memchr(raw, ']', len);
    if (close == NULL || (size_t)(close - raw) > sizeof address)
        return false;
    size_t inside = (size_t)(close - raw) - 1;
    memcpy(address, raw + 1, inside);
    address[inside] = '\0';
    return strlen(address) == inside && inet_pton(AF_INET6, address, &parsed) == 1 &&
           is_port(close + 1, len - inside - 2);
}

/* RFC 9110 section 7.2, RFC 3986 section 3.2.2 */
static bool is_host_naively(const char *raw, size_t len)
{
    size_t i = 0;
    if (len > 0 && raw[0] == '[')
        return is_bracketed(raw, len);
    while (i < len && raw[i] != ':') {
        bool escape = is_escape(raw + i, len - i);
        if (!escape &&
            (raw[i] == '%' || raw[i] == '^' || raw[i] == '#' || raw[i] == '`' || raw[i] == '|' ||
             !(fuzz_is_tchar(raw[i]) || (raw[i] && strchr("(),;=", raw[i])))))
            return false;
        i += escape ? 3 : 1;
    }
    return i > 0 && is_port(raw + i, len - i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    uint8_t which = fuzz_byte(&in);
    size_t len = in.len;
    char *raw = fuzz_copy((const char *)in.at, len);
    run_split(raw, len, which);
    run_decode(raw, len);
    MUST((rhb_is_host(raw, len) != 0) == is_host_naively(raw, len));
    free(raw);
    return 0;
}
