/* Parses one head in all ways that must give the same result: by each variant, at the end of
 * readable memory, whole and byte by byte, with last_len and without. For the test_parse_*.c files.
 */
#ifndef RHB_TEST_PARSE_WAYS_H
#define RHB_TEST_PARSE_WAYS_H

#include "harness.h"
#include "picohttpparser/variants.h"

enum parser_kind { PARSER_STRICT, PARSER_REQUEST, PARSER_RESPONSE, PARSER_FIELDS };

enum { PARSE_FIELDS_MAX = 16, PARSE_INPUT_MAX = 16384 };

/* How to parse. fields 0: as many as the array has; a limit of 0: no limit. */
struct parse_setup {
    enum parser_kind parser;
    size_t fields;
    struct phr_limits limits;
};

/* All outputs of a parser. */
struct parse_outcome {
    const char *base;
    int result;
    const char *words[2]; /* method and target, or the reason */
    size_t word_lens[2];
    int minor_version;
    int status;
    size_t num_fields;
    struct phr_header fields[PARSE_FIELDS_MAX];
};

static inline size_t parse_limit(size_t limit)
{
    return limit == 0 ? SIZE_MAX : limit;
}

static inline void parse_as_request(const struct phr_variant *variant,
                                    const struct parse_setup *setup, size_t len, size_t last_len,
                                    struct parse_outcome *out)
{
    const struct phr_limits limits = {.line = parse_limit(setup->limits.line),
                                      .head = parse_limit(setup->limits.head),
                                      .field = parse_limit(setup->limits.field)};
    struct phr_request_head head = {.fields = out->fields, .num_fields = out->num_fields};

    if (setup->parser == PARSER_STRICT)
        out->result = variant->request_strict(out->base, len, &limits, &head, last_len);
    else
        out->result = variant->request(out->base, len, &head, last_len);
    out->words[0] = head.method;
    out->word_lens[0] = head.method_len;
    out->words[1] = head.target;
    out->word_lens[1] = head.target_len;
    out->minor_version = head.minor_version;
    out->num_fields = head.num_fields;
}

static inline void parse_as_response(const struct phr_variant *variant, size_t len, size_t last_len,
                                     struct parse_outcome *out)
{
    struct phr_response_head head = {.fields = out->fields, .num_fields = out->num_fields};

    out->result = variant->response(out->base, len, &head, last_len);
    out->words[0] = head.reason;
    out->word_lens[0] = head.reason_len;
    out->minor_version = head.minor_version;
    out->status = head.status;
    out->num_fields = head.num_fields;
}

static inline void parse_as_fields(const struct phr_variant *variant, size_t len, size_t last_len,
                                   struct parse_outcome *out)
{
    struct phr_field_list list = {.fields = out->fields, .num_fields = out->num_fields};

    out->result = variant->fields(out->base, len, &list, last_len);
    out->num_fields = list.num_fields;
}

static inline void parse_once(const struct phr_variant *variant, const struct parse_setup *setup,
                              const char *buf, size_t len, size_t last_len,
                              struct parse_outcome *out)
{
    *out = (struct parse_outcome){.base = buf, .num_fields = setup->fields};
    if (out->num_fields == 0)
        out->num_fields = PARSE_FIELDS_MAX;
    if (setup->parser == PARSER_RESPONSE)
        parse_as_response(variant, len, last_len, out);
    else if (setup->parser == PARSER_FIELDS)
        parse_as_fields(variant, len, last_len, out);
    else
        parse_as_request(variant, setup, len, last_len, out);
}

/* Where a pointer points, relative to its buffer. */
static inline ptrdiff_t parse_offset(const struct parse_outcome *out, const char *pointer)
{
    return pointer == NULL ? -1 : pointer - out->base;
}

static inline bool parse_same_words(const struct parse_outcome *a, const struct parse_outcome *b)
{
    for (int i = 0; i < 2; i++)
        if (parse_offset(a, a->words[i]) != parse_offset(b, b->words[i]) ||
            a->word_lens[i] != b->word_lens[i])
            return false;
    return a->minor_version == b->minor_version && a->status == b->status;
}

static inline bool parse_same_fields(const struct parse_outcome *a, const struct parse_outcome *b)
{
    if (a->num_fields != b->num_fields)
        return false;
    for (size_t i = 0; i < a->num_fields; i++) {
        const struct phr_header *one = &a->fields[i], *other = &b->fields[i];
        if (parse_offset(a, one->name) != parse_offset(b, other->name) ||
            parse_offset(a, one->value) != parse_offset(b, other->value) ||
            one->name_len != other->name_len || one->value_len != other->value_len)
            return false;
    }
    return true;
}

static inline bool parse_same(const struct parse_outcome *a, const struct parse_outcome *b)
{
    return a->result == b->result && parse_same_words(a, b) && parse_same_fields(a, b);
}

/* Every prefix is incomplete, or has the result of the whole, as all longer ones have then. The
 * strict parser decides at the same byte with last_len and without; the lenient one may decide
 * later with it. */
static inline void parse_byte_by_byte(struct rhb_test *t, const struct phr_variant *variant,
                                      const struct parse_setup *setup,
                                      const struct rhb_guard *guard, const char *bytes, size_t len,
                                      int expected)
{
    struct parse_outcome fresh, resumed = {.result = PHR_INCOMPLETE};

    for (size_t n = 1; n <= len && resumed.result == PHR_INCOMPLETE; n++) {
        const char *buf = rhb_guard_put(guard, bytes, n);
        bool held;
        parse_once(variant, setup, buf, n, 0, &fresh);
        parse_once(variant, setup, buf, n, n - 1, &resumed);
        held = CHECK(resumed.result == PHR_INCOMPLETE || resumed.result == expected) &&
               CHECK(fresh.result == PHR_INCOMPLETE || fresh.result == expected);
        if (setup->parser == PARSER_STRICT || expected > 0)
            held = CHECK_INT(resumed.result, fresh.result) && held;
        if (resumed.result > 0)
            held = CHECK(parse_same(&resumed, &fresh)) && held;
        if (!held) {
            rhb_note(t, "%s, %zu of %zu bytes", variant->name, n, len);
            return;
        }
    }
    CHECK_INT(resumed.result, expected);
}

/* Parses bytes in every way, and checks that each gives `expected`. *out: the outcome of the whole;
 * its pointers point into `bytes`. */
static inline void parse_every_way(struct rhb_test *t, const struct parse_setup *setup,
                                   const char *bytes, size_t len, int expected,
                                   struct parse_outcome *out)
{
    struct rhb_guard guard = rhb_guard_new(len);

    parse_once(&phr_variant_scalar, setup, bytes, len, 0, out);
    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        struct parse_outcome whole;
        int failures = t->failures;
        if (variant == NULL)
            continue;
        parse_once(variant, setup, rhb_guard_put(&guard, bytes, len), len, 0, &whole);
        CHECK_INT(whole.result, expected);
        CHECK(parse_same(&whole, out));
        parse_byte_by_byte(t, variant, setup, &guard, bytes, len, expected);
        if (t->failures > failures)
            rhb_note(t, "by the variant %s", variant->name);
    }
    if (out->result != expected)
        rhb_note_bytes("input", bytes, len);
    rhb_guard_free(&guard);
}

#define CHECK_WORD(outcome, index, expected)                                                       \
    CHECK_STR((outcome).words[index], (outcome).word_lens[index], expected)

/* Whether field `index` of the outcome is this one. name NULL: a continuation line. */
static inline void parse_check_field(struct rhb_test *t, const struct parse_outcome *out,
                                     size_t index, const char *name, const char *value)
{
    const struct phr_header *field = &out->fields[index];

    if (!CHECK(index < out->num_fields))
        return;
    if (name == NULL)
        CHECK(field->name == NULL && field->name_len == 0);
    else
        CHECK_STR(field->name, field->name_len, name);
    CHECK_STR(field->value, field->value_len, value);
}

#endif
