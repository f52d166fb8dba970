/* What requests ask of a representation: conditions, ranges, codings, dates. Invariants: a part is
 * inside; a date that is read is written as one that is read alike; a tag that is listed is found;
 * the coding is one that is there.
 *
 * Input: a byte for the size, a byte for the field, then its value. */
#include "base/clock.h"
#include "fuzz.h"
#include "http/accept_encoding.h"
#include "http/content.h"
#include "http/date.h"

#define NOW 1700000000

static const char *const names[] = {"Range",          "If-Match",          "If-None-Match",
                                    "If-Range",       "If-Modified-Since", "If-Unmodified-Since",
                                    "Accept-Encoding"};
enum { NAMES = sizeof names / sizeof *names };

static void check_date(const char *value, size_t len)
{
    char written[RHB_DATE_LEN + 1];
    time_t seconds, again;
    if (!rhb_date_read(value, len, NOW, &seconds))
        return;
    rhb_date_write(written, seconds);
    if (seconds < 253402300800) /* the year 10000 */
        MUST(rhb_date_read(written, RHB_DATE_LEN, NOW, &again) && again == seconds);
}

static void check_range(const char *value, size_t len, uint64_t size)
{
    struct rhb_part part;
    if (rhb_range_read(value, len, size, &part) == RHB_RANGE_PART)
        MUST(part.length > 0 && part.first < size && part.length <= size - part.first);
}

static void check_coding(const struct phr_header *field, unsigned there)
{
    enum rhb_coding coding = rhb_coding_choose(field, 1, there);
    MUST(coding == RHB_IDENTITY || there & 1u << coding);
}

static void check_status(const struct phr_header *fields, size_t count, uint64_t size)
{
    struct rhb_validators validators = {
        .etag = "\"a\"", .etag_len = 3, .has_modified = true, .modified = 784111777};
    struct phr_request_head head = {.method = "GET",
                                    .method_len = 3,
                                    .fields = (struct phr_header *)fields,
                                    .num_fields = count};
    struct rhb_part part = {0};
    int status = rhb_content_status(&validators, size, &head, &part);
    MUST(status == 200 || status == 206 || status == 304 || status == 412 || status == 416);
    if (status == 206)
        MUST(part.length > 0 && part.first + part.length <= size);
    head.method = "HEAD";
    head.method_len = 4;
    int of_head = rhb_content_status(&validators, size, &head, &part);
    MUST(of_head == (status == 206 || status == 416 ? 200 : status));
}

/* The own tag in front of a list of any kind is found. */
static void check_listed(const char *value, size_t len)
{
    struct rhb_validators validators = {.etag = "\"a\"", .etag_len = 3};
    char *list = malloc(len + 4);
    memcpy(list, "\"a\",", 4);
    memcpy(list + 4, value, len);
    struct phr_header field = {"If-None-Match", 13, list, len + 4};
    MUST(rhb_conditions_status(&validators, &field, 1, true, NOW) == 304);
    free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    uint64_t bytes = fuzz_byte(&in);
    uint8_t which = fuzz_byte(&in);
    size_t len = in.len;
    char *value = fuzz_copy((const char *)in.at, len);
    const char *name = names[which % NAMES];
    struct phr_header fields[] = {{name, strlen(name), value, len}, {"Range", 5, "bytes=2-3", 9}};
    check_date(value, len);
    check_range(value, len, bytes);
    check_coding(&fields[0], which >> 3 & 7);
    check_listed(value, len);
    check_status(fields, 1, bytes);
    check_status(fields, 2, bytes);
    free(value);
    return 0;
}
