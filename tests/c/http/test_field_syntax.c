/* Tokens and field values: every byte at every place of every length up to three words, against the
 * grammar spelled out (RFC 9110 sections 5.5 and 5.6.2). */
#include "harness.h"
#include "http/field_syntax.h"
#include <stdlib.h>

enum { LONGEST = 24 };

static bool may_be_in_token(unsigned byte)
{
    return byte != 0 && byte < 0x80 &&
           strchr("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
                  (int)byte) != NULL;
}

static bool may_be_in_value(unsigned byte)
{
    return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

typedef bool checker(const char *bytes, size_t len);

/* filler surrounds the byte; it is allowed itself. */
static void try_every_byte(struct rhb_test *t, checker *check, bool (*allowed)(unsigned),
                           char filler)
{
    for (size_t len = 1; len <= LONGEST; len++) {
        char *bytes = memset(malloc(len), filler, len);
        for (size_t at = 0; at < len; at++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                bytes[at] = (char)byte;
                CHECK_INT(check(bytes, len), allowed(byte));
            }
            bytes[at] = filler;
        }
        free(bytes);
    }
}

static void a_token_has_only_tchars(struct rhb_test *t)
{
    try_every_byte(t, rhb_is_token, may_be_in_token, 'x');
    try_every_byte(t, rhb_is_token, may_be_in_token, '_');
}

static void a_token_is_not_empty(struct rhb_test *t)
{
    CHECK(!rhb_is_token("", 0));
}

static void a_value_has_no_control_except_tab(struct rhb_test *t)
{
    try_every_byte(t, rhb_is_field_value, may_be_in_value, ' ');
    try_every_byte(t, rhb_is_field_value, may_be_in_value, '\t');
    try_every_byte(t, rhb_is_field_value, may_be_in_value, '\xff');
}

static void a_value_may_be_empty(struct rhb_test *t)
{
    CHECK(rhb_is_field_value("", 0));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_token_has_only_tchars),
        RHB_CASE(a_token_is_not_empty),
        RHB_CASE(a_value_has_no_control_except_tab),
        RHB_CASE(a_value_may_be_empty),
    };
    return RHB_RUN(cases);
}
