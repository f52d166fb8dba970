/* csrc/loop/handover.c: sockets that the application takes, and how their connections end. */
#define _GNU_SOURCE
#include "loop/handover.h"
#include "loop/socket_io.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

struct taken {
    struct client c;
    struct rhb_conn *conn;
    int fd;   /* the connection's own */
    int copy; /* the application's, blocking as it wants them */
};

/* A request, perhaps a later one of its connection, whose socket the application has taken. */
static struct taken take(struct fixture *f, int by, bool parked_before)
{
    struct rhb_test *t = f->t;
    struct taken taken = {.c = client_new(f, by)};
    f->holds = false;
    if (parked_before) {
        client_says(f, &taken.c, GET);
        CHECK_INT(answer_to(f, &taken.c), 200);
        settle(f);
    }
    f->holds = true;
    client_says(f, &taken.c, GET);
    patience(f);
    while (f->held == NULL && step(f))
        ;
    CHECK(f->held != NULL);
    taken.conn = f->held;
    f->held = NULL;
    taken.copy = dup(taken.conn->fd);
    taken.fd = rhb_hand_over(f->loop, taken.conn);
    CHECK_INT(taken.conn->fd, -1);
    CHECK_INT(fcntl(taken.copy, F_SETFL, fcntl(taken.copy, F_GETFL) & ~O_NONBLOCK), 0);
    return taken;
}

static char next_byte(struct fixture *f, struct client *c)
{
    char byte = 0;
    size_t got;
    patience(f);
    while (rhb_recv(c->fd, &byte, 1, &got) == RHB_IO_AGAIN && step(f))
        ;
    return byte;
}

static void the_application_has_the_bytes_for_itself(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int i = 0; i < 2 * LISTENERS; i++) {
        struct taken taken = take(&f, i % LISTENERS, i >= LISTENERS);
        char byte = 0;
        client_says(&f, &taken.c, "x");
        settle(&f);
        CHECK_INT(read(taken.copy, &byte, 1), 1);
        CHECK_INT(byte, 'x');
        CHECK_INT(write(taken.copy, "y", 1), 1);
        CHECK_INT(next_byte(&f, &taken.c), 'y');
        close(taken.copy);
        rhb_take_back(taken.conn, taken.fd);
        rhb_hand_over_end(f.loop, taken.conn, false);
        CHECK(ends_well(&f, &taken.c));
        client_close(&taken.c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

static void it_counts_as_open_until_the_application_is_done(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct taken taken = take(&f, BY_TCP, true);
    rhb_loop_stop(f.loop);
    settle(&f);
    CHECK_INT(f.drained, 0);
    close(taken.copy);
    rhb_take_back(taken.conn, taken.fd);
    rhb_hand_over_end(f.loop, taken.conn, false);
    client_close(&taken.c);
    UNTIL(f.drained > 0);
    tear_down(&f);
}

/* It would make the loop busy, or be taken for a request. */
static void what_happens_to_the_socket_meanwhile_is_none_of_the_loops_business(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct taken taken = take(&f, by, true);
        client_says(&f, &taken.c, GET);
        client_shut(&taken.c);
        settle(&f);
        unsigned waits = f.waits, requests = f.requests;
        for (int i = 0; i < 5; i++)
            settle(&f);
        CHECK(f.waits - waits <= 10);
        CHECK_INT(f.requests, requests);
        close(taken.copy);
        rhb_take_back(taken.conn, taken.fd);
        rhb_hand_over_end(f.loop, taken.conn, false);
        client_close(&taken.c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

/* The application's last bytes are not lost to a reset. */
static void a_client_that_still_sends_sees_the_end(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct taken taken = take(&f, BY_TCP, false);
    client_says(&f, &taken.c, "not read");
    CHECK_INT(write(taken.copy, "z", 1), 1);
    close(taken.copy);
    rhb_take_back(taken.conn, taken.fd);
    rhb_hand_over_end(f.loop, taken.conn, false);
    client_says(&f, &taken.c, "nor this");
    CHECK_INT(next_byte(&f, &taken.c), 'z');
    CHECK(ends_well(&f, &taken.c));
    CHECK_INT(parked(&f, RHB_CONN_LINGER), 1);
    client_close(&taken.c);
    tear_down(&f);
}

/* It may have a last word to say, and one to hear. */
static void whoever_still_has_a_copy_may_say_goodbye(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct taken taken = take(&f, by, by == BY_TCP);
        char byte = 0;
        rhb_take_back(taken.conn, taken.fd);
        rhb_hand_over_end(f.loop, taken.conn, true);
        settle(&f);
        CHECK_INT(write(taken.copy, "z", 1), 1);
        CHECK_INT(next_byte(&f, &taken.c), 'z');
        client_says(&f, &taken.c, "y");
        settle(&f);
        CHECK_INT(read(taken.copy, &byte, 1), 1);
        CHECK_INT(byte, 'y');
        CHECK_INT(parked(&f, RHB_CONN_LINGER), 1);
        client_shut(&taken.c);
        CHECK(ends_well(&f, &taken.c));
        CHECK_INT(f.loop->open, 0);
        close(taken.copy);
        client_close(&taken.c);
    }
    tear_down(&f);
}

static void and_sees_the_end_when_the_client_does_not_close(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_LINGER] = 20 * MS;
    start(&f);
    for (int by = 0; by < LISTENERS; by++) {
        struct taken taken = take(&f, by, false);
        char byte;
        rhb_take_back(taken.conn, taken.fd);
        rhb_hand_over_end(f.loop, taken.conn, true);
        UNTIL(f.loop->open == 0);
        CHECK_INT(read(taken.copy, &byte, 1), 0);
        CHECK(ends_well(&f, &taken.c));
        close(taken.copy);
        client_close(&taken.c);
    }
    tear_down(&f);
}

static void a_copy_that_is_kept_for_good_outlives_the_connection(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct taken taken = take(&f, BY_TCP, true);
    rhb_take_back(taken.conn, taken.fd);
    rhb_loop_abort(f.loop, taken.conn);
    CHECK_INT(f.loop->open, 0);
    CHECK_INT(write(taken.copy, "z", 1), 1);
    CHECK_INT(next_byte(&f, &taken.c), 'z');
    CHECK(!client_sees_end(&taken.c));
    close(taken.copy);
    client_close(&taken.c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_application_has_the_bytes_for_itself),
        RHB_CASE(it_counts_as_open_until_the_application_is_done),
        RHB_CASE(what_happens_to_the_socket_meanwhile_is_none_of_the_loops_business),
        RHB_CASE(a_client_that_still_sends_sees_the_end),
        RHB_CASE(whoever_still_has_a_copy_may_say_goodbye),
        RHB_CASE(and_sees_the_end_when_the_client_does_not_close),
        RHB_CASE(a_copy_that_is_kept_for_good_outlives_the_connection),
    };
    return RHB_RUN(cases);
}
