/* Parses one head in all ways that must give the same result, by the rules of
 * tests/c/picohttpparser/parse_ways.h: with each variant, whole, and in pieces with and without
 * last_len. For the two fuzz_parse_*.c. */
#ifndef RHB_FUZZ_PARSE_H
#define RHB_FUZZ_PARSE_H

#include "fuzz.h"
#include "picohttpparser/parse_ways.h"

enum { FUZZ_PARSE_MAX = 2048 }; /* the time for pieces grows with the square of it */

/* Parses each prefix: it is incomplete, or has the result of the whole. The strict parser decides
 * at the same byte with last_len and without; the lenient parser may, with last_len, find only at
 * the end of a head that it is bad. */
static inline void fuzz_parse_pieces(const struct phr_variant *variant,
                                     const struct parse_setup *setup, const struct rhb_guard *guard,
                                     size_t step, const struct parse_outcome *whole,
                                     const char *bytes, size_t len)
{
    struct parse_outcome fresh, resumed = {.result = PHR_INCOMPLETE};
    for (size_t last = 0, n; last < len && resumed.result == PHR_INCOMPLETE; last = n) {
        n = len - last < step ? len : last + step;
        const char *buf = rhb_guard_put(guard, bytes, n);
        parse_once(variant, setup, buf, n, 0, &fresh);
        parse_once(variant, setup, buf, n, last, &resumed);
        MUST(fresh.result == PHR_INCOMPLETE || fresh.result == whole->result);
        MUST(resumed.result == PHR_INCOMPLETE || resumed.result == whole->result);
        if (setup->parser == PARSER_STRICT || whole->result > 0)
            MUST(resumed.result == fresh.result);
        if (resumed.result > 0)
            MUST(parse_same(&resumed, &fresh) && parse_same(&resumed, whole));
    }
    bool later = setup->parser != PARSER_STRICT && whole->result == PHR_BAD;
    MUST(resumed.result == whole->result || resumed.result == (later ? PHR_INCOMPLETE : 0) ||
         len == 0);
}

/* *out: the outcome of the whole; its pointers point into `bytes`. */
static inline void fuzz_parse_ways(const struct parse_setup *setup, size_t step, const char *bytes,
                                   size_t len, struct parse_outcome *out)
{
    struct rhb_guard guard = rhb_guard_new(len);
    parse_once(&phr_variant_scalar, setup, bytes, len, 0, out);
    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        struct parse_outcome whole;
        if (variant == NULL)
            continue;
        parse_once(variant, setup, rhb_guard_put(&guard, bytes, len), len, 0, &whole);
        MUST(parse_same(&whole, out));
        fuzz_parse_pieces(variant, setup, &guard, step, out, bytes, len);
    }
    rhb_guard_free(&guard);
}

#endif
