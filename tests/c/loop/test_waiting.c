/* csrc/loop/waiting.c: a thread that sleeps while others work, grace waits, and the batches of the
 * access log. */
#include "log/access_log.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <stdlib.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- threads ---- */

static void a_sleeping_thread_must_be_woken_for_an_earlier_deadline(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.timeouts[RHB_CONN_IDLE] = 50 * MS;
    start(&f);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    UNTIL(f.held != NULL);
    rhb_loop_before_sleep(f.loop);
    CHECK(!rhb_loop_needs_attention(f.loop));
    answer(&f, f.held);
    CHECK(rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

static void a_sleeping_thread_need_not_be_woken_for_a_later_deadline(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    UNTIL(f.held != NULL);
    rhb_loop_before_sleep(f.loop);
    answer(&f, f.held);
    CHECK(!rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    CHECK_INT(answer_to(&f, &c), 200);
    client_close(&c);
    tear_down(&f);
}

/* A connection in the queue can be accepted now. */
static void a_sleeping_thread_must_be_woken_for_new_capacity(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    f.options.max_connections = 1;
    start(&f);
    f.holds = true;
    struct client c = client_new(&f, BY_UNIX), next = client_new(&f, BY_UNIX);
    client_send_text(&f, &c, GET);
    client_send_text(&f, &next, GET);
    UNTIL(f.held != NULL);
    CHECK(f.loop->accept_again_at != 0);
    rhb_loop_before_sleep(f.loop);
    CHECK(!rhb_loop_needs_attention(f.loop));
    rhb_loop_abort(f.loop, f.held);
    CHECK(rhb_loop_needs_attention(f.loop));
    rhb_loop_sleep(f.loop, 0);
    rhb_loop_after_sleep(f.loop);
    f.held = NULL;
    f.holds = false;
    CHECK_INT(answer_to(&f, &next), 200);
    client_close(&c);
    client_close(&next);
    tear_down(&f);
}

/* ---- the grace wait of new connections ---- */

static struct client silent_client(struct fixture *f)
{
    struct client c = client_new(f, BY_UNIX);
    unsigned long open = f->loop->open;
    restart_timer(f);
    while (f->loop->open == open && step(f))
        ;
    return c;
}

static void bytes_within_the_grace_wait_save_the_epoll_call(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct client c = silent_client(&f);
    CHECK(f.loop->in_grace != NULL);
    client_send_text(&f, &c, "GET / HTTP/1.0\r\n\r\n");
    CHECK_INT(answer_to(&f, &c), 200);
    CHECK_INT(f.loop->registered, 0);
    CHECK_INT(f.loop->grace_credit, RHB_GRACE_CREDIT);
    client_close(&c);
    tear_down(&f);
}

/* Grace waits without bytes, until there is no credit. */
static void use_up_credit(struct fixture *f, struct client *clients, int count)
{
    struct rhb_test *t = f->t;
    for (int i = 0; i < count; i++) {
        clients[i] = silent_client(f);
        restart_timer(f);
        while (parked(f, RHB_CONN_FRESH) < (size_t)i + 1 && step(f))
            ;
    }
    CHECK(f->loop->grace_credit <= 0);
}

static void grace_waits_without_bytes_use_up_the_credit(struct rhb_test *t)
{
    enum { MISSES = RHB_GRACE_CREDIT / 2 };
    struct fixture f;
    struct client clients[MISSES + RHB_GRACE_PROBE + 1];
    int probes = 0;
    set_up_and_start(&f, t);
    use_up_credit(&f, clients, MISSES);
    for (int i = MISSES; i < MISSES + RHB_GRACE_PROBE + 1; i++) {
        clients[i] = silent_client(&f);
        probes += f.loop->in_grace != NULL;
        UNTIL(parked(&f, RHB_CONN_FRESH) == (size_t)i + 1);
    }
    CHECK_INT(probes, 2);
    for (int i = 0; i < MISSES + RHB_GRACE_PROBE + 1; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

static void grace_waits_with_bytes_earn_credit(struct rhb_test *t)
{
    enum { MISSES = RHB_GRACE_CREDIT / 2, IN_TIME = RHB_GRACE_PROBE + 2 };
    struct fixture f;
    struct client clients[MISSES];
    set_up_and_start(&f, t);
    use_up_credit(&f, clients, MISSES);
    for (int i = 0; i < IN_TIME; i++) {
        struct client c = silent_client(&f);
        client_send_text(&f, &c, "GET / HTTP/1.0\r\n\r\n");
        CHECK_INT(answer_to(&f, &c), 200);
        client_close(&c);
    }
    CHECK(f.loop->grace_credit > 0);
    for (int i = 0; i < MISSES; i++)
        client_close(&clients[i]);
    tear_down(&f);
}

/* ---- the access log's batches ---- */

static struct rhb_access_log *log_to_null(struct fixture *f)
{
    struct rhb_test *t = f->t;
    const char *error;
    size_t error_at;
    struct rhb_access_log *log = rhb_access_log_new("%(s)s", &error, &error_at);
    CHECK(log != NULL);
    CHECK_INT(rhb_access_log_open(log, "/dev/null", -1), 0);
    f->reports.access_log = log;
    f->loop->reports = &f->reports;
    return log;
}

static void a_batch_of_the_log_is_written_when_a_second_has_passed(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct rhb_access_log *log = log_to_null(&f);
    rhb_access_log_add(log, &(struct rhb_access_entry){.status = 200});
    UNTIL(rhb_access_log_due(log) == 0);
    rhb_access_log_free(log);
    f.loop->reports = NULL;
    tear_down(&f);
}

/* Another thread adds the line, while one sleeps until the next tick. */
static void a_batch_that_begins_during_a_sleep_is_written_in_time(struct rhb_test *t)
{
    struct fixture f;
    set_up_and_start(&f, t);
    struct rhb_access_log *log = log_to_null(&f);
    poll_until_idle(&f);
    rhb_loop_before_sleep(f.loop);
    rhb_access_log_add(log, &(struct rhb_access_entry){.status = 200});
    uint64_t added = rhb_now_exact();
    rhb_loop_sleep(f.loop, 600);
    rhb_loop_after_sleep(f.loop);
    UNTIL(rhb_access_log_due(log) == 0);
    CHECK(rhb_now_exact() - added < 1300 * MS);
    rhb_access_log_free(log);
    f.loop->reports = NULL;
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_sleeping_thread_must_be_woken_for_an_earlier_deadline),
        RHB_CASE(a_sleeping_thread_need_not_be_woken_for_a_later_deadline),
        RHB_CASE(a_sleeping_thread_must_be_woken_for_new_capacity),
        RHB_CASE(bytes_within_the_grace_wait_save_the_epoll_call),
        RHB_CASE(grace_waits_without_bytes_use_up_the_credit),
        RHB_CASE(grace_waits_with_bytes_earn_credit),
        RHB_CASE(a_batch_of_the_log_is_written_when_a_second_has_passed),
        RHB_CASE(a_batch_that_begins_during_a_sleep_is_written_in_time),
    };
    return RHB_RUN(cases);
}
