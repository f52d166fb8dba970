/* csrc/loop/body.c: memory up to a limit, in one block or in several, then the temporary file; and
 * a disk that does not take it. */
#include "base/live.h"
#include "harness.h"
#include "loop/body.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* This program's write() stands in front of the C library's: errno of the next call, bytes that it
 * takes at most, calls to let through before either. */
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

enum { LIMIT = 100000, LONG = 300000 };

static char *pattern(void)
{
    char *bytes = malloc(LONG);
    for (int i = 0; i < LONG; i++)
        bytes[i] = (char)(i * 31 + i / 253);
    return bytes;
}

static void check_content(struct rhb_test *t, const struct rhb_body *body, const char *expected,
                          size_t len)
{
    CHECK_INT(body->len, len);
    if (body->fd < 0) {
        CHECK_MEM(body->data, (size_t)body->len, expected, len);
        return;
    }
    char *read_back = malloc(len + 1);
    CHECK(body->data == NULL);
    CHECK_INT(pread(body->fd, read_back, len + 1, 0), len);
    CHECK_MEM(read_back, len, expected, len);
    free(read_back);
}

static void end(struct rhb_test *t, struct rhb_body *body)
{
    rhb_body_free(body);
    CHECK(body->data == NULL && body->fd == -1);
    CHECK_INT(rhb_live_count(RHB_LIVE_BODY), 0);
    memset(&writes, 0, sizeof writes);
}

static void a_new_body_allocates_nothing(struct rhb_test *t)
{
    struct rhb_body body;
    rhb_body_init(&body, 1000000000, LIMIT, NULL);
    CHECK(body.data == NULL && body.fd == -1 && body.len == 0);
    end(t, &body);
}

/* A claimed length must cost its claimer its bytes. */
static void memory_grows_with_what_comes_not_with_what_is_claimed(struct rhb_test *t)
{
    struct rhb_body body;
    char *window;
    rhb_body_init(&body, LIMIT, LIMIT, NULL);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_OK);
    CHECK(body.cap < LIMIT / 4);
    CHECK(rhb_body_window(&body, LIMIT - 1, &window) < LIMIT / 4);
    end(t, &body);
}

static void parts_of_any_size_make_the_whole_on_both_sides_of_the_limit(struct rhb_test *t)
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

static void what_is_received_into_the_window_is_the_body(struct rhb_test *t)
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

static void an_interrupted_or_short_write_goes_on(struct rhb_test *t)
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

static void a_full_disk_is_no_file_wherever_it_comes(struct rhb_test *t)
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

static void a_directory_that_is_none_is_no_file(struct rhb_test *t)
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

/* ---- memory that is somebody else's ---- */

enum { SCARCE = 40000 };
static size_t scarce_now = SCARCE;
static int blocks_out;

static void *make_scarce(size_t size, char **data)
{
    if (size > scarce_now)
        return NULL;
    blocks_out++;
    char *block = malloc(size + 1); /* the data need not be where the block begins */
    *data = block + 1;
    return block;
}

static void release_scarce(void *block)
{
    blocks_out--;
    free(block);
}

static struct rhb_body_memory scarce = {.make = make_scarce, .release = release_scarce};

static void memory_may_be_the_callers(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    for (int at = 0; at < 30000; at += 1000)
        CHECK_INT(rhb_body_append(&body, bytes + at, 1000), RHB_BODY_OK);
    check_content(t, &body, bytes, 30000);
    CHECK_INT(blocks_out, 1);
    CHECK((char *)body.block + 1 == body.data);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void what_is_there_stays_when_there_is_no_more_memory(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    CHECK_INT(rhb_body_append(&body, bytes, SCARCE - 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(rhb_body_append(&body, bytes, 16384), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes + 16384, 16384), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes, 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    check_content(t, &body, bytes, 32768);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void a_block_that_is_taken_is_not_released(struct rhb_test *t)
{
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    CHECK_INT(rhb_body_append(&body, "mine", 4), RHB_BODY_OK);
    void *block = body.block;
    CHECK_STR(body.data, 4, "mine");
    body.block = body.data = NULL;
    end(t, &body);
    CHECK_INT(blocks_out, 1);
    release_scarce(block);
}

static void memory_goes_when_the_body_goes_to_the_file(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body;
    rhb_body_init(&body, 0, 20000, &scarce);
    CHECK_INT(rhb_body_append(&body, bytes, 20000), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes + 20000, 1), RHB_BODY_OK);
    CHECK_INT(blocks_out, 0);
    check_content(t, &body, bytes, 20001);
    end(t, &body);
    free(bytes);
}

/* ---- in blocks of one size ---- */

enum { BLOCK = 1000, SEVERAL = 4321 };

/* Initialised for so many bytes in blocks of BLOCK. */
static struct rhb_body in_blocks(uint64_t expected)
{
    struct rhb_body body;
    scarce.block_size = BLOCK;
    rhb_body_init(&body, expected, LIMIT, &scarce);
    scarce.block_size = 0; /* counts when a body begins */
    return body;
}

static void check_blocks(struct rhb_test *t, const struct rhb_body *body, const char *expected,
                         size_t len)
{
    CHECK_INT(body->len, len);
    CHECK_INT(body->n_full, (len - 1) / BLOCK);
    CHECK_INT(blocks_out, body->n_full + 1);
    for (size_t i = 0; i < body->n_full; i++)
        CHECK_MEM((char *)body->full[i] + 1, BLOCK, expected + i * BLOCK, BLOCK);
    size_t last = len - body->n_full * BLOCK;
    CHECK_MEM(body->data, last, expected + body->n_full * BLOCK, last);
}

static void blocks_are_filled_one_after_the_other_whatever_the_parts(struct rhb_test *t)
{
    static const size_t lengths[] = {BLOCK + 1, 2 * BLOCK, SEVERAL, 50 * BLOCK};
    static const size_t parts[] = {1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1, LIMIT};
    char *bytes = pattern();
    for (int i = 0; i < 28; i++) {
        size_t len = lengths[i / 7], part = parts[i % 7];
        struct rhb_body body = in_blocks(len);
        for (size_t at = 0; at < len; at += part)
            CHECK_INT(rhb_body_append(&body, bytes + at, len - at < part ? len - at : part),
                      RHB_BODY_OK);
        check_blocks(t, &body, bytes, len);
        end(t, &body);
        CHECK_INT(blocks_out, 0);
    }
    free(bytes);
}

static void a_window_ends_where_its_block_does(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, 300), RHB_BODY_OK); /* what came with the head */
    CHECK_INT(rhb_body_window(&body, 5, &window), 5);
    while (body.len < SEVERAL) {
        size_t room = rhb_body_window(&body, SEVERAL - body.len, &window);
        size_t left = SEVERAL - (size_t)body.len, in_block = BLOCK - (size_t)body.len % BLOCK;
        if (!CHECK_INT(room, left < in_block ? left : in_block))
            break;
        size_t got = room > 333 ? 333 : room;
        memcpy(window, bytes + body.len, got);
        rhb_body_grew(&body, got);
    }
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_NO_MEMORY); /* was not expected */
    check_blocks(t, &body, bytes, SEVERAL);
    end(t, &body);
    free(bytes);
}

static void bodies_that_blocks_are_not_for_have_none(struct rhb_test *t)
{
    static const struct {
        uint64_t expected;
        bool in_file;
    } cases[] = {{BLOCK, false}, {BLOCK - 1, false}, {0, false}, {LIMIT + 1, true}};
    char *bytes = pattern();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rhb_body body = in_blocks(cases[i].expected);
        CHECK_INT(rhb_body_append(&body, bytes, BLOCK - 1), RHB_BODY_OK);
        CHECK_INT(body.block_size, 0);
        CHECK_INT(body.n_full, 0);
        CHECK_INT(body.fd >= 0, cases[i].in_file);
        check_content(t, &body, bytes, BLOCK - 1);
        end(t, &body);
    }
    free(bytes);
}

static void the_blocks_that_are_full_stay_when_there_is_no_more_memory(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, 2 * BLOCK), RHB_BODY_OK);
    scarce_now = BLOCK - 1;
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    CHECK_INT(rhb_body_append(&body, bytes, 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(blocks_out, 2);
    scarce_now = SCARCE;
    CHECK_INT(rhb_body_append(&body, bytes + 2 * BLOCK, 1), RHB_BODY_OK);
    check_blocks(t, &body, bytes, 2 * BLOCK + 1);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void blocks_that_are_taken_are_not_released(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, SEVERAL), RHB_BODY_OK);
    void *taken[] = {body.full[0], body.full[1], body.full[2], body.full[3]};
    body.n_full = 0;
    end(t, &body);
    CHECK_INT(blocks_out, 4);
    for (int i = 0; i < 4; i++)
        release_scarce(taken[i]);
    free(bytes);
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
        RHB_CASE(memory_grows_with_what_comes_not_with_what_is_claimed),
        RHB_CASE(parts_of_any_size_make_the_whole_on_both_sides_of_the_limit),
        RHB_CASE(what_is_received_into_the_window_is_the_body),
        RHB_CASE(a_body_that_is_known_to_be_long_goes_to_the_file_at_once),
        RHB_CASE(the_file_has_no_name_and_is_ours_alone),
        RHB_CASE(an_interrupted_or_short_write_goes_on),
        RHB_CASE(a_full_disk_is_no_file_wherever_it_comes),
        RHB_CASE(a_directory_that_is_none_is_no_file),
        RHB_CASE(a_path_that_is_too_long_is_no_file),
        RHB_CASE(memory_may_be_the_callers),
        RHB_CASE(what_is_there_stays_when_there_is_no_more_memory),
        RHB_CASE(a_block_that_is_taken_is_not_released),
        RHB_CASE(memory_goes_when_the_body_goes_to_the_file),
        RHB_CASE(blocks_are_filled_one_after_the_other_whatever_the_parts),
        RHB_CASE(a_window_ends_where_its_block_does),
        RHB_CASE(bodies_that_blocks_are_not_for_have_none),
        RHB_CASE(the_blocks_that_are_full_stay_when_there_is_no_more_memory),
        RHB_CASE(blocks_that_are_taken_are_not_released),
    };
    return RHB_RUN(cases);
}
