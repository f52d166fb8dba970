/* csrc/loop/parking.c and lingering.c: connections in epoll, their memory, and how they are closed.
 */
#include "loop_fixture.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static void a_kept_connection_is_used_again(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        for (int i = 0; i < 3; i++) {
            client_send_text(&f, &c, GET);
            CHECK_INT(answer_to(&f, &c), 200);
            CHECK(c.kept);
            UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
            CHECK_INT(f.loop->registered, 1);
        }
        CHECK_INT(first_parked(&f, RHB_CONN_IDLE)->requests, 3);
        client_close(&c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void the_board_shows_what_connections_wait_for(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_board board = {0};
    set_up_and_start(&f, t);
    f.loop->board = &board;
    struct client idle = client_new(&f, BY_TCP), slow = client_new(&f, BY_UNIX);
    client_send_text(&f, &idle, GET);
    CHECK_INT(answer_to(&f, &idle), 200);
    client_send_text(&f, &slow, "GET / HTTP/1.1\r\nHo");
    UNTIL(board.parked[RHB_CONN_IDLE] == 1 && board.parked[RHB_CONN_HEAD] == 1);
    client_close(&idle);
    client_close(&slow);
    UNTIL(board.parked[RHB_CONN_IDLE] == 0 && board.parked[RHB_CONN_HEAD] == 0);
    tear_down(&f);
}

static void an_idle_connection_has_no_buffer(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    UNTIL(parked(&f, RHB_CONN_BODY) == 1);
    client_send_text(&f, &c, "llo");
    CHECK_INT(answer_to(&f, &c), 200);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    const struct rhb_conn *conn = first_parked(&f, RHB_CONN_IDLE);
    CHECK(conn->in.data == NULL);
    CHECK(conn->incoming == NULL);
    client_close(&c);
    tear_down(&f);
}

static void the_last_request_that_is_allowed_closes(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.max_keepalive_requests = 2;
    start(&f);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET GET GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(c.kept);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(!c.kept);
    CHECK(ends_well(&f, &c));
    CHECK_INT(f.requests, 2);
    client_close(&c);
    tear_down(&f);
}

static void without_keep_alive_every_answer_closes(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.keep_alive = false;
    start(&f);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(!c.kept);
    CHECK(ends_well(&f, &c));
    client_close(&c);
    tear_down(&f);
}

static int unread(const struct rhb_conn *conn)
{
    int bytes = -1;
    return ioctl(conn->fd, FIONREAD, &bytes) == 0 ? bytes : -1;
}

/* When the request is refused, the socket holds megabytes already: there will be no edge for them.
 */
static void a_lingering_close_reads_all_that_had_come_before(struct rhb_test *t)
{
    enum { FLOOD = 3 << 20 };
    struct fixture f;
    int room = 8 * FLOOD;
    set_up(&f, t);
    CHECK_INT(setsockopt(f.listeners[BY_TCP].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room),
              0);
    start(&f);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\n");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1);
    const struct rhb_conn *conn = first_parked(&f, RHB_CONN_HEAD);
    char *flood = calloc(1, FLOOD);
    CHECK_INT(setsockopt(c.fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room), 0);
    client_send(&f, &c, flood, FLOOD);
    while (unread(conn) < FLOOD)
        poll(NULL, 0, 1);
    CHECK_INT(answer_to(&f, &c), 400);
    UNTIL(unread(conn) == 0);
    CHECK_INT(parked(&f, RHB_CONN_LINGER), 1);
    free(flood);
    client_close(&c);
    tear_down(&f);
}

static void an_answer_that_closes_survives_a_next_request_on_its_way(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = f.closes = true;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    UNTIL(f.held != NULL);
    client_send_text(&f, &c, GET GET GET);
    answer(&f, f.held);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &c));
    CHECK_INT(f.requests, 1);
    client_close(&c);
    tear_down(&f);
}

/* The same for a suspended response. */
static void a_long_answer_that_closes_survives_a_next_request(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.closes = true;
    f.padding = 8 << 20;
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(ends_well(&f, &c));
    CHECK_INT(c.body_len, 7 + f.padding);
    client_close(&c);
    tear_down(&f);
}

static void a_client_that_asked_to_close_is_not_lingered_for(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    UNTIL(f.requests == 1);
    CHECK_INT(f.loop->open, 0);
    client_close(&c);
    tear_down(&f);
}

/* Two events in one result of epoll_wait: handling the first closes the connection of the second.
 */
static void events_of_a_closed_connection_are_ignored(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client idle = client_new(&f, BY_UNIX), slow = client_new(&f, BY_UNIX);
    client_send_text(&f, &idle, GET);
    CHECK_INT(answer_to(&f, &idle), 200);
    f.padding = 8 << 20;
    client_send_text(&f, &slow, GET);
    UNTIL(parked(&f, RHB_CONN_SEND) == 1 && parked(&f, RHB_CONN_IDLE) == 1);
    poll_until_idle(&f);
    f.padding = 0;
    f.holds = true;
    client_send_text(&f, &idle, GET);
    client_has_answer(&slow); /* the socket becomes writable: the other event */
    UNTIL(f.held != NULL);
    CHECK_INT(f.loop->n_events - f.loop->at_event, 1);
    char **owner = rhb_loop_next_owner(f.loop);
    free(*owner);
    free(owner);
    unsigned writable = f.writable;
    answer(&f, f.held);
    CHECK_INT(answer_to(&f, &idle), 200);
    CHECK_INT(f.writable, writable);
    CHECK_INT(f.loop->open, 1);
    client_close(&idle);
    client_close(&slow);
    tear_down(&f);
}

/* As when the application has forked: then close(2) alone leaves the socket in epoll. */
static void a_connection_held_by_another_process_too_is_gone_for_the_loop(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_IDLE] = 20 * MS;
    start(&f);
    struct client c = client_new(&f, BY_UNIX), next = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 1);
    int held = dup(first_parked(&f, RHB_CONN_IDLE)->fd);
    UNTIL(parked(&f, RHB_CONN_IDLE) == 0);
    f.loop->options.timeouts[RHB_CONN_IDLE] = 60 * RHB_NS_PER_SECOND;
    client_send_text(&f, &next, GET);
    CHECK_INT(answer_to(&f, &next), 200);
    client_send_text(&f, &c, GET);
    poll_until_idle(&f);
    CHECK_INT(f.requests, 2);
    CHECK_INT(f.loop->open, 1);
    CHECK_INT(f.loop->registered, 1);
    close(held);
    client_close(&c);
    client_close(&next);
    tear_down(&f);
}

static void a_thousand_connections_come_and_go(struct rhb_test *t)
{
    enum { CLIENTS = 400 };
    struct fixture f;
    static struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            clients[i] = client_new(&f, BY_UNIX);
            client_send_text(&f, &clients[i], GET);
            if (i % 2)
                CHECK_INT(answer_to(&f, &clients[i]), 200);
        }
        for (int i = 0; i < CLIENTS; i += 2)
            CHECK_INT(answer_to(&f, &clients[i]), 200);
        UNTIL(parked(&f, RHB_CONN_IDLE) == CLIENTS);
        for (int i = 0; i < CLIENTS; i++)
            client_close(&clients[i]);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_kept_connection_is_used_again),
        RHB_CASE(the_board_shows_what_connections_wait_for),
        RHB_CASE(an_idle_connection_has_no_buffer),
        RHB_CASE(the_last_request_that_is_allowed_closes),
        RHB_CASE(without_keep_alive_every_answer_closes),
        RHB_CASE(a_lingering_close_reads_all_that_had_come_before),
        RHB_CASE(an_answer_that_closes_survives_a_next_request_on_its_way),
        RHB_CASE(a_long_answer_that_closes_survives_a_next_request),
        RHB_CASE(a_client_that_asked_to_close_is_not_lingered_for),
        RHB_CASE(events_of_a_closed_connection_are_ignored),
        RHB_CASE(a_connection_held_by_another_process_too_is_gone_for_the_loop),
        RHB_CASE(a_thousand_connections_come_and_go),
    };
    return RHB_RUN(cases);
}
