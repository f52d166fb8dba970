/* csrc/loop/body.c: in memory up to a limit, then in the temporary file; and a file that cannot be
 * written. */
#include "body_fixture.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/* This write() replaces that of the C library: errno of the next call, bytes that it writes at
 * most, and the number of calls before it that are not changed. */
static struct {
    int fail_with;
    size_t cut_to;
    int after;
} writes;

ssize_t write(int fd, const void *data, size_t len)
{
    if (writes.after-- > 0 || (writes.fail_with == 0 && writes.cut_to == 0))
        return syscall(SYS_write, fd, data, len);
    int fail_with = writes.fail_with;
    size_t cut_to = writes.cut_to;
    writes.fail_with = 0;
    writes.cut_to = 0;
    errno = fail_with;
    if (fail_with != 0)
        return -1;
    return syscall(SYS_write, fd, data, cut_to < len ? cut_to : len);
}

static void a_new_body_allocates_nothing(struct rhb_test *t)
{
    struct rhb_body body;
    rhb_body_init(&body, 1000000000, LIMIT, NULL);
    CHECK(body.data == NULL && body.fd == -1 && body.len == 0);
    end(t, &body);
}

/* A client must send the bytes, not only claim their number, to use memory. */
static void memory_grows_with_the_bytes_received_not_with_the_length_claimed(struct rhb_test *t)
{
    struct rhb_body body;
    char *window;
    rhb_body_init(&body, LIMIT, LIMIT, NULL);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_OK);
    CHECK(body.cap < LIMIT / 4);
    CHECK(rhb_body_window(&body, LIMIT - 1, &window) < LIMIT / 4);
    end(t, &body);
}

static void parts_of_any_size_make_the_body_below_and_above_the_limit(struct rhb_test *t)
{
    static const size_t lengths[] = {1, LIMIT - 1, LIMIT, LIMIT + 1, LONG};
    static const size_t parts[] = {1, 1000, 16384, 65536, LONG};
    char *bytes = pattern();
    for (int i = 0; i < 25; i++) {
        size_t len = lengths[i / 5], part = parts[i % 5];
        struct rhb_body body;
        rhb_body_init(&body, 0, LIMIT, NULL);
        for (size_t at = 0; at < len; at += part)
            CHECK_INT(rhb_body_append(&body, bytes + at, len - at < part ? len - at : part),
                      RHB_BODY_OK);
        CHECK_INT(body.fd >= 0, len > LIMIT);
        check_content(t, &body, bytes, len);
        CHECK(body.cap <= LIMIT);
        end(t, &body);
    }
    free(bytes);
}

static void bytes_received_into_the_window_are_the_body(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body;
    rhb_body_init(&body, LIMIT, LIMIT, NULL);
    while (body.len < LIMIT) {
        size_t room = rhb_body_window(&body, LIMIT - body.len, &window);
        if (!CHECK(room > 0 && room <= LIMIT - body.len))
            break;
        size_t got = room > 999 ? 999 : room;
        memcpy(window, bytes + body.len, got);
        rhb_body_grew(&body, got);
    }
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    check_content(t, &body, bytes, LIMIT);
    free(bytes);
    end(t, &body);
}

static void a_body_that_is_known_to_be_long_goes_to_the_file_at_once(struct rhb_test *t)
{
    struct rhb_body body;
    char *window;
    rhb_body_init(&body, LIMIT + 1, LIMIT, NULL);
    CHECK_INT(rhb_body_window(&body, LIMIT, &window), 0);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_OK);
    CHECK(body.fd >= 0);
    CHECK_INT(rhb_body_window(&body, LIMIT, &window), 0);
    check_content(t, &body, "x", 1);
    end(t, &body);
}

static void the_file_has_no_name_and_is_ours_alone(struct rhb_test *t)
{
    struct rhb_body body;
    struct stat status;
    rhb_body_init(&body, 0, 0, NULL);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_OK);
    CHECK_INT(fstat(body.fd, &status), 0);
    CHECK_INT(status.st_nlink, 0);
    CHECK_INT(status.st_mode & 0777, 0600);
    CHECK(fcntl(body.fd, F_GETFD) & FD_CLOEXEC);
    end(t, &body);
}

static void an_interrupted_or_short_write_is_continued(struct rhb_test *t)
{
    struct rhb_body body;
    rhb_body_init(&body, 0, 0, NULL);
    writes.fail_with = EINTR;
    CHECK_INT(rhb_body_append(&body, "hello", 5), RHB_BODY_OK);
    writes.cut_to = 2;
    CHECK_INT(rhb_body_append(&body, " world", 6), RHB_BODY_OK);
    check_content(t, &body, "hello world", 11);
    end(t, &body);
}

static void a_full_disk_is_no_file_at_any_write(struct rhb_test *t)
{
    char *bytes = pattern();
    for (int after = 0; after < 3; after++) {
        struct rhb_body body;
        rhb_body_init(&body, 0, LIMIT, NULL);
        CHECK_INT(rhb_body_append(&body, bytes, LIMIT), RHB_BODY_OK);
        writes.after = after;
        writes.fail_with = ENOSPC;
        enum rhb_body_result result = RHB_BODY_OK;
        for (int i = 0; i < 3 && result == RHB_BODY_OK; i++)
            result = rhb_body_append(&body, bytes, 10);
        CHECK_INT(result, RHB_BODY_NO_FILE);
        CHECK_INT(writes.fail_with, 0);
        end(t, &body);
    }
    free(bytes);
}

static void a_missing_directory_is_no_file(struct rhb_test *t)
{
    static const char *const dirs[] = {"/nonexistent/rhebok", "/proc", "/dev/null"};
    for (size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        struct rhb_body body;
        rhb_body_init(&body, 0, 4, NULL);
        setenv("TMPDIR", dirs[i], 1);
        CHECK_INT(rhb_body_append(&body, "kept", 4), RHB_BODY_OK);
        CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_NO_FILE);
        CHECK_STR(body.data, (size_t)body.len, "kept");
        unsetenv("TMPDIR");
        end(t, &body);
    }
}

static void a_path_that_is_too_long_is_no_file(struct rhb_test *t)
{
    struct rhb_body body;
    char *dir = malloc(5000);
    memset(dir, '/', 5000);
    dir[4999] = '\0';
    setenv("TMPDIR", dir, 1);
    rhb_body_init(&body, 0, 0, NULL);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_NO_FILE);
    unsetenv("TMPDIR");
    free(dir);
    end(t, &body);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_new_body_allocates_nothing),
        RHB_CASE(memory_grows_with_the_bytes_received_not_with_the_length_claimed),
        RHB_CASE(parts_of_any_size_make_the_body_below_and_above_the_limit),
        RHB_CASE(bytes_received_into_the_window_are_the_body),
        RHB_CASE(a_body_that_is_known_to_be_long_goes_to_the_file_at_once),
        RHB_CASE(the_file_has_no_name_and_is_ours_alone),
        RHB_CASE(an_interrupted_or_short_write_is_continued),
        RHB_CASE(a_full_disk_is_no_file_at_any_write),
        RHB_CASE(a_missing_directory_is_no_file),
        RHB_CASE(a_path_that_is_too_long_is_no_file),
    };
    return RHB_RUN(cases);
}
