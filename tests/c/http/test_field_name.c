/* The comparison of names in any case, and its work on words, against the definition byte by byte.
 */
#include "harness.h"
#include "http/field_name.h"
#include <stdlib.h>

enum { LONGEST = 24 };

static char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

static unsigned char fold(unsigned char byte)
{
    return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

static void lower_changes_letters_and_nothing_else(struct rhb_test *t)
{
    for (unsigned byte = 0; byte < 256; byte++)
        for (unsigned at = 0; at < 64; at += 8) {
            uint64_t around = UINT64_C(0xff5b407fc1da0041) & ~(UINT64_C(0xff) << at);
            uint64_t folded = rhb_word_lower(around | (uint64_t)byte << at);
            CHECK_INT((folded >> at) & 0xff, fold((unsigned char)byte));
        }
}

static void ranges_are_exact_for_every_byte(struct rhb_test *t)
{
    static const unsigned char ranges[][2] = {{0, 0}, {0, 31}, {'-', '-'}, {'a', 'z'}, {127, 127}};
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        for (unsigned byte = 0; byte < 256; byte++) {
            bool inside = byte >= ranges[i][0] && byte <= ranges[i][1];
            uint64_t found = rhb_word_in_range(RHB_WORD_OF(byte), ranges[i][0], ranges[i][1]);
            CHECK(found == (inside ? RHB_WORD_OF(0x80) : 0));
        }
}

/* Every length up to three words, every position, every byte there. */
static void one_byte_decides_at_every_place(struct rhb_test *t)
{
    for (size_t len = 1; len <= LONGEST; len++) {
        char *lower = copy_exactly("transfer-encoding-and-so", len);
        char *name = copy_exactly("TrAnSfEr-eNcOdInG-AnD-sO", len);
        CHECK(rhb_same_name(name, lower, len));
        for (size_t at = 0; at < len; at++) {
            char original = name[at];
            for (unsigned byte = 0; byte < 256; byte++) {
                name[at] = (char)byte;
                bool same = fold((unsigned char)byte) == (unsigned char)lower[at];
                CHECK_INT(rhb_same_name(name, lower, len), same);
            }
            name[at] = original;
        }
        free(lower);
        free(name);
    }
}

static void the_length_is_part_of_the_name(struct rhb_test *t)
{
    CHECK(rhb_name_is("Host", 4, "host"));
    CHECK(!rhb_name_is("Hos", 3, "host"));
    CHECK(!rhb_name_is("Hosts", 5, "host"));
    CHECK(!rhb_name_is("", 0, "host"));
    CHECK(rhb_name_is("", 0, ""));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(lower_changes_letters_and_nothing_else),
        RHB_CASE(ranges_are_exact_for_every_byte),
        RHB_CASE(one_byte_decides_at_every_place),
        RHB_CASE(the_length_is_part_of_the_name),
    };
    return RHB_RUN(cases);
}
