/* The framing policy as a table: fields in, plan or status out (RFC 9112 sections 3.2, 6 and 9.3).
 */
#include "framing_fixture.h"

/* The table of hosts is in test_target.c; these rows show that hosts are checked. */
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
    {1, HOST "Content-Type: a/b\nContent-Type: c/d\n", 400},
    {1, HOST "Content-Type: a/b\nX: y\ncontent-type: a/b\n", 400},
    {1, HOST "Content-Type: \nContent-Type: a/b\n", 400},
    {0, "Content-Type: a/b\nContent-Type: a/b\n", 400},
    {1, HOST "Content-Length: 1001\n", 413},
    {0, "Content-Length: 1001\n", 413},
    {1, HOST "Content-Length: 1001\nExpect: 100-continue\n", 413},
    {1, HOST "Expect: 100-continue\nExpect: 100-continue\n", 417},
    {1, HOST "Expect: x\nContent-Length: 5\n", 417},
    /* The framing is checked before the expectation. */
    {1, "Expect: x\n", 400},
    {1, "Content-Length: 5000\n", 400},
    {1, "Transfer-Encoding: gzip\n", 400},
    {1, HOST "Expect: x\nContent-Length: x\n", 400},
    {1, HOST "Expect: x\nTransfer-Encoding: gzip\n", 501},
};

static void forbidden_combinations_and_missing_fields_are_refused(struct rhb_test *t)
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
    {1, HOST "Content-Type: a/b\nContent-Typs: a/b\nX-Content-Type: a/b\n", RHB_BODY_NONE, 0, true,
     false, true},
    {1, HOST "TE: gzip\n", RHB_BODY_NONE, 0, true, false, true},
    /* Connection: close takes precedence, unknown options are ignored, repeated fields are one list
     */
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
static void an_upgrade_needs_http_1_1_and_no_content(struct rhb_test *t)
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

static void without_a_limit_every_length_is_accepted(struct rhb_test *t)
{
    struct rhb_framing plan =
        plan_within(0, 1, BYTES(HOST "Content-Length: 9223372036854775807\n"));
    CHECK_INT(plan.status, 0);
    CHECK_INT(plan.content_length, INT64_MAX);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(forbidden_combinations_and_missing_fields_are_refused),
        RHB_CASE(fields_become_a_plan),
        RHB_CASE(an_upgrade_needs_http_1_1_and_no_content),
        RHB_CASE(without_a_limit_every_length_is_accepted),
    };
    return RHB_RUN(cases);
}
