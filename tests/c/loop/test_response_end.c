/* csrc/loop/response_end.c: suspended responses, their owners, and aborted requests. */
#include "loop_fixture.h"
#include <stdlib.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_response_that_the_socket_does_not_take_is_suspended(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, GET);
        UNTIL(parked(&f, RHB_CONN_SEND) == 1);
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(c.body_len, 7 + f.padding);
        CHECK(c.kept);
        UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
        client_close(&c);
        UNTIL(f.loop->open == 0);
    }
    CHECK(f.writable > 2);
    CHECK_INT(f.lost, 0);
    tear_down(&f);
}

static void other_connections_are_served_while_a_response_is_suspended(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client slow = client_new(&f, BY_TCP), c = client_new(&f, BY_TCP);
    f.padding = 8 << 20;
    client_send_text(&f, &slow, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    f.padding = 0;
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(parked(&f, RHB_CONN_SEND), 1);
    CHECK_INT(answer_to(&f, &slow), 200);
    client_close(&slow);
    client_close(&c);
    tear_down(&f);
}

static void a_pipeline_continues_after_a_suspended_response(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 1 << 20;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    CHECK_INT(f.requests, 1);
    for (int i = 0; i < 3; i++) {
        CHECK_INT(answer_to(&f, &c), 200);
        CHECK_INT(c.body_len, 7 + f.padding);
    }
    client_close(&c);
    tear_down(&f);
}

static void a_half_closed_client_gets_a_whole_long_response(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    client_shut(&c);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(c.body_len, 7 + f.padding);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static void owners_of_suspended_responses_can_be_released(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.padding = 8 << 20;
    struct client c[2] = {client_new(&f, BY_TCP), client_new(&f, BY_UNIX)};
    client_send_text(&f, &c[0], GET);
    client_send_text(&f, &c[1], GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 2);
    for (int i = 0; i < 2; i++) {
        char **owner = rhb_loop_next_owner(f.loop);
        CHECK(owner != NULL);
        free(*owner);
        free(owner);
    }
    CHECK(rhb_loop_next_owner(f.loop) == NULL);
    CHECK_INT(f.loop->open, 0);
    client_close(&c[0]);
    client_close(&c[1]);
    tear_down(&f);
}

static void an_aborted_request_closes_its_connection(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\no");
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_send_text(&f, &c, "k");
    UNTIL(f.held != NULL);
    rhb_loop_abort(f.loop, f.held);
    f.held = NULL;
    UNTIL(client_sees_end(&c));
    CHECK_INT(c.got.len, 0);
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_response_that_the_socket_does_not_take_is_suspended),
        RHB_CASE(other_connections_are_served_while_a_response_is_suspended),
        RHB_CASE(a_pipeline_continues_after_a_suspended_response),
        RHB_CASE(a_half_closed_client_gets_a_whole_long_response),
        RHB_CASE(owners_of_suspended_responses_can_be_released),
        RHB_CASE(an_aborted_request_closes_its_connection),
    };
    return RHB_RUN(cases);
}
