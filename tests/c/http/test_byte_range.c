/* csrc/http/byte_range.c: one range of bytes (RFC 9110 section 14). */
#include "harness.h"
#include "http/byte_range.h"
#include "request_fields.h"

static const struct {
    const char *value;
    uint64_t size;
    enum rhb_range range;
    uint64_t first, length;
} values[] = {
    {"bytes=0-0", 1000, RHB_RANGE_PART, 0, 1},
    {"bytes=0-499", 1000, RHB_RANGE_PART, 0, 500},
    {"bytes=500-", 1000, RHB_RANGE_PART, 500, 500},
    {"bytes=-1", 1000, RHB_RANGE_PART, 999, 1},
    {"bytes=-2000", 1000, RHB_RANGE_PART, 0, 1000},
    {"bytes=999-2000", 1000, RHB_RANGE_PART, 999, 1},
    {"bytes=0-99999999999999999999999", 1000, RHB_RANGE_PART, 0, 1000},
    {"bytes=-99999999999999999999999", 1000, RHB_RANGE_PART, 0, 1000},
    {"BYTES=0-0", 1000, RHB_RANGE_PART, 0, 1},
    {"bytes= 0-0 ", 1000, RHB_RANGE_PART, 0, 1},
    {"bytes=00-007", 1000, RHB_RANGE_PART, 0, 8},
    {"bytes=1000-", 1000, RHB_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=1000-1000", 1000, RHB_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=99999999999999999999999-", 1000, RHB_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-0", 1000, RHB_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=0-", 0, RHB_RANGE_UNSATISFIABLE, 0, 0},
    {"bytes=-5", 0, RHB_RANGE_NONE, 0, 0},
    /* ignored: not one range of bytes */
    {"bytes=0-0,2-2", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=0-0, -1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=5-4", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=-", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=--1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=0", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=+0-1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=0 -1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes=0x0-1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes =0-1", 1000, RHB_RANGE_NONE, 0, 0},
    {"bytes0-1", 1000, RHB_RANGE_NONE, 0, 0},
    {"items=0-1", 1000, RHB_RANGE_NONE, 0, 0},
    {"", 1000, RHB_RANGE_NONE, 0, 0},
};

static void one_range_is_read_and_everything_else_ignored(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(64);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        struct rhb_part part = {0};
        size_t len = strlen(values[i].value);
        const char *value = rhb_guard_put(&guard, values[i].value, len);
        if (!CHECK_INT(rhb_range_read(value, len, values[i].size, &part), values[i].range) ||
            !CHECK_INT(part.first, values[i].first) || !CHECK_INT(part.length, values[i].length))
            rhb_note(t, "%s", values[i].value);
    }
    rhb_guard_free(&guard);
}

static void a_part_is_never_outside(struct rhb_test *t)
{
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        static const char bytes[] = "0123456789-,= ";
        char value[24] = "bytes=";
        size_t len = 6 + rhb_random(&seed) % 12;
        for (size_t at = 6; at < len; at++)
            value[at] = bytes[rhb_random(&seed) % (sizeof bytes - 1)];
        uint64_t size = rhb_random(&seed) % 20;
        struct rhb_part part;
        if (rhb_range_read(value, len, size, &part) == RHB_RANGE_PART)
            CHECK(part.length > 0 && part.first < size && part.length <= size - part.first);
    }
}

static void two_fields_are_none(struct rhb_test *t)
{
    struct rhb_part part;
    struct request_fields one = request_fields("Host: a\nrange: bytes=0-0");
    struct request_fields two = request_fields("Range: bytes=0-0\nRange: bytes=0-0");
    CHECK_INT(rhb_range_find(one.fields, one.count, 9, &part), RHB_RANGE_PART);
    CHECK_INT(rhb_range_find(two.fields, two.count, 9, &part), RHB_RANGE_NONE);
    CHECK_INT(rhb_range_find(one.fields, 1, 9, &part), RHB_RANGE_NONE);
}

static const struct rhb_case cases[] = {
    RHB_CASE(one_range_is_read_and_everything_else_ignored),
    RHB_CASE(a_part_is_never_outside),
    RHB_CASE(two_fields_are_none),
};

int main(void)
{
    return RHB_RUN(cases);
}
