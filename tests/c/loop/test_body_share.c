/* How long bodies are received before epoll is asked again. The clock of this program runs only
 * while it reads: so the reads between two looks at epoll can be counted. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define A_READ (MS / 10)
enum { SHARE = 10 /* reads in RHB_BODY_SHARE */, CROWD = 60 };

#define CHUNKED "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define LONG "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 500000000\r\n\r\n"
#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static uint64_t read_ns; /* what the reads have cost so far */
static unsigned looks, reads, most_reads;
static int endless = -1;      /* a descriptor on which bytes never end ... */
static unsigned endless_left; /* ... but after so many reads */

/* ---- in place of the C library's ---- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_MONOTONIC)
        return (int)syscall(SYS_clock_gettime, clock, now);
    now->tv_sec = (time_t)(read_ns / RHB_NS_PER_SECOND);
    now->tv_nsec = (long)(read_ns % RHB_NS_PER_SECOND);
    return 0;
}

int epoll_wait(int epoll, struct epoll_event *events, int max, int timeout_ms)
{
    looks++;
    reads = 0;
    return epoll_pwait(epoll, events, max, timeout_ms, NULL);
}

/* One-byte chunks, each read cut after a whole one. */
static ssize_t put_chunks(char *data, size_t cap)
{
    size_t len = 0;
    for (; len + 6 <= cap; len += 6)
        memcpy(data + len, "1\r\nx\r\n", 6);
    if (endless_left == 1)
        memcpy(data + len - 6, "0\r\n\r\n ", 5);
    return (ssize_t)(endless_left == 1 ? len - 1 : len);
}

ssize_t recv(int fd, void *data, size_t cap, int flags)
{
    read_ns += A_READ;
    reads++;
    if (reads > most_reads)
        most_reads = reads;
    if (fd != endless || endless_left == 0)
        return recvfrom(fd, data, cap, flags, NULL, NULL);
    ssize_t got = put_chunks(data, cap);
    endless_left--;
    return got;
}

/* ---- a share of the time ---- */

/* A connection whose body is arriving. */
static struct client uploader(struct fixture *f, const char *head)
{
    struct rhb_test *t = f->t;
    struct client c = client_new(f, BY_UNIX);
    size_t before = parked(f, RHB_CONN_BODY);
    client_send_text(f, &c, head);
    restart_timer(f);
    while (parked(f, RHB_CONN_BODY) == before && step(f))
        ;
    CHECK_INT(parked(f, RHB_CONN_BODY), before + 1);
    return c;
}

static void never_end(struct fixture *f, struct client *c, unsigned n)
{
    endless = first_parked(f, RHB_CONN_BODY)->fd;
    endless_left = n;
    client_send(f, c, "1", 1);
    looks = reads = most_reads = 0;
}

static void epoll_is_asked_again_after_a_millisecond_of_a_body(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = uploader(&f, CHUNKED);
    never_end(&f, &c, 1000);
    UNTIL(f.requests == 1);
    CHECK_INT(endless_left, 0);
    CHECK(most_reads <= SHARE + 1);
    CHECK(looks >= 1000 / (SHARE + 1) && looks <= 1000 / SHARE + 10);
    client_close(&c);
    tear_down(&f);
}

static void a_new_connection_is_served_beside_an_endless_body(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = uploader(&f, CHUNKED), other = client_new(&f, BY_UNIX);
    never_end(&f, &c, 1000);
    client_send_text(&f, &other, GET);
    UNTIL(f.requests == 1);
    CHECK(endless_left > 1000 - 3 * SHARE);
    CHECK_INT(answer_to(&f, &other), 200);
    client_close(&other);
    client_close(&c);
    tear_down(&f);
}

/* Events of one look that are still to be handled are not lost by the next. */
static void many_bodies_of_one_look_share_the_millisecond(struct rhb_test *t)
{
    struct fixture f;
    struct client crowd[CROWD];
    set_up_and_start(&f, t);
    for (int i = 0; i < CROWD; i++)
        crowd[i] = uploader(&f, LONG);
    for (int i = 0; i < CROWD; i++)
        client_send_text(&f, &crowd[i], "some bytes");
    looks = reads = most_reads = 0;
    size_t received = 0;
    UNTIL(f.must_wait);
    poll_until_idle(&f);
    const struct rhb_link *head = &f.loop->parked[RHB_CONN_BODY];
    for (const struct rhb_link *link = head->next; link != head; link = link->next)
        received += ((const struct rhb_conn *)link)->incoming->body.len == 10;
    CHECK_INT(received, CROWD);
    CHECK(most_reads <= SHARE + 2);
    for (int i = 0; i < CROWD; i++)
        client_close(&crowd[i]);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(epoll_is_asked_again_after_a_millisecond_of_a_body),
        RHB_CASE(a_new_connection_is_served_beside_an_endless_body),
        RHB_CASE(many_bodies_of_one_look_share_the_millisecond),
    };
    return RHB_RUN(cases);
}
