/* The variants of the parser against each other and against the definition of the character
 * classes: every byte at every place of a window, and random heads. */
#include "parse_ways.h"

#include <stdlib.h>

enum { RANDOM_HEADS = 40000, PLACES = 100, METHOD_PLACES = 29 };

/* The classes again, straight from the grammar (RFC 9110 sections 5.5 and 5.6.2). */

static bool is_token_byte(int byte)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z') || (byte != 0 && strchr(marks, byte) != NULL);
}

static bool is_target_byte(int byte)
{
    return byte > ' ' && byte != 0x7f;
}

static bool is_text_byte(int byte)
{
    return byte == '\t' || (byte >= ' ' && byte != 0x7f);
}

/* A word of a head: what is around it, what ends it (for the other tests) and its class of bytes.
 */
struct word {
    const char *before;
    const char *after;
    char separator;
    size_t places;
    bool (*belongs)(int byte);
};

static size_t put_word(char *wire, const struct word *word, size_t place, int byte)
{
    size_t len = strlen(word->before);

    memcpy(wire, word->before, len);
    memset(wire + len, 'a', place);
    len += place;
    wire[len++] = (char)byte;
    return len;
}

/* Parses the word up to the byte, and as part of a whole head, where it falls into other windows.
 */
static void check_byte(struct rhb_test *t, const struct phr_variant *variant,
                       const struct rhb_guard *guard, const struct word *word, size_t place,
                       int byte)
{
    static const struct parse_setup strict = {.parser = PARSER_STRICT};
    const bool good = word->belongs(byte);
    char wire[PLACES + 64];
    size_t len = put_word(wire, word, place, byte);
    struct parse_outcome part, whole;

    parse_once(variant, &strict, rhb_guard_put(guard, wire, len), len, 0, &part);
    memcpy(wire + len, "aaa", 3);
    memcpy(wire + len + 3, word->after, strlen(word->after));
    len += 3 + strlen(word->after);
    parse_once(variant, &strict, rhb_guard_put(guard, wire, len), len, 0, &whole);
    if (!CHECK_INT(part.result, good ? PHR_INCOMPLETE : PHR_BAD) ||
        !CHECK_INT(whole.result, good ? (int)len : PHR_BAD))
        rhb_note(t, "%s: byte %d at place %zu", variant->name, byte, place);
}

static void check_word(struct rhb_test *t, const struct word *word)
{
    struct rhb_guard guard = rhb_guard_new(PLACES + 64);

    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        for (size_t place = 0; variant != NULL && place < word->places; place++)
            for (int byte = 0; byte < 256; byte++)
                if (byte != (unsigned char)word->separator)
                    check_byte(t, variant, &guard, word, place, byte);
    }
    rhb_guard_free(&guard);
}

static void methods_hold_tokens_at_every_place(struct rhb_test *t)
{
    /* A CR at the very beginning is an empty line. */
    check_word(t, &(struct word){"\r\n", " / HTTP/1.1\r\n\r\n", ' ', METHOD_PLACES, is_token_byte});
}

static void targets_hold_visible_bytes_at_every_place(struct rhb_test *t)
{
    check_word(t, &(struct word){"GET /", " HTTP/1.1\r\n\r\n", ' ', PLACES, is_target_byte});
}

static void names_hold_tokens_at_every_place(struct rhb_test *t)
{
    check_word(t, &(struct word){"G / HTTP/1.1\r\nX", ": v\r\n\r\n", ':', PLACES, is_token_byte});
}

static void values_hold_text_at_every_place(struct rhb_test *t)
{
    check_word(t, &(struct word){"G / HTTP/1.1\r\nX:", "\r\n\r\n", '\r', PLACES, is_text_byte});
}

static const char *const seeds[] = {
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "\r\nPOST /a?b HTTP/1.0\r\nHost: example.com\r\nContent-Length: 12\r\n\r\nbody bytes..",
    "GET /some/long/path/that/crosses/windows/of/every/size?and=a&query=string HTTP/1.1\r\n"
    "Host: www.example.org\r\nUser-Agent: a long user agent that crosses windows too, really\r\n"
    "Accept: */*\r\nX:\r\nCookie: a=b; c=d;\te=f\r\nA-Name-That-Is-Longer-Than-A-Vector-Is: "
    "v\r\n\r\n",
    "HTTP/1.1 200 OK\r\nServer: x\r\nfoo: b\r\n  \tc\r\nDate: Mon, 01 Jan 2024\r\n\r\n",
    "Host: x\r\nA: b\nC: d\r\n\r\n",
};

static const char spice[] = "\r\n\r\n\n\r \t:\0\x7f\x80\xff\x01/HTP1.0aZ~(";

/* One random change of at most a few bytes. */
static size_t mutate(char *wire, size_t len, uint64_t *seed)
{
    size_t at = rhb_random(seed) % (len + 1);
    char byte = spice[rhb_random(seed) % (sizeof(spice) - 1)];
    size_t count = 1 + rhb_random(seed) % 40;

    switch (rhb_random(seed) % 4) {
    case 0: /* replace */
        if (at < len)
            wire[at] = byte;
        return len;
    case 1: /* remove */
        count = count > len - at ? len - at : count;
        memmove(wire + at, wire + at + count, len - at - count);
        return len - count;
    case 2: /* insert */
        memmove(wire + at + 1, wire + at, len - at);
        wire[at] = byte;
        return len + 1;
    default: /* draw out */
        memmove(wire + at + count, wire + at, len - at);
        memset(wire + at, 'a', count);
        return len + count;
    }
}

static size_t random_head(char *wire, uint64_t *seed)
{
    const char *base = seeds[rhb_random(seed) % (sizeof(seeds) / sizeof(seeds[0]))];
    size_t len = strlen(base);

    memcpy(wire, base, len);
    for (uint64_t n = rhb_random(seed) % 6; n > 0; n--)
        len = mutate(wire, len, seed);
    return len;
}

static struct parse_setup random_setup(enum parser_kind kind, uint64_t *seed)
{
    struct parse_setup setup = {.parser = kind};

    if (rhb_random(seed) % 4 == 0)
        setup.fields = 1 + rhb_random(seed) % 4;
    if (rhb_random(seed) % 4 == 0)
        setup.limits = (struct phr_limits){.line = rhb_random(seed) % 100,
                                           .head = rhb_random(seed) % 200,
                                           .field = rhb_random(seed) % 50};
    return setup;
}

/* The outcome of the scalar variant; all others have been checked to have the same. */
static struct parse_outcome agreed(struct rhb_test *t, const struct parse_setup *setup,
                                   const char *buf, size_t len, size_t last_len)
{
    struct parse_outcome yardstick, other;

    parse_once(&phr_variant_scalar, setup, buf, len, last_len, &yardstick);
    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        if (variant == NULL)
            continue;
        parse_once(variant, setup, buf, len, last_len, &other);
        if (!CHECK(parse_same(&yardstick, &other))) {
            rhb_note(t, "%s, parser %d, last_len %zu", variant->name, setup->parser, last_len);
            rhb_note_bytes("input", buf, len);
        }
    }
    return yardstick;
}

/* Parses a part, then the whole with last_len. The result is that of the whole if the part was
 * incomplete, and otherwise that of the part. */
static void check_in_two_parts(struct rhb_test *t, const struct parse_setup *setup, const char *buf,
                               size_t len, uint64_t *seed)
{
    size_t cut = rhb_random(seed) % (len + 1);
    struct parse_outcome whole = agreed(t, setup, buf, len, 0);
    struct parse_outcome part = agreed(t, setup, buf, cut, 0);

    if (part.result != PHR_INCOMPLETE) {
        CHECK_INT(part.result, whole.result);
    } else if (whole.result > 0 || setup->parser == PARSER_STRICT) {
        CHECK_INT(agreed(t, setup, buf, len, cut).result, whole.result);
    }
}

static void check_random_heads(struct rhb_test *t, enum parser_kind kind)
{
    struct rhb_guard guard = rhb_guard_new(PARSE_INPUT_MAX);
    uint64_t seed = 20241121 + (uint64_t)kind;
    char wire[PARSE_INPUT_MAX];
    size_t good = 0, bad = 0;

    for (int i = 0; i < RANDOM_HEADS && t->failures == 0; i++) {
        size_t len = random_head(wire, &seed);
        struct parse_setup setup = random_setup(kind, &seed);
        char *buf = rhb_guard_put(&guard, wire, len);
        struct parse_outcome whole;
        check_in_two_parts(t, &setup, buf, len, &seed);
        parse_once(phr_best_variant(), &setup, buf, len, 0, &whole);
        good += whole.result > 0;
        bad += whole.result == PHR_BAD;
    }
    /* The generator must produce both. */
    CHECK(good > RANDOM_HEADS / 50);
    CHECK(bad > RANDOM_HEADS / 50);
    rhb_guard_free(&guard);
}

static void random_strict_requests_are_read_alike(struct rhb_test *t)
{
    check_random_heads(t, PARSER_STRICT);
}

static void random_lenient_requests_are_read_alike(struct rhb_test *t)
{
    check_random_heads(t, PARSER_REQUEST);
}

static void random_responses_are_read_alike(struct rhb_test *t)
{
    check_random_heads(t, PARSER_RESPONSE);
}

static void random_fields_are_read_alike(struct rhb_test *t)
{
    check_random_heads(t, PARSER_FIELDS);
}

/* What the strict parser accepts, the lenient one parses to the same outcome. */
static void strict_reads_as_lenient_does(struct rhb_test *t)
{
    const struct parse_setup strict = {.parser = PARSER_STRICT},
                             lenient = {.parser = PARSER_REQUEST};
    struct parse_outcome one, other;
    uint64_t seed = 7;
    char wire[PARSE_INPUT_MAX];

    for (int i = 0; i < RANDOM_HEADS; i++) {
        size_t len = random_head(wire, &seed);
        parse_once(phr_best_variant(), &strict, wire, len, 0, &one);
        parse_once(phr_best_variant(), &lenient, wire, len, 0, &other);
        if (one.result > 0 && !CHECK(parse_same(&one, &other)))
            rhb_note_bytes("input", wire, len);
    }
}

static void the_best_variant_is_one_of_the_variants(struct rhb_test *t)
{
    bool found = false;

    for (int isa = 0; isa < PHR_ISA_COUNT; isa++)
        found = found || phr_variant((enum phr_isa)isa) == phr_best_variant();
    CHECK(found);
    CHECK(phr_variant(PHR_ISA_SCALAR) == &phr_variant_scalar);
    CHECK(phr_variant(PHR_ISA_COUNT) == NULL);
}

/* Otherwise the tests of such a machine would compare the scalar variant with itself. */
static void a_machine_that_has_neon_uses_it(struct rhb_test *t)
{
    const struct phr_variant *neon = phr_variant(PHR_ISA_NEON);

#if defined(__aarch64__)
    CHECK(neon != NULL && neon == phr_best_variant());
#else
    CHECK(neon == NULL);
#endif
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(methods_hold_tokens_at_every_place),
        RHB_CASE(targets_hold_visible_bytes_at_every_place),
        RHB_CASE(names_hold_tokens_at_every_place),
        RHB_CASE(values_hold_text_at_every_place),
        RHB_CASE(random_strict_requests_are_read_alike),
        RHB_CASE(random_lenient_requests_are_read_alike),
        RHB_CASE(random_responses_are_read_alike),
        RHB_CASE(random_fields_are_read_alike),
        RHB_CASE(strict_reads_as_lenient_does),
        RHB_CASE(the_best_variant_is_one_of_the_variants),
        RHB_CASE(a_machine_that_has_neon_uses_it),
    };
    return RHB_RUN(cases);
}
