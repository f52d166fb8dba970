/* The framing policy as a table: fields in, plan or status out (RFC 9112 sections 3.2, 6 and 9.3).
 * Every name and value stands in memory of exactly its size, so that ASan sees the first byte read
 * too far. */
#include "harness.h"
#include "http/framing.h"
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(text) text, sizeof(text) - 1
#define HOST "Host: a\n"

enum { MOST_FIELDS = 8 };

static char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

/* "Name: value\n" lines into fields; values keep every byte but the newline. */
static size_t split_fields(struct phr_header *fields, const char *lines, size_t len)
{
    size_t count = 0;
    for (const char *end = lines + len, *next; lines < end; lines = next + 1) {
        next = memchr(lines, '\n', (size_t)(end - lines));
        const char *colon = memchr(lines, ':', (size_t)(next - lines));
        struct phr_header *field = &fields[count++];
        field->name_len = (size_t)(colon - lines);
        field->value_len = (size_t)(next - colon - 2);
        field->name = copy_exactly(lines, field->name_len);
        field->value = copy_exactly(colon + 2, field->value_len);
    }
    return count;
}

static struct rhb_framing plan_within(uint64_t max_body, int minor, const char *lines, size_t len)
{
    struct phr_header fields[MOST_FIELDS];
    struct phr_request_head head = {
        .method = "POST", .method_len = 4, .minor_version = minor, .fields = fields};
    struct rhb_framing plan;
    memset(&plan, 0xa5, sizeof(plan)); /* all of it has to be set */
    head.num_fields = split_fields(fields, lines, len);
    rhb_framing_plan(&plan, &head, max_body);
    for (size_t i = 0; i < head.num_fields; i++) {
        free((void *)fields[i].name);
        free((void *)fields[i].value);
    }
    return plan;
}

static struct rhb_framing plan_for(int minor, const char *lines, size_t len)
{
    return plan_within(1000, minor, lines, len);
}

static void check_refused(struct rhb_test *t, const struct rhb_framing *plan, int status)
{
    CHECK_INT(plan->status, status);
    CHECK(plan->reason != NULL && plan->reason[0] != 0);
    CHECK(!plan->keep_alive && !plan->expect_continue);
    CHECK_INT(plan->body, RHB_BODY_NONE);
}

/* Values of one field, each on its own behind a good Host on 1.1. */
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

/* RFC 9110 section 8.6: 1*DIGIT. The strict parser keeps some of these away; nothing here relies on
 * it. */
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
        {BYTES("9223372036854775807"), 413}, /* 2^63-1 is a number, only too long for us */
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
        {BYTES("xchunked"), 400},
        {BYTES("chunkedx"), 400},
        {BYTES("chunke"), 400},
        {BYTES("hunked"), 400},
        {BYTES("chunk"), 400},
        {BYTES("chunk ed"), 400},
        {BYTES("chunked foo"), 400},
        {BYTES("gzip chunked"), 400},
        {BYTES("chunked;"), 400},
        {BYTES("chunked;q=1"), 400},
        {BYTES("chunked ; a=b"), 400},
        {BYTES("gzip;q=0.5, chunked"), 400},
        {BYTES("\"chunked\""), 400},
        {BYTES("'chunked'"), 400},
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
        {BYTES("cow"), 400},
        {BYTES("cow, chunked"), 400},
        {BYTES("chunked, cow"), 400},
        {BYTES("gzip, cow"), 400},
        {BYTES("br"), 400}, /* a content coding only */
        {BYTES("zstd"), 400},
        {BYTES("trailers"), 400},
        {BYTES("none"), 400},
        {BYTES("5"), 400},
        {BYTES("true"), 400},
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

/* The table of hosts is in test_http_target.c; these show that it is asked. */
static const struct refused_row {
    int minor;
    const char *lines;
    int status;
} refused_rows[] = {
    {1, "", 400},
    {1, "Accept: */*\n", 400},
    {1, "Host: \n", 400},
    {1, "Host: a b\n", 400},
    {1, "Host: a, b\n", 400},
    {1, "Host: u@a\n", 400},
    {1, "Host: :80\n", 400},
    {1, "Host: a/\n", 400},
    {1, HOST HOST, 400},
    {1, HOST "hOST: a\n", 400},
    {1, HOST "Host: \n", 400},
    {1, "Hosts: a\n", 400},
    {1, "Hos_: a\n", 400},
    {1, "Host\x80: a\n", 400},
    {0, "Host: \n", 400},
    {0, "Host: a b\n", 400},
    {0, HOST HOST, 400},
    {1, HOST "Content-Length: 5\nContent-Length: 5\n", 400},
    {1, HOST "Content-Length: 5\nContent-Length: 6\n", 400},
    {1, HOST "Content-Length: 5\ncontent-length: 5\n", 400},
    {1, HOST "Content-Length: 0\nContent-Length: 0\n", 400},
    {1, HOST "Content-Length: 5\nContent-Length: x\n", 400},
    {1, HOST "Content-Length: 5\nX: y\nContent-Length: 5\n", 400},
    {0, "Content-Length: 5\nContent-Length: 5\n", 400},
    {0, "Content-Length: +5\n", 400},
    {1, HOST "Transfer-Encoding: chunked\nContent-Length: 5\n", 400},
    {1, HOST "Content-Length: 5\nTransfer-Encoding: chunked\n", 400},
    {1, HOST "Content-Length: 0\nTransfer-Encoding: chunked\n", 400},
    {1, HOST "Content-Length: 5000\nTransfer-Encoding: chunked\n", 400},
    {1, HOST "Content-Length: 5\nTransfer-Encoding: gzip\n", 400},
    {1, HOST "Transfer-Encoding: identity\nContent-Length: 5\n", 400},
    {1, HOST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", 400},
    {1, HOST "Transfer-Encoding: gzip\nTransfer-Encoding: chunked\n", 400},
    {1, HOST "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n", 400},
    {1, HOST "Transfer-Encoding: chunked\nTransfer-Encoding: \n", 400},
    {0, "Transfer-Encoding: chunked\n", 400},
    {0, HOST "Transfer-Encoding: gzip\n", 400},
    {0, HOST "Transfer-Encoding: chunked\nConnection: keep-alive\n", 400},
    {1, HOST "Content-Length: 1001\n", 413},
    {0, "Content-Length: 1001\n", 413},
    {1, HOST "Content-Length: 1001\nExpect: 100-continue\n", 413},
    {1, HOST "Expect: 100-continue\nExpect: 100-continue\n", 417},
    {1, HOST "Expect: x\nContent-Length: 5\n", 417},
    /* The message as such is judged before what it asks for. */
    {1, "Expect: x\n", 400},
    {1, "Content-Length: 5000\n", 400},
    {1, "Transfer-Encoding: gzip\n", 400},
    {1, HOST "Expect: x\nContent-Length: x\n", 400},
    {1, HOST "Expect: x\nTransfer-Encoding: gzip\n", 501},
};

static void what_may_not_be_together_or_missing_is_refused(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(refused_rows); i++) {
        const struct refused_row *row = &refused_rows[i];
        int before = t->failures;
        struct rhb_framing plan = plan_for(row->minor, row->lines, strlen(row->lines));
        check_refused(t, &plan, row->status);
        if (t->failures != before)
            rhb_note_bytes("fields", row->lines, strlen(row->lines));
    }
}

static const struct accepted_row {
    int minor;
    const char *lines;
    enum rhb_body_kind body;
    uint64_t length;
    bool keep_alive, expects, has_host;
} accepted_rows[] = {
    {1, HOST, RHB_BODY_NONE, 0, true, false, true},
    {1, "hOsT: a:80\nAccept: */*\n", RHB_BODY_NONE, 0, true, false, true},
    {1, "HOST: [::1]:80\n", RHB_BODY_NONE, 0, true, false, true},
    {0, "", RHB_BODY_NONE, 0, false, false, false},
    {0, HOST, RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "X-SeventeenLetter: x\nX-Eighteen-Letters: x\nX-Nineteen-Letter-s: x\n", RHB_BODY_NONE,
     0, true, false, true},
    /* Content-Length */
    {1, HOST "Content-Length: 0\n", RHB_BODY_LENGTH, 0, true, false, true},
    {1, HOST "Content-Length: 5\n", RHB_BODY_LENGTH, 5, true, false, true},
    {1, HOST "cONTENT-lENGTH: 1000\n", RHB_BODY_LENGTH, 1000, true, false, true},
    {1, HOST "Content-Length: 0005\n", RHB_BODY_LENGTH, 5, true, false, true},
    {1, HOST "Content-Length: 000000000000000000000000000005\n", RHB_BODY_LENGTH, 5, true, false,
     true},
    {0, "Content-Length: 5\n", RHB_BODY_LENGTH, 5, false, false, false},
    {1, HOST "Content_Length: x\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Content-Lengt: x\nContent-Length2: x\n", RHB_BODY_NONE, 0, true, false, true},
    /* Transfer-Encoding */
    {1, HOST "Transfer-Encoding: chunked\n", RHB_BODY_CHUNKED, 0, true, false, true},
    {1, HOST "TRANSFER-ENCODING: Chunked\n", RHB_BODY_CHUNKED, 0, true, false, true},
    {1, HOST "transfer-encoding: CHUNKED\n", RHB_BODY_CHUNKED, 0, true, false, true},
    {1, HOST "Transfer_Encoding: chunked\nContent-Length: 5\n", RHB_BODY_LENGTH, 5, true, false,
     true},
    {1, HOST "TE: gzip\n", RHB_BODY_NONE, 0, true, false, true},
    /* Connection: close wins, junk is ignored, repeated fields are one list */
    {1, HOST "Connection: close\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "cONNECTION: CLOSE\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: keep-alive\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Connection: keep-alive, close\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: close, keep-alive\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: x,\t close ,y\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: keep-alive\nConnection: close\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: close\nConnection: keep-alive\n", RHB_BODY_NONE, 0, false, false, true},
    {1, HOST "Connection: \n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Connection: ,, ;=\"close\" \x80\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Connection: closed\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Connection: not close\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Connection: Upgrade, HTTP2-Settings\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Proxy-Connection: close\n", RHB_BODY_NONE, 0, true, false, true},
    {0, "Connection: keep-alive\n", RHB_BODY_NONE, 0, true, false, false},
    {0, "Connection: Keep-Alive\n", RHB_BODY_NONE, 0, true, false, false},
    {0, "Connection: x\nConnection: keep-alive\n", RHB_BODY_NONE, 0, true, false, false},
    {0, "Connection: keep-alive, close\n", RHB_BODY_NONE, 0, false, false, false},
    {0, "Connection: x\n", RHB_BODY_NONE, 0, false, false, false},
    {0, "Keep-Alive: timeout=5\n", RHB_BODY_NONE, 0, false, false, false},
    /* Expect: only where there is content to wait for, never on 1.0 */
    {1, HOST "Expect: 100-continue\nContent-Length: 5\n", RHB_BODY_LENGTH, 5, true, true, true},
    {1, HOST "eXPECT: 100-CONTINUE\nContent-Length: 5\n", RHB_BODY_LENGTH, 5, true, true, true},
    {1, HOST "Transfer-Encoding: chunked\nExpect: 100-continue\n", RHB_BODY_CHUNKED, 0, true, true,
     true},
    {1, HOST "Expect: 100-continue\n", RHB_BODY_NONE, 0, true, false, true},
    {1, HOST "Expect: 100-continue\nContent-Length: 0\n", RHB_BODY_LENGTH, 0, true, false, true},
    {0, "Expect: 100-continue\nContent-Length: 5\n", RHB_BODY_LENGTH, 5, false, false, false},
    {0, "Expect: x\nContent-Length: 5\n", RHB_BODY_LENGTH, 5, false, false, false},
};

static void check_accepted(struct rhb_test *t, const struct accepted_row *row,
                           const struct rhb_framing *plan)
{
    CHECK_INT(plan->status, 0);
    CHECK(plan->reason == NULL);
    CHECK_INT(plan->body, row->body);
    CHECK_INT(plan->content_length, row->length);
    CHECK_INT(plan->keep_alive, row->keep_alive);
    CHECK_INT(plan->expect_continue, row->expects);
    CHECK_INT(plan->host != NULL, row->has_host);
}

/* RFC 9110 section 7.8 */
static void an_upgrade_is_asked_for_on_1_1_and_without_content(struct rhb_test *t)
{
    static const struct {
        int minor;
        const char *lines;
        bool upgrade;
    } rows[] = {
        {1, HOST "Connection: upgrade\n", true},
        {1, HOST "Connection: keep-alive, Upgrade\n", true},
        {1, HOST "cONNECTION: x\nConnection: UPGRADE ,y\n", true},
        {1, HOST "Connection: upgrade\nContent-Length: 0\n", true},
        {1, HOST, false},
        {1, HOST "Upgrade: websocket\n", false},
        {1, HOST "Connection: upgrades, up grade, \"upgrade\"\n", false},
        {1, HOST "Connection: upgrade\nContent-Length: 1\n", false},
        {1, HOST "Connection: upgrade\nTransfer-Encoding: chunked\n", false},
        {0, HOST "Connection: upgrade\n", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct rhb_framing plan = plan_for(rows[i].minor, rows[i].lines, strlen(rows[i].lines));
        CHECK_INT(plan.status, 0);
        CHECK_INT(plan.upgrade, rows[i].upgrade);
    }
}

static void fields_become_a_plan(struct rhb_test *t)
{
    for (size_t i = 0; i < COUNT(accepted_rows); i++) {
        const struct accepted_row *row = &accepted_rows[i];
        int before = t->failures;
        struct rhb_framing plan = plan_for(row->minor, row->lines, strlen(row->lines));
        check_accepted(t, row, &plan);
        if (t->failures != before)
            rhb_note_bytes("fields", row->lines, strlen(row->lines));
    }
}

static void no_limit_lets_every_length_through(struct rhb_test *t)
{
    struct rhb_framing plan =
        plan_within(0, 1, BYTES(HOST "Content-Length: 9223372036854775807\n"));
    CHECK_INT(plan.status, 0);
    CHECK_INT(plan.content_length, INT64_MAX);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(content_length_in_every_bad_spelling_is_400),
        RHB_CASE(transfer_encoding_in_every_bad_spelling_is_400_or_501),
        RHB_CASE(expect_other_than_100_continue_is_417),
        RHB_CASE(what_may_not_be_together_or_missing_is_refused),
        RHB_CASE(fields_become_a_plan),
        RHB_CASE(an_upgrade_is_asked_for_on_1_1_and_without_content),
        RHB_CASE(no_limit_lets_every_length_through),
    };
    return RHB_RUN(cases);
}
