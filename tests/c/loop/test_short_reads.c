/* csrc/loop/intake.c when recv returns fewer bytes than the socket holds. Once a connection is in
 * epoll, there is no edge for bytes that were there already, so a short recv does not mean that the
 * socket is empty. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* This recv replaces that of the C library. */
static size_t at_most;

ssize_t recv(int fd, void *data, size_t len, int flags)
{
    if (at_most > 0 && len > at_most)
        len = at_most;
    return syscall(SYS_recvfrom, fd, data, len, flags, NULL, NULL);
}

/* A connection in epoll, idle. */
static struct client known_client(struct fixture *f, int by)
{
    struct rhb_test *t = f->t;
    struct client c = client_new(f, by);
    client_send_text(f, &c, GET("/known"));
    CHECK_INT(answer_to(f, &c), 200);
    poll_until_idle(f);
    CHECK_INT(parked(f, RHB_CONN_IDLE), 1);
    return c;
}

static void check_answers(struct fixture *f, struct client *c, const char *const *bodies)
{
    struct rhb_test *t = f->t;
    for (; *bodies != NULL; bodies++) {
        CHECK_INT(answer_to(f, c), 200);
        CHECK_STR(c->body, c->body_len, *bodies);
    }
}

/* All bytes are sent at once; the first recv returns one byte, then two, three ... */
static void check_cut(struct rhb_test *t, const char *sent, const char *const *bodies)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (size_t cut = 1; cut <= strlen(sent); cut += 1 + cut / 16) {
        for (int by = 0; by < LISTENERS; by++) {
            struct client c = known_client(&f, by);
            at_most = cut;
            client_send_text(&f, &c, sent);
            check_answers(&f, &c, bodies);
            at_most = 0;
            client_close(&c);
            UNTIL(f.loop->open == 0);
        }
    }
    tear_down(&f);
}

static void a_head_in_short_reads_is_read_to_its_end(struct rhb_test *t)
{
    check_cut(t, GET("/head"), (const char *[]){"GET /head 0", NULL});
}

static void a_parked_head_in_short_reads_is_read_to_its_end(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, "GET /parked HT");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->registered);
    poll_until_idle(&f);
    at_most = 4;
    client_send_text(&f, &c, "TP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    at_most = 0;
    client_close(&c);
    tear_down(&f);
}

static void a_head_that_is_read_on_keeps_its_deadline(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, "GET / HT");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1);
    struct rhb_conn *conn = first_parked(&f, RHB_CONN_HEAD);
    uint64_t deadline = --conn->deadline; /* one that the clock cannot give again */
    at_most = 1;
    client_send_text(&f, &c, "TP/1.1\r\nHo");
    UNTIL(conn->in.len == 18);
    poll_until_idle(&f);
    CHECK(conn->deadline == deadline);
    CHECK_INT(parked(&f, RHB_CONN_HEAD), 1);
    at_most = 0;
    client_close(&c);
    tear_down(&f);
}

static void a_later_head_that_has_begun_waits_as_one(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_UNIX);
    at_most = 1;
    client_send_text(&f, &c, "GET / HT");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len == 8);
    at_most = 0;
    client_close(&c);
    tear_down(&f);
}

static void bodies_in_short_reads_are_read_to_their_end(struct rhb_test *t)
{
    check_cut(t, "POST /length HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world",
              (const char *[]){"POST /length 11", NULL});
    check_cut(t,
              "POST /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
              "5\r\nhello\r\n0\r\n\r\n",
              (const char *[]){"POST /chunked 5", NULL});
}

/* Except those whose first recv ends right behind a request: see "Edge-triggered" in
 * docs/ARCHITECTURE.md. */
static void a_pipeline_in_reads_of_one_byte_loses_nothing(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    static const char *const bodies[] = {"GET /1 0", "POST /2 3", "POST /3 5", "GET /4 0", NULL};
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = known_client(&f, by);
        at_most = 1;
        client_send_text(
            &f, &c,
            GET("/1") "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
                      "POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                      "5\r\nhello\r\n0\r\n\r\n" GET("/4"));
        check_answers(&f, &c, bodies);
        at_most = 0;
        client_close(&c);
        UNTIL(f.loop->open == 0);
    }
    tear_down(&f);
}

/* ---- why recv itself returns less ---- */

static void urge(struct client *c)
{
    if (send(c->fd, "!", 1, MSG_OOB | MSG_NOSIGNAL) != 1)
        abort();
}

/* RFC 9293 section 3.8.5: the urgent byte is not part of the stream, unless SO_OOBINLINE is set;
 * recv ends before it. */
static void urgent_data_within_a_head_does_not_hold_it_up(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_TCP);
    client_send_text(&f, &c, "GET /urg");
    urge(&c);
    client_send_text(&f, &c, "ent HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /urgent 0");
    client_close(&c);
    tear_down(&f);
}

static void urgent_data_within_a_body_does_not_hold_it_up(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_TCP);
    client_send_text(&f, &c, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo");
    urge(&c);
    client_send_text(&f, &c, "dy");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(f.body.data, f.body.len, "body");
    client_close(&c);
    tear_down(&f);
}

static void urgent_data_between_two_requests_does_not_hold_up_the_second(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_TCP);
    client_send_text(&f, &c, GET("/1"));
    urge(&c);
    client_send_text(&f, &c, GET("/2"));
    check_answers(&f, &c, (const char *[]){"GET /1 0", "GET /2 0", NULL});
    client_close(&c);
    tear_down(&f);
}

static void urgent_data_alone_is_nothing(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_TCP);
    urge(&c);
    poll_until_idle(&f);
    CHECK_INT(parked(&f, RHB_CONN_IDLE), 1);
    client_send_text(&f, &c, GET("/after"));
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /after 0");
    client_close(&c);
    tear_down(&f);
}

/* In Linux a recv stops behind a message with descriptors (SCM_RIGHTS, unix(7)). */
static void a_descriptor_within_a_head_does_not_hold_it_up(struct rhb_test *t)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    static char first[] = "GET /with";
    struct iovec part = {.iov_base = first, .iov_len = sizeof first - 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = known_client(&f, BY_UNIX);
    memcpy(CMSG_DATA(&control.header), &c.fd, sizeof c.fd);
    CHECK_INT(sendmsg(c.fd, &message, MSG_NOSIGNAL), part.iov_len);
    client_send_text(&f, &c, "-descriptor HTTP/1.1\r\nHost: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_STR(c.body, c.body_len, "GET /with-descriptor 0");
    client_close(&c);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_head_in_short_reads_is_read_to_its_end),
        RHB_CASE(a_parked_head_in_short_reads_is_read_to_its_end),
        RHB_CASE(a_head_that_is_read_on_keeps_its_deadline),
        RHB_CASE(a_later_head_that_has_begun_waits_as_one),
        RHB_CASE(bodies_in_short_reads_are_read_to_their_end),
        RHB_CASE(a_pipeline_in_reads_of_one_byte_loses_nothing),
        RHB_CASE(urgent_data_within_a_head_does_not_hold_it_up),
        RHB_CASE(urgent_data_within_a_body_does_not_hold_it_up),
        RHB_CASE(urgent_data_between_two_requests_does_not_hold_up_the_second),
        RHB_CASE(urgent_data_alone_is_nothing),
        RHB_CASE(a_descriptor_within_a_head_does_not_hold_it_up),
    };
    return RHB_RUN(cases);
}
