/* csrc/http/accept_encoding.c: which coding is sent (RFC 9110 section 12.5.3). */
#include "harness.h"
#include "http/accept_encoding.h"
#include "request_fields.h"

enum { BR = 1 << RHB_BROTLI, ZST = 1 << RHB_ZSTD, GZ = 1 << RHB_GZIP, ALL = BR | ZST | GZ };

static const struct {
    const char *fields;
    unsigned there;
    enum rhb_coding chosen;
} choices[] = {
    {"", ALL, RHB_IDENTITY},
    {"Accept-Encoding: ", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip, deflate, br, zstd", ALL, RHB_BROTLI},
    {"Accept-Encoding: gzip, deflate, br, zstd", ZST | GZ, RHB_ZSTD},
    {"Accept-Encoding: gzip, deflate", ALL, RHB_GZIP},
    {"Accept-Encoding: gzip", BR, RHB_IDENTITY},
    {"accept-encoding: GZIP", ALL, RHB_GZIP},
    {"Accept-Encoding: x-gzip", ALL, RHB_GZIP},
    {"Accept-Encoding: br;q=0.5, gzip;q=0.8", ALL, RHB_GZIP},
    {"Accept-Encoding: br; q=0.5 , gzip ;q=0.4", ALL, RHB_BROTLI},
    {"Accept-Encoding: br;q=0, gzip", ALL, RHB_GZIP},
    {"Accept-Encoding: br;q=0.0", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;q=0.5, identity", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip, identity", ALL, RHB_GZIP},
    {"Accept-Encoding: gzip;q=0.001", ALL, RHB_GZIP},
    {"Accept-Encoding: *", ALL, RHB_BROTLI},
    {"Accept-Encoding: *;q=0.1, gzip;q=0.2", ALL, RHB_GZIP},
    {"Accept-Encoding: *;q=0, gzip;q=0.2", ALL, RHB_GZIP},
    {"Accept-Encoding: *;q=0", ALL, RHB_IDENTITY}, /* section 12.5.3: it may be disregarded */
    {"Accept-Encoding: identity;q=0", ALL, RHB_IDENTITY},
    {"Accept-Encoding: br\nAccept-Encoding: gzip;q=0.1", GZ, RHB_GZIP},
    {"Accept-Encoding: gzip;q=2", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;q=1.001", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;q=0.1234", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;q=", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;x=1", ALL, RHB_IDENTITY},
    {"Accept-Encoding: gzip;Q=1.000", ALL, RHB_GZIP},
    {"Accept-Encoding: gzipx, xbr, brx", ALL, RHB_IDENTITY},
    {"Accept-Encoding: ,, gzip ,", ALL, RHB_GZIP},
    {"Accept-Encoding: gzip", 0, RHB_IDENTITY},
};

static void the_best_of_those_that_are_there_is_chosen(struct rhb_test *t)
{
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct request_fields found = request_fields(choices[i].fields);
        if (!CHECK_INT(rhb_coding_choose(found.fields, found.count, choices[i].there),
                       choices[i].chosen))
            rhb_note(t, "%s", choices[i].fields);
    }
}

static const struct rhb_case cases[] = {
    RHB_CASE(the_best_of_those_that_are_there_is_chosen),
};

int main(void)
{
    return RHB_RUN(cases);
}
