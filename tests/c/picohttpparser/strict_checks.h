/* Checks of the strict parser, picohttpparser/strict.h, for test_parse_strict.c and
 * test_parse_strict_limits.c. */
#ifndef RHB_TEST_STRICT_CHECKS_H
#define RHB_TEST_STRICT_CHECKS_H

#include "parse_ways.h"
#include <stdlib.h>

static const struct parse_setup strict = {.parser = PARSER_STRICT};

/* The wire is a whole head. */
static inline struct parse_outcome accepted(struct rhb_test *t, const char *wire)
{
    struct parse_outcome out;

    parse_every_way(t, &strict, wire, strlen(wire), (int)strlen(wire), &out);
    return out;
}

/* The last byte of the input decides: one byte less is incomplete, and bytes behind it change
 * nothing.
 */
static inline void decides_at_the_last_byte(struct rhb_test *t, const struct parse_setup *setup,
                                            const char *wire, size_t len, int expected)
{
    static const char more[] = "x\r\nHost: x\r\n\r\n";
    struct parse_outcome out;
    char *longer = malloc(len + sizeof(more));

    if (longer == NULL)
        abort();
    memcpy(longer, wire, len);
    memcpy(longer + len, more, sizeof(more));
    parse_every_way(t, setup, wire, len, expected, &out);
    parse_every_way(t, setup, longer, len + sizeof(more) - 1, expected, &out);
    parse_every_way(t, setup, wire, len - 1, PHR_INCOMPLETE, &out);
    free(longer);
}

static inline void refused_at_the_last_byte(struct rhb_test *t, const char *wire, size_t len)
{
    decides_at_the_last_byte(t, &strict, wire, len, PHR_BAD);
}

#define REFUSED(sentence, wire)                                                                    \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused_at_the_last_byte(t, "" wire, sizeof(wire) - 1);                                    \
    }

#define LINE "GET / HTTP/1.1\r\n"

#endif
