/* csrc/loop/connection.c: the memory of a connection. */
#include "base/live.h"
#include "harness.h"
#include "loop/connection.h"
#include <stdlib.h>

static void dropping_the_incoming_request_frees_its_body(struct rhb_test *t)
{
    struct rhb_conn conn = {.incoming = calloc(1, sizeof *conn.incoming)};
    RHB_LIVE_BORN(RHB_LIVE_INCOMING);
    rhb_body_init(&conn.incoming->body, 0, 100, NULL);
    CHECK_INT(rhb_body_append(&conn.incoming->body, "hello", 5), RHB_BODY_OK);
    rhb_conn_drop_incoming(&conn);
    CHECK(conn.incoming == NULL);
    rhb_conn_drop_incoming(&conn);
    CHECK_INT(rhb_live_count(RHB_LIVE_INCOMING), 0);
    CHECK_INT(rhb_live_count(RHB_LIVE_BODY), 0);
}

static void dropping_the_input_resets_head_seen(struct rhb_test *t)
{
    struct rhb_conn conn = {.head_seen = 3};
    CHECK(rhb_bytes_append(&conn.in, "GET", 3));
    rhb_conn_drop_input(&conn);
    CHECK(conn.in.data == NULL && conn.in.len == 0);
    CHECK_INT(conn.head_seen, 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(dropping_the_incoming_request_frees_its_body),
        RHB_CASE(dropping_the_input_resets_head_seen),
    };
    return RHB_RUN(cases);
}
