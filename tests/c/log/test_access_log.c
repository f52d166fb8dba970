/* csrc/log/access_log.c: lines become batches, batches become writes, and the file may be renamed.
 */
#include "access_log_fixture.h"
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define BATCH ((size_t)32 * 1024)

/* ---- batches ---- */

static void a_bad_format_gives_its_error_and_no_log(struct rhb_test *t)
{
    const char *error = NULL;
    size_t error_at = 0;
    CHECK(rhb_access_log_new("ab%(z", &error, &error_at) == NULL);
    CHECK(error != NULL);
    CHECK_INT(error_at, 2);
}

static void the_environ_keys_of_the_format_are_returned(struct rhb_test *t)
{
    const char *error;
    size_t error_at;
    struct rhb_access_log *log = rhb_access_log_new("%({A}e)s", &error, &error_at);
    const char *key = rhb_access_log_environ_key(log, 0);
    CHECK(key != NULL && strcmp(key, "A") == 0);
    CHECK(rhb_access_log_environ_key(log, 1) == NULL);
    rhb_access_log_free(log);
}

static void lines_wait_for_the_flush_and_go_out_in_one_write(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    CHECK_INT(rhb_access_log_due(f.log), 0);
    add(f.log, "ONE");
    add(f.log, "TWO");
    CHECK(rhb_access_log_due(f.log) > 0);
    check_file(t, f.path, "");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(rhb_access_log_due(f.log), 0);
    CHECK_INT(writes.calls, 1);
    check_file(t, f.path, "ONE\nTWO\n");
    tear_down(&f);
}

static void a_flush_of_nothing_writes_nothing(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(writes.calls, 0);
    tear_down(&f);
}

static void a_full_batch_is_written_at_once_and_in_whole_lines(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    char line[100];
    size_t lines = 0;
    memset(line, 'A', sizeof line);
    for (; writes.calls == 0 && lines < BATCH; lines++)
        add_bytes(f.log, line, sizeof line);
    CHECK_INT(lines, BATCH / (sizeof line + 1) + 1);
    CHECK_INT(rhb_access_log_due(f.log), 0);
    CHECK(!writes.within_line);
    CHECK_INT(writes.longest, lines * (sizeof line + 1));
    tear_down(&f);
}

static void a_line_longer_than_a_batch_stays_in_one_piece(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    size_t len = 10 * BATCH;
    char *line = malloc(len);
    memset(line, 'A', len);
    add_bytes(f.log, line, len);
    add(f.log, "NEXT");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(writes.calls, 2);
    struct rhb_bytes all = read_file(f.path);
    if (CHECK_INT(all.len, len + 6)) {
        CHECK_MEM(all.data, len, line, len);
        CHECK_STR(all.data + len, 6, "\nNEXT\n");
    }
    rhb_bytes_free(&all);
    free(line);
    tear_down(&f);
}

static void free_flushes_the_batch(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "LAST");
    rhb_access_log_free(f.log);
    f.log = NULL;
    check_file(t, f.path, "LAST\n");
    tear_down(&f);
}

static void free_leaves_the_descriptor_of_the_caller_open(struct rhb_test *t)
{
    int ends[2];
    struct rhb_access_log *log = method_log(t);
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    add(log, "LAST");
    rhb_access_log_free(log);
    CHECK(fcntl(ends[1], F_GETFD) >= 0);
    close(ends[1]);
    check_fd(t, ends[0], "LAST\n");
    close(ends[0]);
}

/* ---- the file ---- */

static void the_file_is_created_within_the_umask_and_appended_to(struct rhb_test *t)
{
    struct fixture f = set_up(t);
    struct stat file;
    mode_t before = umask(027);
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    umask(before);
    CHECK(stat(f.path, &file) == 0);
    CHECK_INT(file.st_mode & 0777, 0640);
    add(f.log, "ONE");
    CHECK_INT(rhb_access_log_open(f.log, f.path, -1), 0);
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    add(f.log, "TWO");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "ONE\nTWO\n");
    tear_down(&f);
}

/* The descriptor of this process that is open on path, or -1. */
static int descriptor_of(const char *path)
{
    struct stat wanted, file;
    if (stat(path, &wanted) != 0)
        return -1;
    for (int fd = 3; fd < 256; fd++)
        if (fstat(fd, &file) == 0 && file.st_dev == wanted.st_dev && file.st_ino == wanted.st_ino)
            return fd;
    return -1;
}

static void the_file_is_not_inherited_by_programs_and_closed_in_the_end(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    int fd = descriptor_of(f.path);
    if (CHECK(fd >= 0))
        CHECK_INT(fcntl(fd, F_GETFD), FD_CLOEXEC);
    rhb_access_log_free(f.log);
    f.log = NULL;
    CHECK_INT(descriptor_of(f.path), -1);
    tear_down(&f);
}

static void a_file_that_cannot_be_opened_is_an_error(struct rhb_test *t)
{
    struct fixture f = set_up(t);
    CHECK_INT(rhb_access_log_open(f.log, "/nonexistent/access.log", -1), -ENOENT);
    CHECK_INT(rhb_access_log_open(f.log, f.dir, -1), -EISDIR);
    CHECK_INT(rhb_access_log_open(f.log, NULL, -1), -EBADF);
    tear_down(&f);
}

static void a_renamed_file_is_left_for_a_new_one(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    add(f.log, "OLD");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    CHECK_INT(rename(f.path, f.moved), 0);
    add(f.log, "NEW");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.moved, "OLD\n");
    check_file(t, f.path, "NEW\n");
    CHECK_INT(descriptor_of(f.moved), -1);
    tear_down(&f);
}

static void a_file_that_another_process_has_created_is_appended_to(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    CHECK_INT(rename(f.path, f.moved), 0);
    int fd = open(f.path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    CHECK_INT(syscall(SYS_write, fd, "THEIRS\n", 7), 7);
    close(fd);
    add(f.log, "OURS");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "THEIRS\nOURS\n");
    tear_down(&f);
}

static void an_unlinked_file_is_made_again(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    CHECK_INT(unlink(f.path), 0);
    add(f.log, "NEW");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "NEW\n");
    tear_down(&f);
}

static void lines_stay_in_the_renamed_file_while_no_new_one_can_be_made(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    CHECK_INT(rename(f.path, f.moved), 0);
    CHECK_INT(mkdir(f.path, 0700), 0);
    add(f.log, "KEPT");
    CHECK_INT(rhb_access_log_flush(f.log), -EISDIR);
    check_file(t, f.moved, "KEPT\n");
    CHECK_INT(rmdir(f.path), 0);
    add(f.log, "NEW");
    CHECK_INT(rhb_access_log_flush(f.log), 0);
    check_file(t, f.path, "NEW\n");
    tear_down(&f);
}

/* ---- several workers ---- */

enum { WORKERS = 3, LINES = 3000, LINE = 50 };

static void write_as_worker(struct rhb_test *t, const char *path, char letter)
{
    struct rhb_access_log *log = method_log(t);
    char line[LINE];
    memset(line, letter, sizeof line);
    CHECK_INT(rhb_access_log_open(log, path, -1), 0);
    for (int i = 0; i < LINES; i++)
        add_bytes(log, line, sizeof line);
    rhb_access_log_free(log);
    _exit(t->failures > 0);
}

static void check_unmixed(struct rhb_test *t, const struct rhb_bytes *all)
{
    int seen[WORKERS] = {0};
    for (const char *line = all->data; line < all->data + all->len; line += LINE + 1) {
        int worker = *line - 'A';
        if (!CHECK(worker >= 0 && worker < WORKERS && line[LINE] == '\n') ||
            !CHECK(memcmp(line, line + 1, LINE - 1) == 0))
            return;
        seen[worker]++;
    }
    for (int i = 0; i < WORKERS; i++)
        CHECK_INT(seen[i], LINES);
}

static void workers_that_share_a_file_do_not_mix_their_lines(struct rhb_test *t)
{
    struct fixture f = set_up_open(t);
    pid_t pids[WORKERS];
    int status;
    for (int i = 0; i < WORKERS; i++)
        if ((pids[i] = fork()) == 0)
            write_as_worker(t, f.path, (char)('A' + i));
    for (int i = 0; i < WORKERS; i++)
        CHECK(waitpid(pids[i], &status, 0) == pids[i] && status == 0);
    struct rhb_bytes all = read_file(f.path);
    if (CHECK_INT(all.len, WORKERS * LINES * (LINE + 1)))
        check_unmixed(t, &all);
    rhb_bytes_free(&all);
    tear_down(&f);
}

static void a_pipe_gets_whole_lines_of_at_most_pipe_buf(struct rhb_test *t)
{
    int ends[2];
    char line[100];
    struct rhb_access_log *log = method_log(t);
    memset(line, 'A', sizeof line);
    memset(&writes, 0, sizeof writes);
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    for (int i = 0; i < 100; i++)
        add_bytes(log, line, sizeof line);
    CHECK_INT(rhb_access_log_flush(log), 0);
    CHECK_INT(writes.calls, 3);
    CHECK(writes.longest <= PIPE_BUF && !writes.within_line);
    close(ends[1]);
    struct rhb_bytes all = read_fd(ends[0]);
    CHECK_INT(all.len, 100 * (sizeof line + 1));
    rhb_bytes_free(&all);
    close(ends[0]);
    rhb_access_log_free(log);
}

static void a_line_beyond_pipe_buf_is_written_alone(struct rhb_test *t)
{
    int ends[2];
    char line[2 * PIPE_BUF];
    struct rhb_access_log *log = method_log(t);
    memset(line, 'A', sizeof line);
    memset(&writes, 0, sizeof writes);
    CHECK_INT(pipe(ends), 0);
    CHECK_INT(rhb_access_log_open(log, NULL, ends[1]), 0);
    add_bytes(log, line, sizeof line);
    add(log, "NEXT");
    CHECK_INT(rhb_access_log_flush(log), 0);
    CHECK_INT(writes.calls, 2);
    CHECK_INT(writes.longest, sizeof line + 1);
    CHECK(!writes.within_line);
    close(ends[0]);
    close(ends[1]);
    rhb_access_log_free(log);
}

static void freeing_no_log_is_fine(struct rhb_test *t)
{
    memset(&writes, 0, sizeof writes);
    rhb_access_log_free(NULL);
    CHECK_INT(writes.calls, 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_bad_format_gives_its_error_and_no_log),
        RHB_CASE(the_environ_keys_of_the_format_are_returned),
        RHB_CASE(lines_wait_for_the_flush_and_go_out_in_one_write),
        RHB_CASE(a_flush_of_nothing_writes_nothing),
        RHB_CASE(a_full_batch_is_written_at_once_and_in_whole_lines),
        RHB_CASE(a_line_longer_than_a_batch_stays_in_one_piece),
        RHB_CASE(free_flushes_the_batch),
        RHB_CASE(free_leaves_the_descriptor_of_the_caller_open),
        RHB_CASE(the_file_is_created_within_the_umask_and_appended_to),
        RHB_CASE(the_file_is_not_inherited_by_programs_and_closed_in_the_end),
        RHB_CASE(a_file_that_cannot_be_opened_is_an_error),
        RHB_CASE(a_renamed_file_is_left_for_a_new_one),
        RHB_CASE(a_file_that_another_process_has_created_is_appended_to),
        RHB_CASE(an_unlinked_file_is_made_again),
        RHB_CASE(lines_stay_in_the_renamed_file_while_no_new_one_can_be_made),
        RHB_CASE(workers_that_share_a_file_do_not_mix_their_lines),
        RHB_CASE(a_pipe_gets_whole_lines_of_at_most_pipe_buf),
        RHB_CASE(a_line_beyond_pipe_buf_is_written_alone),
        RHB_CASE(freeing_no_log_is_fine),
    };
    return RHB_RUN(cases);
}
