/* csrc/loop/listeners.c: which connection is accepted when, and what happens when none can be. */
#define _GNU_SOURCE
#include "loop_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
#define KEEP "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* This epoll_ctl replaces that of the C library, to refuse a listener when the test wants it. */
static int refused_adds;

int epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
    if (op == EPOLL_CTL_ADD && (event->events & EPOLLEXCLUSIVE) && refused_adds > 0) {
        refused_adds--;
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_epoll_ctl, epoll, op, fd, event);
}

/* The same for accept4: it fails with these errors, one for each call, up to 0. */
static int accept_errors[8];

int accept4(int fd, struct sockaddr *address, socklen_t *len, int flags)
{
    int error = accept_errors[0];
    if (error == 0)
        return (int)syscall(SYS_accept4, fd, address, len, flags);
    memmove(accept_errors, accept_errors + 1, sizeof accept_errors - sizeof *accept_errors);
    errno = error;
    return -1;
}

static struct rlimit usual;

/* No descriptor from first on can be opened. */
static void forbid_fds(struct fixture *f, int first)
{
    struct rhb_test *t = f->t;
    struct rlimit few;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &usual), 0);
    few = usual;
    few.rlim_cur = (rlim_t)first;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &few), 0);
}

static void allow_fds(struct fixture *f)
{
    struct rhb_test *t = f->t;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &usual), 0);
}

static int lowest_free_fd(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static bool is_nonblocking(int fd)
{
    return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void a_blocking_listener_is_made_non_blocking(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    for (int i = 0; i < LISTENERS; i++)
        CHECK_INT(fcntl(f.listeners[i].fd, F_SETFL, 0), 0);
    start(&f);
    for (int i = 0; i < LISTENERS; i++)
        CHECK(is_nonblocking(f.listeners[i].fd));
    tear_down(&f);
}

/* Other generations share the flag, and one of them may have cleared it. */
static void a_flag_that_was_cleared_is_set_again(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    poll_until_idle(&f);
    CHECK_INT(fcntl(f.listeners[BY_TCP].fd, F_SETFL, 0), 0);
    UNTIL(is_nonblocking(f.listeners[BY_TCP].fd));
    tear_down(&f);
}

static void listeners_are_served_in_turn(struct rhb_test *t)
{
    enum { EACH = 20 };
    struct fixture f;
    struct client clients[LISTENERS * EACH];
    int count[LISTENERS] = {0};
    set_up_and_start(&f, t);
    f.holds = true;
    for (int i = 0; i < LISTENERS * EACH; i++) {
        clients[i] = client_new(&f, i / EACH);
        client_send_text(&f, &clients[i], GET);
    }
    for (int i = 0; i < LISTENERS * EACH; i++) {
        UNTIL(f.held != NULL);
        count[f.held->listener]++;
        CHECK(abs(count[BY_UNIX] - count[BY_TCP]) <= 2);
        answer(&f, f.held);
    }
    for (int i = 0; i < LISTENERS * EACH; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

static void a_burst_is_accepted_to_its_end(struct rhb_test *t)
{
    enum { CLIENTS = 100 };
    struct fixture f;
    struct client clients[CLIENTS];
    set_up_and_start(&f, t);
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = client_new(&f, BY_UNIX);
        client_send_text(&f, &clients[i], GET);
    }
    UNTIL(f.requests == CLIENTS);
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_INT(answer_to(&f, &clients[i]), 200);
        client_close(&clients[i]);
    }
    tear_down(&f);
}

/* An idle worker accepts only what it serves at once: another worker accepts the next connection.
 */
static void only_one_connection_is_accepted_before_it_is_served(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client one = client_new(&f, BY_UNIX), two = client_new(&f, BY_UNIX);
    client_send_text(&f, &one, GET);
    client_send_text(&f, &two, GET);
    UNTIL(f.held != NULL);
    CHECK_INT(f.loop->open, 1);
    answer(&f, f.held);
    UNTIL(f.held != NULL);
    CHECK_INT(f.loop->open, 1);
    answer(&f, f.held);
    client_close(&one);
    client_close(&two);
    tear_down(&f);
}

static void without_descriptors_the_longest_idle_connection_is_closed(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client idle[2], c;
    for (int i = 0; i < 2; i++) {
        idle[i] = client_new(&f, BY_UNIX);
        client_send_text(&f, &idle[i], KEEP);
        CHECK_INT(answer_to(&f, &idle[i]), 200);
    }
    UNTIL(parked(&f, RHB_CONN_IDLE) == 2);
    c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    forbid_fds(&f, lowest_free_fd());
    CHECK_INT(answer_to(&f, &c), 200);
    allow_fds(&f);
    CHECK(client_sees_end(&idle[0]));
    CHECK(!client_sees_end(&idle[1]));
    CHECK_INT(f.loop->accept_again_at, 0);
    for (int i = 0; i < 2; i++)
        client_close(&idle[i]);
    client_close(&c);
    tear_down(&f);
}

static void without_descriptors_or_idle_connections_accepting_pauses(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    poll_until_idle(&f);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    forbid_fds(&f, lowest_free_fd());
    UNTIL(f.loop->accept_again_at != 0);
    CHECK(!f.loop->listeners[BY_UNIX].armed && !f.loop->listeners[BY_TCP].armed);
    uint64_t paused_until = f.loop->accept_again_at;
    unsigned waits = f.waits;
    UNTIL(f.loop->accept_again_at > paused_until);
    CHECK(f.waits - waits < 10);
    allow_fds(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(f.loop->accept_again_at, 0);
    client_close(&c);
    tear_down(&f);
}

static void open_connections_are_served_while_accepting_pauses(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client other = client_new(&f, BY_UNIX);
    client_send_text(&f, &other, "GET / HTTP/1.1\r\n");
    UNTIL(parked(&f, RHB_CONN_HEAD) == 1 && first_parked(&f, RHB_CONN_HEAD)->in.len > 0);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    forbid_fds(&f, lowest_free_fd());
    UNTIL(f.loop->accept_again_at != 0);
    client_send_text(&f, &other, "Host: a\r\n\r\n");
    CHECK_INT(answer_to(&f, &other), 200);
    allow_fds(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&other);
    client_close(&c);
    tear_down(&f);
}

static void a_listener_that_epoll_refuses_after_a_pause_is_tried_again(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    forbid_fds(&f, lowest_free_fd());
    UNTIL(f.loop->accept_again_at != 0);
    refused_adds = 2;
    allow_fds(&f);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(refused_adds, 0);
    CHECK(f.loop->listeners[BY_UNIX].armed && f.loop->listeners[BY_TCP].armed);
    client_close(&c);
    tear_down(&f);
}

/* One listener has been closed: those behind it are armed again, and the loop does not wait for it.
 */
static void a_closed_listener_does_not_stop_the_others(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    poll_until_idle(&f);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    forbid_fds(&f, lowest_free_fd());
    UNTIL(f.loop->accept_again_at != 0);
    allow_fds(&f);
    int copy = dup(f.listeners[BY_UNIX].fd);
    close(f.listeners[BY_UNIX].fd);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK(f.loop->listeners[BY_TCP].armed && !f.loop->listeners[BY_UNIX].armed);
    CHECK_INT(f.loop->accept_again_at, 0);
    CHECK_INT(dup2(copy, f.listeners[BY_UNIX].fd), f.listeners[BY_UNIX].fd);
    close(copy);
    client_close(&c);
    tear_down(&f);
}

static void a_listener_that_epoll_refuses_at_the_start_is_an_error(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    refused_adds = 1;
    CHECK(rhb_loop_new(&f.options, f.listeners, LISTENERS, f.wake[0]) == NULL);
    CHECK_INT(errno, ENOSPC);
    start(&f);
    tear_down(&f);
}

static void more_listeners_than_a_connection_can_name_are_an_error(struct rhb_test *t)
{
    static const struct rhb_listener many[RHB_MAX_LISTENERS + 1];
    struct fixture f;
    set_up_and_start(&f, t);
    CHECK(rhb_loop_new(&f.options, many, RHB_MAX_LISTENERS + 1, -1) == NULL);
    CHECK_INT(errno, EINVAL);
    tear_down(&f);
}

static void a_listener_that_was_shut_down_does_not_keep_the_worker_awake(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    poll_until_idle(&f);
    CHECK_INT(shutdown(f.listeners[BY_UNIX].fd, SHUT_RDWR), 0);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    poll_until_idle(&f);
    uint64_t tick = f.loop->tick_at;
    unsigned waits = f.waits;
    UNTIL(f.loop->tick_at > tick);
    CHECK(f.waits - waits < 10);
    client_close(&c);
    tear_down(&f);
}

static void errors_of_one_connection_do_not_stop_accepting(struct rhb_test *t)
{
    static const int errors[] = {ECONNABORTED, EINTR, EPROTO, EPERM, ENETDOWN, ENOBUFS, ENOMEM};
    struct fixture f;
    set_up_and_start(&f, t);
    memcpy(accept_errors, errors, sizeof errors);
    struct client c = client_new(&f, BY_TCP);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(accept_errors[0], 0);
    client_close(&c);
    tear_down(&f);
}

static void a_connection_that_has_ended_in_the_backlog_is_ignored(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    for (int by = 0; by < LISTENERS; by++) {
        struct client gone = client_new(&f, by), c = client_new(&f, by);
        client_send_text(&f, &gone, GET);
        client_reset(&gone);
        client_send_text(&f, &c, GET);
        CHECK_INT(answer_to(&f, &c), 200);
        client_close(&c);
    }
    tear_down(&f);
}

static void peers_are_known_by_their_address(struct rhb_test *t)
{
    struct fixture f;
    char text[RHB_PEER_TEXT];
    set_up_and_start(&f, t);
    f.holds = true;
    for (int by = 0; by < LISTENERS; by++) {
        struct sockaddr_in own = {0};
        socklen_t len = sizeof own;
        struct client c = client_new(&f, by);
        client_send_text(&f, &c, GET);
        UNTIL(f.held != NULL);
        getsockname(c.fd, (struct sockaddr *)&own, &len);
        size_t written = rhb_peer_text(&f.held->peer, text);
        CHECK_STR(text, written, by == BY_TCP ? "127.0.0.1" : "");
        CHECK_INT(f.held->peer.port, by == BY_TCP ? ntohs(own.sin_port) : 0);
        answer(&f, f.held);
        client_close(&c);
    }
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_blocking_listener_is_made_non_blocking),
        RHB_CASE(a_flag_that_was_cleared_is_set_again),
        RHB_CASE(listeners_are_served_in_turn),
        RHB_CASE(a_burst_is_accepted_to_its_end),
        RHB_CASE(only_one_connection_is_accepted_before_it_is_served),
        RHB_CASE(without_descriptors_the_longest_idle_connection_is_closed),
        RHB_CASE(without_descriptors_or_idle_connections_accepting_pauses),
        RHB_CASE(open_connections_are_served_while_accepting_pauses),
        RHB_CASE(a_listener_that_epoll_refuses_after_a_pause_is_tried_again),
        RHB_CASE(a_closed_listener_does_not_stop_the_others),
        RHB_CASE(a_listener_that_epoll_refuses_at_the_start_is_an_error),
        RHB_CASE(more_listeners_than_a_connection_can_name_are_an_error),
        RHB_CASE(a_listener_that_was_shut_down_does_not_keep_the_worker_awake),
        RHB_CASE(errors_of_one_connection_do_not_stop_accepting),
        RHB_CASE(a_connection_that_has_ended_in_the_backlog_is_ignored),
        RHB_CASE(peers_are_known_by_their_address),
    };
    return RHB_RUN(cases);
}
