/* csrc/loop/stopping.c: the final stop, which serves what waits in the queues. */
#include "kernel_abilities.h"
#include "loop_fixture.h"
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* No further descriptor can be opened until the soft limit is the old one again. */
static void forbid_fds(struct rlimit *usual)
{
    int free_fd = dup(0);
    struct rlimit none;
    close(free_fd);
    getrlimit(RLIMIT_NOFILE, usual);
    none = *usual;
    none.rlim_cur = (rlim_t)free_fd;
    setrlimit(RLIMIT_NOFILE, &none);
}

static void without_a_descriptor_the_queue_is_tried_again(struct rhb_test *t)
{
    struct fixture f;
    struct rlimit usual;
    struct client clients[4];
    set_up_and_start(&f, t);
    for (int i = 0; i < 4; i++) {
        clients[i] = client_new(&f, i % LISTENERS);
        client_send_text(&f, &clients[i], GET);
    }
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    forbid_fds(&usual);
    poll_until_idle(&f);
    CHECK(rhb_loop_accepts(f.loop));
    CHECK_INT(f.drained, 0);
    setrlimit(RLIMIT_NOFILE, &usual);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(answer_to(&f, &clients[i]), 200);
        client_close(&clients[i]);
    }
    UNTIL(f.drained > 0);
    CHECK(!rhb_loop_accepts(f.loop));
    tear_down(&f);
}

static void without_a_descriptor_the_queue_is_not_tried_beyond_the_patience(struct rhb_test *t)
{
    struct fixture f;
    struct rlimit usual;
    set_up_and_start(&f, t);
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    rhb_loop_stop_last(f.loop, 150 * MS);
    forbid_fds(&usual);
    unsigned waits = f.waits;
    UNTIL(f.drained > 0);
    setrlimit(RLIMIT_NOFILE, &usual);
    CHECK(f.waits - waits < 40);
    CHECK(!rhb_loop_accepts(f.loop));
    CHECK_INT(f.loop->accept_again_at, 0);
    client_close(&c);
    tear_down(&f);
}

static void connections_in_the_queues_are_served(struct rhb_test *t)
{
    struct fixture f;
    struct client clients[6];
    set_up_and_start(&f, t);
    for (int i = 0; i < 6; i++) {
        clients[i] = client_new(&f, i % 2 ? BY_UNIX : BY_TCP);
        client_send_text(&f, &clients[i], GET);
    }
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    CHECK(rhb_loop_accepts(f.loop));
    for (int i = 0; i < 6; i++) {
        CHECK_INT(answer_to(&f, &clients[i]), 200);
        CHECK(!clients[i].kept);
        client_close(&clients[i]);
    }
    UNTIL(f.drained > 0);
    CHECK(!rhb_loop_accepts(f.loop));
    tear_down(&f);
}

static void a_later_connection_is_not_accepted(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    UNTIL(f.drained > 0);
    struct client late = client_new(&f, BY_TCP);
    CHECK(!rhb_loop_accepts(f.loop));
    rhb_loop_release_listeners(f.loop);
    CHECK_INT(f.loop->open, 0);
    client_close(&late);
    tear_down(&f);
}

static void without_patience_only_the_last_accept_is_made(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client first = client_new(&f, BY_TCP), second = client_new(&f, BY_TCP);
    client_send_text(&f, &first, GET);
    client_send_text(&f, &second, GET);
    rhb_loop_stop_last(f.loop, 0);
    CHECK_INT(answer_to(&f, &first), 200);
    client_close(&first);
    UNTIL(f.drained > 0);
    CHECK(!client_has_answer(&second));
    client_close(&second);
    tear_down(&f);
}

/* As the supervisor does at the final stop, with TCP_DEFER_ACCEPT. This filter accepts everything,
 * which is enough: the loop checks only that there is one. */
static void close_port_of(struct fixture *f)
{
    struct rhb_test *t = f->t;
    struct sock_filter keep = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    struct sock_fprog filter = {.len = 1, .filter = &keep};
    int fd = f->listeners[BY_TCP].fd, seconds = 1;
    CHECK_INT(setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds), 0);
    CHECK_INT(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter), 0);
}

static void a_client_of_a_closing_port_is_served_though_its_request_comes_later(struct rhb_test *t)
{
    NEEDS(kernel_tells_filters() && kernel_has_sock_diag(), "no SO_GET_FILTER or no sock_diag");
    struct fixture f;
    set_up_and_start(&f, t);
    close_port_of(&f);
    struct client c = client_new(&f, BY_TCP);
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    poll_until_idle(&f);
    CHECK(rhb_loop_accepts(f.loop));
    CHECK_INT(f.drained, 0);
    client_send_text(&f, &c, GET);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    UNTIL(f.drained > 0);
    CHECK(!rhb_loop_accepts(f.loop));
    tear_down(&f);
}

static void a_closing_port_waits_for_a_silent_client_for_a_limited_time(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    close_port_of(&f);
    struct client silent = client_new(&f, BY_TCP);
    rhb_loop_stop_last(f.loop, 20 * MS);
    UNTIL(f.drained > 0);
    CHECK(!rhb_loop_accepts(f.loop));
    CHECK_INT(f.loop->accept_again_at, 0);
    client_close(&silent);
    tear_down(&f);
}

static void a_closing_port_without_clients_is_drained_at_once(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    close_port_of(&f);
    poll_until_idle(&f);
    unsigned waits = f.waits;
    rhb_loop_stop_last(f.loop, 60 * RHB_NS_PER_SECOND);
    f.must_wait = false;
    UNTIL(f.drained > 0);
    CHECK_INT(f.waits, waits);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(without_a_descriptor_the_queue_is_tried_again),
        RHB_CASE(without_a_descriptor_the_queue_is_not_tried_beyond_the_patience),
        RHB_CASE(connections_in_the_queues_are_served),
        RHB_CASE(a_later_connection_is_not_accepted),
        RHB_CASE(without_patience_only_the_last_accept_is_made),
        RHB_CASE(a_client_of_a_closing_port_is_served_though_its_request_comes_later),
        RHB_CASE(a_closing_port_waits_for_a_silent_client_for_a_limited_time),
        RHB_CASE(a_closing_port_without_clients_is_drained_at_once),
    };
    return RHB_RUN(cases);
}
