/* csrc/loop/handover.c: sockets that the application takes over, and how their connections end. */
#define _GNU_SOURCE
#include "loop/handover.h"
#include "loop/socket_io.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

struct upgraded {
    struct client c;
    struct rhb_conn *conn;
    int fd;   /* the connection's own */
    int copy; /* the copy of the application, a blocking socket */
};

/* A request, perhaps a later one of its connection, whose socket the application has taken over. */
static struct upgraded hand_over(struct fixture *f, int by, bool parked_before)
{
    struct rhb_test *t = f->t;
    struct upgraded upgraded = {.c = client_new(f, by)};
    f->holds = false;
    if (parked_before) {
        client_send_text(f, &upgraded.c, GET);
        CHECK_INT(answer_to(f, &upgraded.c), 200);
        poll_until_idle(f);
    }
    f->holds = true;
    client_send_text(f, &upgraded.c, GET);
    restart_timer(f);
    while (f->held == NULL && step(f))
        ;
    CHECK(f->held != NULL);
    upgraded.conn = f->held;
    f->held = NULL;
    upgraded.copy = dup(upgraded.conn->fd);
    upgraded.fd = rhb_hand_over(f->loop, upgraded.conn);
    CHECK_INT(upgraded.conn->fd, -1);
    CHECK_INT(fcntl(upgraded.copy, F_SETFL, fcntl(upgraded.copy, F_GETFL) & ~O_NONBLOCK), 0);
    return upgraded;
}

static char next_byte(struct fixture *f, struct client *c)
{
    char byte = 0;
    size_t got;
    restart_timer(f);
    while (rhb_recv(c->fd, &byte, 1, &got) == RHB_IO_AGAIN && step(f))
        ;
    return byte;
}

static void only_the_application_reads_the_socket(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int i = 0; i < 2 * LISTENERS; i++) {
        struct upgraded upgraded = hand_over(&f, i % LISTENERS, i >= LISTENERS);
        char byte = 0;
        client_send_text(&f, &upgraded.c, "x");
        poll_until_idle(&f);
        CHECK_INT(read(upgraded.copy, &byte, 1), 1);
        CHECK_INT(byte, 'x');
        CHECK_INT(write(upgraded.copy, "y", 1), 1);
        CHECK_INT(next_byte(&f, &upgraded.c), 'y');
        close(upgraded.copy);
        rhb_take_back(upgraded.conn, upgraded.fd);
        rhb_hand_over_end(f.loop, upgraded.conn, false);
        CHECK(ends_well(&f, &upgraded.c));
        client_close(&upgraded.c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void the_connection_counts_as_open_until_the_application_is_done(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct upgraded upgraded = hand_over(&f, BY_TCP, true);
    rhb_loop_stop(f.loop);
    poll_until_idle(&f);
    CHECK_INT(f.drained, 0);
    close(upgraded.copy);
    rhb_take_back(upgraded.conn, upgraded.fd);
    rhb_hand_over_end(f.loop, upgraded.conn, false);
    client_close(&upgraded.c);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

/* They would keep the loop busy, or be read as a request. */
static void the_loop_ignores_events_of_the_socket(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct upgraded upgraded = hand_over(&f, by, true);
        client_send_text(&f, &upgraded.c, GET);
        client_shut(&upgraded.c);
        poll_until_idle(&f);
        unsigned waits = f.waits, requests = f.requests;
        for (int i = 0; i < 5; i++)
            poll_until_idle(&f);
        CHECK(f.waits - waits <= 10);
        CHECK_INT(f.requests, requests);
        close(upgraded.copy);
        rhb_take_back(upgraded.conn, upgraded.fd);
        rhb_hand_over_end(f.loop, upgraded.conn, false);
        client_close(&upgraded.c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

/* The application's last bytes are not lost to a reset. */
static void a_client_that_still_sends_sees_the_end(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct upgraded upgraded = hand_over(&f, BY_TCP, false);
    client_send_text(&f, &upgraded.c, "not read");
    CHECK_INT(write(upgraded.copy, "z", 1), 1);
    close(upgraded.copy);
    rhb_take_back(upgraded.conn, upgraded.fd);
    rhb_hand_over_end(f.loop, upgraded.conn, false);
    client_send_text(&f, &upgraded.c, "nor this");
    CHECK_INT(next_byte(&f, &upgraded.c), 'z');
    CHECK(ends_well(&f, &upgraded.c));
    CHECK_INT(parked(&f, RHB_CONN_LINGER), 1);
    client_close(&upgraded.c);
    tear_down(&f);
}

/* It may have a last message to send, and one to receive. */
static void the_holder_of_a_copy_may_still_send_and_receive(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct upgraded upgraded = hand_over(&f, by, by == BY_TCP);
        char byte = 0;
        rhb_take_back(upgraded.conn, upgraded.fd);
        rhb_hand_over_end(f.loop, upgraded.conn, true);
        poll_until_idle(&f);
        CHECK_INT(write(upgraded.copy, "z", 1), 1);
        CHECK_INT(next_byte(&f, &upgraded.c), 'z');
        client_send_text(&f, &upgraded.c, "y");
        poll_until_idle(&f);
        CHECK_INT(read(upgraded.copy, &byte, 1), 1);
        CHECK_INT(byte, 'y');
        CHECK_INT(parked(&f, RHB_CONN_LINGER), 1);
        client_shut(&upgraded.c);
        CHECK(ends_well(&f, &upgraded.c));
        CHECK_INT(f.loop->open, 0);
        close(upgraded.copy);
        client_close(&upgraded.c);
    }
    tear_down(&f);
}

static void the_holder_of_a_copy_sees_the_end_at_the_deadline(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_LINGER] = 20 * MS;
    start(&f);
    for (int by = 0; by < LISTENERS; by++) {
        struct upgraded upgraded = hand_over(&f, by, false);
        char byte;
        rhb_take_back(upgraded.conn, upgraded.fd);
        rhb_hand_over_end(f.loop, upgraded.conn, true);
        UNTIL(f.loop->open == 0);
        CHECK_INT(read(upgraded.copy, &byte, 1), 0);
        CHECK(ends_well(&f, &upgraded.c));
        close(upgraded.copy);
        client_close(&upgraded.c);
    }
    tear_down(&f);
}

static void a_copy_stays_open_after_the_connection(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct upgraded upgraded = hand_over(&f, BY_TCP, true);
    rhb_take_back(upgraded.conn, upgraded.fd);
    rhb_loop_abort(f.loop, upgraded.conn);
    CHECK_INT(f.loop->open, 0);
    CHECK_INT(write(upgraded.copy, "z", 1), 1);
    CHECK_INT(next_byte(&f, &upgraded.c), 'z');
    CHECK(!client_sees_end(&upgraded.c));
    close(upgraded.copy);
    client_close(&upgraded.c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(only_the_application_reads_the_socket),
        RHB_CASE(the_connection_counts_as_open_until_the_application_is_done),
        RHB_CASE(the_loop_ignores_events_of_the_socket),
        RHB_CASE(a_client_that_still_sends_sees_the_end),
        RHB_CASE(the_holder_of_a_copy_may_still_send_and_receive),
        RHB_CASE(the_holder_of_a_copy_sees_the_end_at_the_deadline),
        RHB_CASE(a_copy_stays_open_after_the_connection),
    };
    return RHB_RUN(cases);
}
