/* The framing policy: values of Content-Length, Transfer-Encoding and Expect that are refused. */
#include "framing_fixture.h"

/* Values of one field, each behind a valid Host in a request of HTTP/1.1. */
struct value_row {
    const char *value;
    size_t len;
    int status;
};

static void try_values(struct rhb_test *t, const char *name, const struct value_row *rows,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char lines[256], *to = lines;
        to = stpcpy(stpcpy(stpcpy(to, HOST), name), ": ");
        to = (char *)memcpy(to, rows[i].value, rows[i].len) + rows[i].len;
        *to++ = '\n';
        int before = t->failures;
        struct rhb_framing plan = plan_for(1, lines, (size_t)(to - lines));
        check_refused(t, &plan, rows[i].status);
        if (t->failures != before)
            rhb_note_bytes(name, rows[i].value, rows[i].len);
    }
}

/* RFC 9110 section 8.6: 1*DIGIT. The strict parser refuses some of these; framing does not rely on
 * that. */
static void content_length_in_every_bad_spelling_is_400(struct rhb_test *t)
{
    static const struct value_row rows[] = {
        {BYTES(""), 400},
        {BYTES(" "), 400},
        {BYTES("+5"), 400},
        {BYTES("-5"), 400},
        {BYTES("+0"), 400},
        {BYTES("-0"), 400},
        {BYTES("--5"), 400},
        {BYTES("0x5"), 400},
        {BYTES("0X5"), 400},
        {BYTES("0b1"), 400},
        {BYTES("0o5"), 400},
        {BYTES("5h"), 400},
        {BYTES("a"), 400},
        {BYTES("5L"), 400},
        {BYTES("5,5"), 400},
        {BYTES("5, 5"), 400},
        {BYTES("5, 6"), 400},
        {BYTES("5,"), 400},
        {BYTES(",5"), 400},
        {BYTES("5;5"), 400},
        {BYTES("5;q=1"), 400},
        {BYTES("5 5"), 400},
        {BYTES("5 "), 400},
        {BYTES(" 5"), 400},
        {BYTES("\t5"), 400},
        {BYTES("5\t"), 400},
        {BYTES("5\v"), 400},
        {BYTES("\f5"), 400},
        {BYTES("5\r"), 400},
        {BYTES("5\0"), 400},
        {BYTES("\0"
               "5"),
         400},
        {BYTES("1_000"), 400},
        {BYTES("1_0"), 400},
        {BYTES("_5"), 400},
        {BYTES("1'000"), 400},
        {BYTES("1.000"), 400},
        {BYTES("5.0"), 400},
        {BYTES("5."), 400},
        {BYTES(".5"), 400},
        {BYTES("5e0"), 400},
        {BYTES("1E1"), 400},
        {BYTES("\"5\""), 400},
        {BYTES("'5'"), 400},
        {BYTES("(5)"), 400},
        {BYTES("5%"), 400},
        {BYTES("%35"), 400},
        {BYTES("$5"), 400},
        {BYTES("five"), 400},
        {BYTES("inf"), 400},
        {BYTES("nan"), 400},
        {BYTES("null"), 400},
        {BYTES("chunked"), 400},
        {BYTES("/"), 400}, /* the neighbours of the digits */
        {BYTES(":"), 400},
        {BYTES("\xd9\xa5"), 400},     /* U+0665 ARABIC-INDIC DIGIT FIVE */
        {BYTES("\xef\xbc\x95"), 400}, /* U+FF15 FULLWIDTH DIGIT FIVE */
        {BYTES("\xe0\xa5\xab"), 400}, /* U+096B DEVANAGARI DIGIT FIVE */
        {BYTES("\xc2\xb2"), 400},     /* U+00B2 SUPERSCRIPT TWO */
        {BYTES("\xb2"), 400},         /* the same in Latin-1 */
        {BYTES("5\xa0"), 400},
        {BYTES("5\x85"), 400},
        {BYTES("9223372036854775808"), 400},  /* 2^63 */
        {BYTES("9999999999999999999"), 400},  /* nineteen digits still fit 64 bits */
        {BYTES("10000000000000000000"), 400}, /* twenty */
        {BYTES("18446744073709551615"), 400}, /* 2^64-1 */
        {BYTES("18446744073709551616"), 400}, /* 2^64 */
        {BYTES("18446744073709551621"), 400}, /* 2^64+5 */
        {BYTES("340282366920938463463374607431768211461"), 400}, /* 2^128+5 */
        {BYTES("00000000000000000000000x"), 400},
        {BYTES("9223372036854775807"), 413}, /* 2^63-1 is a number, but above the limit */
        {BYTES("1001"), 413},
        {BYTES("00000000000000000000000000001001"), 413},
    };
    try_values(t, "Content-Length", rows, COUNT(rows));
}

static void transfer_encoding_in_every_bad_spelling_is_400_or_501(struct rhb_test *t)
{
    static const struct value_row rows[] = {
        {BYTES(""), 400},
        {BYTES(" "), 400},
        {BYTES(","), 400},
        {BYTES(", chunked"), 400},
        {BYTES("chunked,"), 400},
        {BYTES("chunked, "), 400},
        {BYTES("gzip,,chunked"), 400},
        {BYTES("chunked, chunked"), 400},
        {BYTES("chunked,chunked"), 400},
        {BYTES("gzip, chunked, chunked"), 400},
        {BYTES("chunked, gzip"), 400},
        {BYTES("chunked, identity"), 400},
        {BYTES("gzip, chunked, gzip"), 400},
        {BYTES("xchunked"), 501},
        {BYTES("chunkedx"), 501},
        {BYTES("chunke"), 501},
        {BYTES("hunked"), 501},
        {BYTES("chunk"), 501},
        {BYTES("chunk ed"), 400},
        {BYTES("chunked foo"), 400},
        {BYTES("gzip chunked"), 400},
        {BYTES("chunked;"), 400},
        {BYTES("chunked;q=1"), 400},
        {BYTES("chunked ; a=b"), 400},
        {BYTES("gzip;q=0.5, chunked"), 501},
        {BYTES("\"chunked\""), 400},
        {BYTES("'chunked'"), 501},
        {BYTES("chunked\0"), 400},
        {BYTES("\0chunked"), 400},
        {BYTES("chun\0ked"), 400},
        {BYTES("chunked\v"), 400},
        {BYTES("\vchunked"), 400},
        {BYTES("\fchunked"), 400},
        {BYTES("chunked\r"), 400},
        {BYTES("\rchunked"), 400},
        {BYTES("chunked\x1f"), 400},
        {BYTES("chunked\x7f"), 400},
        {BYTES("chunked\x85"), 400},
        {BYTES("\xa0"
               "chunked"),
         400},
        {BYTES("\xc3\xa7hunked"), 400},
        {BYTES("chun\xe2\x84\xaa"
               "ed"),
         400},                      /* U+212A KELVIN SIGN folds to k in Unicode */
        {BYTES("\x03hunked"), 400}, /* c, h and so on without their bit 0x40 or 0x20 */
        {BYTES("\"HUNKED"), 400},
        {BYTES("cow"), 501},
        {BYTES("cow, chunked"), 501},
        {BYTES("chunked, cow"), 400},
        {BYTES("gzip, cow"), 501},
        {BYTES("br"), 501}, /* a content coding only */
        {BYTES("zstd"), 501},
        {BYTES("trailers"), 501},
        {BYTES("none"), 501},
        {BYTES("5"), 501},
        {BYTES("true"), 501},
        {BYTES("gzip"), 501},
        {BYTES("GZip"), 501},
        {BYTES("x-gzip"), 501},
        {BYTES("deflate"), 501},
        {BYTES("compress"), 501},
        {BYTES("x-compress"), 501},
        {BYTES("identity"), 501},
        {BYTES("gzip, chunked"), 501},
        {BYTES("gzip,chunked"), 501},
        {BYTES("gzip\t,\t chunked"), 501},
        {BYTES("identity, chunked"), 501},
        {BYTES("deflate, gzip"), 501},
        {BYTES("deflate, gzip, CHUNKED"), 501},
        {BYTES("x;a=b"), 501},
        {BYTES("x ;\ta = b; c=\"\" , chunked"), 501},
        {BYTES("x;a=\"b, \\\"c;\\\\\", chunked"), 501},
        {BYTES("x;a=\"\t\xe9\""), 501},
        {BYTES("x;"), 400},
        {BYTES("x;;a=b"), 400},
        {BYTES("x;a"), 400},
        {BYTES("x;a="), 400},
        {BYTES("x;=b"), 400},
        {BYTES("x;a=b c"), 400},
        {BYTES("x;a=b/c"), 400},
        {BYTES("x;a=\""), 400},
        {BYTES("x;a=\"b"), 400},
        {BYTES("x;a=\"b\\"), 400},
        {BYTES("x;a=\"b\\\""), 400},
        {BYTES("x;a=\"b\"c"), 400},
        {BYTES("x;a=\"b\"\"c\""), 400},
        {BYTES("x;a=\"\r\""), 400},
        {BYTES("x;a=\"\\\x7f\""), 400},
        {BYTES("x;a=\"b, chunked"), 400},
        {BYTES("x, chunked;a=b"), 400},
        {BYTES("x, chunked, x"), 400},
        {BYTES("x,"), 400},
        {BYTES("x/y"), 400},
        {BYTES("x:"), 400},
    };
    try_values(t, "Transfer-Encoding", rows, COUNT(rows));
    try_values(t, "tRANSFER-eNCODING", rows, COUNT(rows));
}

static void expect_other_than_100_continue_is_417(struct rhb_test *t)
{
    static const struct value_row rows[] = {
        {BYTES(""), 417},
        {BYTES("100"), 417},
        {BYTES("100-continues"), 417},
        {BYTES("100-continu"), 417},
        {BYTES("100 continue"), 417},
        {BYTES("100-continue, 100-continue"), 417},
        {BYTES("100-continue, x"), 417},
        {BYTES("100-continue;q=1"), 417},
        {BYTES("200-ok"), 417},
    };
    try_values(t, "Expect", rows, COUNT(rows));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(content_length_in_every_bad_spelling_is_400),
        RHB_CASE(transfer_encoding_in_every_bad_spelling_is_400_or_501),
        RHB_CASE(expect_other_than_100_continue_is_417),
    };
    return RHB_RUN(cases);
}
