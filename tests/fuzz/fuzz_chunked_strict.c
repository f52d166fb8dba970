/* phr_decode_chunked_strict. Invariants: pieces and the whole give the same, and so does the
 * recursive descent below.
 *
 * Input: bytes of a piece minus one, longest extension, longest trailer section (0: no limit), then
 * the body. */
#include "fuzz_chunked.h"

/* A simple parser of RFC 9112 section 7.1. Each part returns whether parsing can continue; if not,
 * verdict has the result. */
struct reader {
    const char *at, *end;
    ssize_t verdict; /* -2 ended too early, -1 bad */
    size_t max_extension, max_trailer;
};

static bool stop(struct reader *r, ssize_t verdict)
{
    r->verdict = verdict;
    return false;
}

static bool literal(struct reader *r, const char *text)
{
    for (; *text != '\0'; text++, r->at++) {
        if (r->at == r->end)
            return stop(r, -2);
        if (*r->at != *text)
            return stop(r, -1);
    }
    return true;
}

static int digit_of(char byte)
{
    const char *digits = "0123456789abcdefABCDEF", *at = byte ? strchr(digits, byte) : NULL;
    return at == NULL ? -1 : at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

static bool chunk_size(struct reader *r, uint64_t *number)
{
    int count = 0, digit;
    for (*number = 0; r->at < r->end && (digit = digit_of(*r->at)) >= 0; r->at++, count++) {
        if (count == 15)
            return stop(r, -1);
        *number = *number * 16 + (uint64_t)digit;
    }
    return r->at == r->end ? stop(r, -2) : count > 0 || stop(r, -1);
}

/* Whether the byte at r->at is one that the extensions from `start` on may have. */
static bool in_extension(struct reader *r, const char *start)
{
    if (r->at == r->end)
        return stop(r, -2);
    return *r->at == '\r' || (size_t)(r->at - start) < r->max_extension || stop(r, -1);
}

static bool blanks(struct reader *r, const char *start)
{
    while (in_extension(r, start) && fuzz_is_blank(*r->at))
        r->at++;
    return r->verdict == 0;
}

static bool token(struct reader *r, const char *start)
{
    const char *first = r->at;
    while (in_extension(r, start) && fuzz_is_tchar(*r->at))
        r->at++;
    return r->verdict == 0 && (r->at > first || stop(r, -1));
}

static bool quoted(struct reader *r, const char *start)
{
    for (r->at++; in_extension(r, start) && *r->at != '"'; r->at++) {
        bool escape = *r->at == '\\';
        r->at += escape;
        if (escape && !in_extension(r, start))
            return false;
        if (!fuzz_is_text(*r->at))
            return stop(r, -1);
    }
    r->at += r->verdict == 0;
    return r->verdict == 0 && in_extension(r, start);
}

/* Behind the ';'. White space behind it only counts if more follows: *loose. */
static bool one_extension(struct reader *r, const char *start, bool *loose)
{
    if (!blanks(r, start) || !token(r, start))
        return false;
    const char *end = r->at;
    if (!blanks(r, start))
        return false;
    if (*r->at == '=') {
        r->at++;
        if (!blanks(r, start) || !(*r->at == '"' ? quoted(r, start) : token(r, start)))
            return false;
        end = r->at;
        if (!blanks(r, start))
            return false;
    }
    *loose = r->at > end;
    return true;
}

static bool extensions(struct reader *r)
{
    const char *start = r->at;
    bool loose;
    if (!blanks(r, start))
        return false;
    loose = r->at > start;
    while (*r->at == ';') {
        r->at++;
        if (!one_extension(r, start, &loose))
            return false;
    }
    return !loose || stop(r, -1);
}

/* Whether the byte at r->at is within the limit of the trailer section that began at start. */
static bool in_trailer(struct reader *r, const char *start)
{
    if (r->at == r->end)
        return stop(r, -2);
    return (size_t)(r->at - start) < r->max_trailer || stop(r, -1);
}

static bool trailer_line(struct reader *r, const char *start)
{
    const char *line = r->at;
    for (; in_trailer(r, start) && *r->at != ':'; r->at++)
        if (!fuzz_is_tchar(*r->at))
            return stop(r, -1);
    if (r->verdict != 0 || r->at == line)
        return r->verdict != 0 ? false : stop(r, -1);
    for (; in_trailer(r, start) && *r->at != '\r'; r->at++)
        if (!fuzz_is_text(*r->at))
            return stop(r, -1);
    if (r->verdict != 0)
        return false;
    r->at++;
    if (!in_trailer(r, start))
        return false;
    return literal(r, "\n");
}

static bool trailers(struct reader *r)
{
    const char *start = r->at;
    while (r->at < r->end && *r->at != '\r')
        if (!trailer_line(r, start))
            return false;
    return literal(r, "\r\n");
}

/* Reads one chunk. *number: its size; 0: the last chunk. */
static bool chunk(struct reader *r, struct fuzz_decoded *out, uint64_t *number)
{
    if (!chunk_size(r, number) || !extensions(r) || !literal(r, "\r\n"))
        return false;
    size_t there = (size_t)(r->end - r->at);
    size_t take = *number < there ? (size_t)*number : there;
    if (take > 0)
        memcpy(out->data + out->len, r->at, take);
    out->len += take;
    r->at += take;
    return take < *number ? stop(r, -2) : *number == 0 || literal(r, "\r\n");
}

static void read_naively(struct reader *r, struct fuzz_decoded *out)
{
    uint64_t number = 1;
    out->len = 0;
    while (number > 0 && chunk(r, out, &number))
        ;
    if (r->verdict == 0)
        trailers(r);
    out->result = r->verdict != 0 ? r->verdict : r->end - r->at;
}

static ssize_t decode(void *decoder, char *buf, size_t *bufsz)
{
    return phr_decode_chunked_strict(decoder, buf, bufsz);
}

static size_t limit_of(uint8_t byte)
{
    return byte ? byte : SIZE_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    size_t step = fuzz_byte(&in) + 1u;
    struct phr_strict_chunked decoder = {.max_extension = limit_of(fuzz_byte(&in)),
                                         .max_trailer = limit_of(fuzz_byte(&in))};
    struct phr_strict_chunked other = decoder;
    struct fuzz_decoded whole, pieces, naive;
    const char *bytes = (const char *)in.at;
    struct reader reader = {.at = bytes,
                            .end = bytes + in.len,
                            .max_extension = decoder.max_extension,
                            .max_trailer = decoder.max_trailer};
    if (in.len > FUZZ_CHUNKED_MAX)
        return 0;
    fuzz_decode_pieces(decode, &decoder, in.len ? in.len : 1, bytes, in.len, &whole);
    fuzz_decode_pieces(decode, &other, step, bytes, in.len, &pieces);
    read_naively(&reader, &naive);
    fuzz_must_agree(&whole, &pieces);
    fuzz_must_agree(&whole, &naive);
    return 0;
}
