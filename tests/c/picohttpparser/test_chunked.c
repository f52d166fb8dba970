/* The lenient chunked decoder, picohttpparser/picohttpparser.h. */
#include "chunk_ways.h"
#include "picohttpparser/picohttpparser.h"

enum { FLOOD = 100 * 1024 };

static ssize_t decode(void *decoder, char *buf, size_t *bufsz)
{
    return phr_decode_chunked(decoder, buf, bufsz);
}

static void reset_swallowing(void *decoder)
{
    *(struct phr_chunked_decoder *)decoder = (struct phr_chunked_decoder){.consume_trailer = 1};
}

static void reset_leaving(void *decoder)
{
    *(struct phr_chunked_decoder *)decoder = (struct phr_chunked_decoder){0};
}

static void decodes(struct rhb_test *t, bool swallow, const char *wire, size_t len,
                    ssize_t expected, const char *data)
{
    struct phr_chunked_decoder decoder;
    struct chunk_setup setup = {&decoder, decode, swallow ? reset_swallowing : reset_leaving};

    chunk_every_way(t, &setup, wire, len, expected, data);
}

#define SWALLOWS(wire, expected, data) decodes(t, true, wire, sizeof(wire) - 1, expected, data)
#define LEAVES(wire, expected, data) decodes(t, false, wire, sizeof(wire) - 1, expected, data)

/* Bad with trailers consumed and with trailers left, and incomplete without the last byte. */
static void refused(struct rhb_test *t, const char *wire, size_t len)
{
    decodes(t, false, wire, len, -1, NULL);
    decodes(t, true, wire, len, -1, NULL);
    decodes(t, false, wire, len - 1, -2, NULL);
}

#define REFUSED(sentence, wire)                                                                    \
    static void sentence(struct rhb_test *t)                                                       \
    {                                                                                              \
        refused(t, "" wire, sizeof(wire) - 1);                                                     \
    }

static void one_chunk_is_decoded(struct rhb_test *t)
{
    SWALLOWS("b\r\nhello world\r\n0\r\n\r\n", 0, "hello world");
}

static void several_chunks_are_joined(struct rhb_test *t)
{
    SWALLOWS("6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n", 0, "hello world");
}

static void an_empty_body_is_decoded(struct rhb_test *t)
{
    SWALLOWS("0\r\n\r\n", 0, "");
    SWALLOWS("0000\r\n\r\n", 0, "");
}

static void hex_digits_may_have_either_case(struct rhb_test *t)
{
    SWALLOWS("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n", 0, "01234567890123456789a");
}

static void extensions_are_skipped(struct rhb_test *t)
{
    SWALLOWS("6;comment=hi\r\nhello \r\n5 ; x=\"y\"\r\nworld\r\n0;z\r\n\r\n", 0, "hello world");
    SWALLOWS("6 \t\r\nhello \r\n0\t\r\n\r\n", 0, "hello ");
}

static void data_may_hold_framing(struct rhb_test *t)
{
    SWALLOWS("7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", 0, "0\r\n\r\n\r\n");
}

static void trailers_are_consumed_up_to_the_empty_line(struct rhb_test *t)
{
    SWALLOWS("3\r\nabc\r\n0\r\na: b\r\nc: d\r\n\r\nnext", 4, "abc");
}

static void trailers_may_end_with_a_bare_lf(struct rhb_test *t)
{
    SWALLOWS("3\r\nabc\r\n0\r\na: b\nc: d\n\nnext", 4, "abc");
}

static void trailers_are_left_over_when_not_asked_for(struct rhb_test *t)
{
    LEAVES("3\r\nabc\r\n0\r\na: b\r\n\r\n", 8, "abc");
    LEAVES("0\r\n", 0, "");
}

static void bytes_behind_the_body_are_behind_the_data(struct rhb_test *t)
{
    SWALLOWS("3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", 18, "abc");
}

static void an_incomplete_body_gives_the_data_so_far(struct rhb_test *t)
{
    SWALLOWS("b\r\nhello", -2, "hello");
    SWALLOWS("3\r\nabc\r\n0\r\n", -2, "abc");
    SWALLOWS("3\r\nabc\r\n0\r\na: b\r\n\r", -2, "abc");
}

static void as_many_digits_as_fit_size_t_are_accepted(struct rhb_test *t)
{
    SWALLOWS("0000000000000003\r\nabc\r\n0\r\n\r\n", 0, "abc");
    SWALLOWS("ffffffffffffffff\r\nabcdefg", -2, "abcdefg");
}

REFUSED(one_digit_more_is_refused, "00000000000000003")
REFUSED(a_missing_size_is_refused, "\r")
REFUSED(an_extension_alone_is_refused, ";")
REFUSED(a_letter_instead_of_a_size_is_refused, "g")
REFUSED(a_sign_is_refused, "-")
REFUSED(a_leading_space_is_refused, " ")
REFUSED(a_prefix_of_0x_is_refused, "0x")
REFUSED(a_letter_behind_the_digits_is_refused, "6g")
REFUSED(a_bare_lf_behind_the_size_is_refused, "6\n")
REFUSED(a_bare_cr_behind_the_size_is_refused, "6\r ")
REFUSED(a_bare_lf_in_an_extension_is_refused, "6;x\n")
REFUSED(data_without_line_end_is_refused, "1\r\naX")
REFUSED(a_bare_lf_behind_data_is_refused, "1\r\na\n")
REFUSED(a_bare_cr_behind_data_is_refused, "1\r\na\rX")
REFUSED(a_negative_size_behind_a_chunk_is_refused, "1\r\na\r\n-")

static void is_in_data_is_returned(struct rhb_test *t)
{
    struct phr_chunked_decoder decoder = {0};
    char head[] = "5\r\nab", tail[] = "cde";
    size_t size = 5;

    CHECK(!phr_decode_chunked_is_in_data(&decoder));
    CHECK_INT(phr_decode_chunked(&decoder, head, &size), -2);
    CHECK(phr_decode_chunked_is_in_data(&decoder));
    size = 3;
    CHECK_INT(phr_decode_chunked(&decoder, tail, &size), -2);
    CHECK(!phr_decode_chunked_is_in_data(&decoder));
}

/* Feeds the piece repeatedly, at least `total` bytes, and returns the last result. */
static ssize_t feed(struct phr_chunked_decoder *decoder, const char *piece, size_t total)
{
    char buf[1024];
    ssize_t result = -2;

    for (size_t fed = 0; fed < total && result == -2; fed += strlen(piece)) {
        size_t size = strlen(piece);
        memcpy(buf, piece, size);
        result = phr_decode_chunked(decoder, buf, &size);
    }
    return result;
}

static void a_flood_of_tiny_chunks_is_refused(struct rhb_test *t)
{
    struct phr_chunked_decoder decoder = {0};

    /* Five bytes of framing for one of data. */
    CHECK_INT(feed(&decoder, "1\r\na\r\n", FLOOD), -2);
    CHECK_INT(feed(&decoder, "1\r\na\r\n", FLOOD), -1);
}

static void an_endless_extension_is_refused(struct rhb_test *t)
{
    struct phr_chunked_decoder decoder = {0};

    CHECK_INT(feed(&decoder, "1;x", 3), -2);
    CHECK_INT(feed(&decoder, "xxxxxxxx", FLOOD - 16), -2);
    CHECK_INT(feed(&decoder, "xxxxxxxx", 32), -1);
}

static void framing_is_fine_while_there_is_data(struct rhb_test *t)
{
    struct phr_chunked_decoder decoder = {0};

    CHECK_INT(feed(&decoder, "2\r\nab\r\n", 4 * FLOOD), -2);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(one_chunk_is_decoded),
        RHB_CASE(several_chunks_are_joined),
        RHB_CASE(an_empty_body_is_decoded),
        RHB_CASE(hex_digits_may_have_either_case),
        RHB_CASE(extensions_are_skipped),
        RHB_CASE(data_may_hold_framing),
        RHB_CASE(trailers_are_consumed_up_to_the_empty_line),
        RHB_CASE(trailers_may_end_with_a_bare_lf),
        RHB_CASE(trailers_are_left_over_when_not_asked_for),
        RHB_CASE(bytes_behind_the_body_are_behind_the_data),
        RHB_CASE(an_incomplete_body_gives_the_data_so_far),
        RHB_CASE(as_many_digits_as_fit_size_t_are_accepted),
        RHB_CASE(one_digit_more_is_refused),
        RHB_CASE(a_missing_size_is_refused),
        RHB_CASE(an_extension_alone_is_refused),
        RHB_CASE(a_letter_instead_of_a_size_is_refused),
        RHB_CASE(a_sign_is_refused),
        RHB_CASE(a_leading_space_is_refused),
        RHB_CASE(a_prefix_of_0x_is_refused),
        RHB_CASE(a_letter_behind_the_digits_is_refused),
        RHB_CASE(a_bare_lf_behind_the_size_is_refused),
        RHB_CASE(a_bare_cr_behind_the_size_is_refused),
        RHB_CASE(a_bare_lf_in_an_extension_is_refused),
        RHB_CASE(data_without_line_end_is_refused),
        RHB_CASE(a_bare_lf_behind_data_is_refused),
        RHB_CASE(a_bare_cr_behind_data_is_refused),
        RHB_CASE(a_negative_size_behind_a_chunk_is_refused),
        RHB_CASE(is_in_data_is_returned),
        RHB_CASE(a_flood_of_tiny_chunks_is_refused),
        RHB_CASE(an_endless_extension_is_refused),
        RHB_CASE(framing_is_fine_while_there_is_data),
    };
    return RHB_RUN(cases);
}
