/* csrc/log/access_log.c: no failure of the file stops the server, and each is reported. */
#define _GNU_SOURCE /* pipe2 */
#include "access_log_fixture.h"
#include <limits.h>
#include <signal.h>
#include <sys/resource.h>

static void an_interrupted_write_is_tried_again(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "ONE");
    writes.fail_with = EINTR;
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(writes.calls, 2);
    check_file(t, f.path, "ONE\n");
    tear_down(&f);
}

static void after_a_short_write_the_rest_is_written(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "ONE");
    add(f.log, "TWO");
    writes.cut_to = 5;
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(writes.calls, 2);
    check_file(t, f.path, "ONE\nTWO\n");
    tear_down(&f);
}

static void a_full_disk_drops_the_batch_and_the_next_one_reports_it(struct rhb_test *t)
{
    struct fixture f = set_up(t);
    int full = open("/dev/full", O_WRONLY);
    CHECK_INT(rhb_access_log_open(f.log, NULL, full), 0);
    add(f.log, "ONE");
    add(f.log, "TWO");
    CHECK_INT(rhb_access_log_flush(f.log), -ENOSPC);
    CHECK_INT(rhb_access_log_due(f.log), 0);
    add(f.log, "THREE");
    CHECK_INT(rhb_access_log_flush(f.log), -ENOSPC);
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    add(f.log, "FOUR");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    add(f.log, "FIVE");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "rhebok: 3 lines of this log could not be written\nFOUR\nFIVE\n");
    close(full);
    tear_down(&f);
}

static void lines_lost_at_the_end_are_said_when_the_log_is_freed(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "ONE");
    writes.fail_with = ENOSPC;
    CHECK_INT(rhb_access_log_flush(f.log), -ENOSPC);
    rhb_access_log_free(f.log);
    f.log = NULL;
    check_file(t, f.path, "rhebok: 1 lines of this log could not be written\n");
    tear_down(&f);
}

static void the_notice_in_a_log_of_json_is_json(struct rhb_test *t)
{
    const char *error;
    size_t error_at;
    struct fixture f = set_up(t);
    rhb_access_log_free(f.log);
    f.log = rhb_access_log_new("escape=json {\"m\": %(m)s}", &error, &error_at);
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    add(f.log, "ONE");
    writes.fail_with = ENOSPC;
    CHECK_INT(rhb_access_log_flush(f.log), -ENOSPC);
    add(f.log, "TWO");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path,
               "{\"level\": \"warning\", \"message\": \"1 lines of this log could not be "
               "written\"}\n{\"m\": \"TWO\"}\n");
    tear_down(&f);
}

/* The limit is on the size of files, as a quota or a full disk within a write would be. */
static int flush_within(struct rhb_access_log *log, rlim_t size)
{
    struct rlimit before, limit;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = size;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    int result = rhb_access_log_flush(log);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);
    return result;
}

static void a_line_cut_by_a_full_disk_counts_as_lost_and_is_ended(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "ONE");
    add(f.log, "TWO");
    add(f.log, "THREE");
    CHECK_INT(flush_within(f.log, 6), -EFBIG);
    check_file(t, f.path, "ONE\nTW");
    add(f.log, "FOUR");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "ONE\nTW\nrhebok: 2 lines of this log could not be written\nFOUR\n");
    tear_down(&f);
}

static void a_notice_that_is_cut_is_said_again(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "ONE");
    CHECK_INT(flush_within(f.log, 0), -EFBIG);
    add(f.log, "TWO");
    CHECK_INT(flush_within(f.log, 6), -EFBIG);
    add(f.log, "THREE");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "rhebok\nrhebok: 2 lines of this log could not be written\nTHREE\n");
    tear_down(&f);
}

static void fill(int fd)
{
    char block[PIPE_BUF] = {0};
    while (syscall(SYS_write, fd, block, sizeof block) > 0)
        continue;
}

static void drain(int fd)
{
    struct rhb_bytes filling = read_fd(fd);
    rhb_bytes_free(&filling);
}

static void a_full_pipe_is_tried_again_without_waiting(struct rhb_test *t)
{
    int ends[2];
    struct rhb_access_log *log = method_log(t);
    memset(&writes, 0, sizeof writes);
    CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    fill(ends[1]);
    add(log, "ONE");
    CHECK_INT(rhb_access_log_flush(log), -EAGAIN);
    CHECK_INT(writes.calls, 1);
    CHECK(rhb_access_log_due(log) != 0);
    drain(ends[0]);
    add(log, "TWO");
    CHECK_INT(rhb_access_log_flush(log), 0);
    check_fd(t, ends[0], "ONE\nTWO\n");
    close(ends[0]);
    close(ends[1]);
    rhb_access_log_free(log);
}

static void a_full_pipe_that_could_block_is_not_waited_for(struct rhb_test *t)
{
    int ends[2];
    struct rhb_access_log *log = method_log(t);
    memset(&writes, 0, sizeof writes);
    CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
    fill(ends[1]);
    CHECK_INT(fcntl(ends[1], F_SETFL, 0), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    add(log, "ONE");
    CHECK_INT(rhb_access_log_flush(log), -EAGAIN);
    CHECK_INT(writes.calls, 0);
    drain(ends[0]);
    rhb_access_log_finish(log);
    check_fd(t, ends[0], "ONE\n");
    close(ends[0]);
    close(ends[1]);
    rhb_access_log_free(log);
}

static void what_a_slow_reader_does_not_take_is_bounded_and_counted(struct rhb_test *t)
{
    int ends[2];
    struct rhb_access_log *log = method_log(t);
    memset(&writes, 0, sizeof writes);
    CHECK_INT(pipe2(ends, O_NONBLOCK), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    fill(ends[1]);
    for (int i = 0; i < 70000; i++)
        add(log, "ONE"); /* 256 KiB are 65536 lines */
    CHECK(writes.calls < 20);
    for (int pages = 0; rhb_access_log_flush(log) == -EAGAIN && pages < 100; pages++)
        drain(ends[0]);
    drain(ends[0]);
    add(log, "TWO");
    CHECK_INT(rhb_access_log_flush(log), 0);
    check_fd(t, ends[0], "rhebok: 4464 lines of this log could not be written\nTWO\n");
    close(ends[0]);
    close(ends[1]);
    rhb_access_log_free(log);
}

static void lines_added_before_anything_is_open_are_counted_as_lost(struct rhb_test *t)
{
    struct fixture f = set_up(t);
    add(f.log, "ONE");
    CHECK_INT(rhb_access_log_flush(f.log), -EBADF);
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    add(f.log, "TWO");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "rhebok: 1 lines of this log could not be written\nTWO\n");
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(an_interrupted_write_is_tried_again),
        RHB_CASE(after_a_short_write_the_rest_is_written),
        RHB_CASE(a_full_disk_drops_the_batch_and_the_next_one_reports_it),
        RHB_CASE(lines_lost_at_the_end_are_said_when_the_log_is_freed),
        RHB_CASE(the_notice_in_a_log_of_json_is_json),
        RHB_CASE(a_line_cut_by_a_full_disk_counts_as_lost_and_is_ended),
        RHB_CASE(a_notice_that_is_cut_is_said_again),
        RHB_CASE(a_full_pipe_is_tried_again_without_waiting),
        RHB_CASE(a_full_pipe_that_could_block_is_not_waited_for),
        RHB_CASE(what_a_slow_reader_does_not_take_is_bounded_and_counted),
        RHB_CASE(lines_added_before_anything_is_open_are_counted_as_lost),
    };
    return RHB_RUN(cases);
}
