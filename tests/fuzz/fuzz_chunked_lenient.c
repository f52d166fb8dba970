/* phr_decode_chunked. Invariants: pieces and the whole give the same, also for
 * phr_decode_chunked_is_in_data; the strict decoder accepts nothing that this one refuses.
 *
 * Input: a byte: bit 0 consume_trailer, the other bits plus one: bytes of a piece; then the body.
 */
#include "fuzz_chunked.h"

static ssize_t decode(void *decoder, char *buf, size_t *bufsz)
{
    return phr_decode_chunked(decoder, buf, bufsz);
}

static ssize_t decode_strict(void *decoder, char *buf, size_t *bufsz)
{
    return phr_decode_chunked_strict(decoder, buf, bufsz);
}

static void check_strict_takes_less(const char *bytes, size_t len, const struct fuzz_decoded *all)
{
    struct phr_strict_chunked decoder = {.max_extension = len, .max_trailer = len};
    struct fuzz_decoded strict;
    fuzz_decode_pieces(decode_strict, &decoder, len ? len : 1, bytes, len, &strict);
    if (strict.result >= 0)
        fuzz_must_agree(&strict, all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    uint8_t how = fuzz_byte(&in);
    struct phr_chunked_decoder decoder = {.consume_trailer = how & 1}, other = decoder;
    struct fuzz_decoded whole, pieces;
    const char *bytes = (const char *)in.at;
    if (in.len > FUZZ_CHUNKED_MAX)
        return 0;
    fuzz_decode_pieces(decode, &decoder, in.len ? in.len : 1, bytes, in.len, &whole);
    fuzz_decode_pieces(decode, &other, how / 2 + 1u, bytes, in.len, &pieces);
    fuzz_must_agree(&whole, &pieces);
    if (whole.result == -2)
        MUST(!phr_decode_chunked_is_in_data(&decoder) == !phr_decode_chunked_is_in_data(&other));
    if (how & 1)
        check_strict_takes_less(bytes, in.len, &whole);
    return 0;
}
