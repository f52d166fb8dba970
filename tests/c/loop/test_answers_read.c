/* csrc/loop/sending.c: files of which the kernel cannot send, on some file systems. */
#define _GNU_SOURCE
#include "answers_fixture.h"
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>

enum { SOME = 300000 /* bytes: several reads */ };

static int error_of_sendfile, interruptions;

/* In place of the C library's. */
ssize_t sendfile(int fd, int file, off_t *offset, size_t len)
{
    (void)fd, (void)file, (void)offset, (void)len;
    errno = error_of_sendfile;
    return -1;
}

ssize_t pread(int fd, void *bytes, size_t len, off_t at)
{
    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, len, at);
}

/* All that comes until the connection ends; its body is as long as this. */
static size_t fetch(struct fixture *f, struct client *c, const char **body)
{
    client_send_text(f, c, "GET /file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    restart_timer(f);
    while (!client_sees_end(c) && step(f))
        ;
    const char *end = memmem(c->got.data, c->got.len, "\r\n\r\n", 4);
    *body = end == NULL ? c->got.data : end + 4;
    return c->got.len - (size_t)(*body - c->got.data);
}

static void a_file_that_cannot_be_sent_is_read(struct rhb_test *t)
{
    static const int errors[] = {EINVAL, ENOSYS};
    struct fixture f;
    struct answerer a;
    const char *body;
    set_up_answers(&f, &a, t, SOME);
    for (int by = 0; by < LISTENERS; by++) {
        struct client c = client_new(&f, by);
        error_of_sendfile = errors[by];
        interruptions = 1;
        size_t len = fetch(&f, &c, &body);
        CHECK_MEM(body, len, a.bytes, SOME);
        CHECK_INT(interruptions, 0);
        CHECK_INT(f.answer_errors, 0);
        client_close(&c);
    }
    tear_down_answers(&f, &a);
}

static void a_file_that_is_too_short_ends_the_connection(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    const char *body;
    set_up_answers(&f, &a, t, SOME);
    a.claimed = SOME + 1;
    error_of_sendfile = EINVAL;
    struct client c = client_new(&f, BY_TCP);
    CHECK(fetch(&f, &c, &body) <= SOME);
    CHECK_INT(f.answer_errors, 1);
    CHECK_INT(f.loop->answer_error, ENODATA);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_disk_that_fails_ends_the_connection(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    const char *body;
    set_up_answers(&f, &a, t, SOME);
    error_of_sendfile = EIO;
    struct client c = client_new(&f, BY_UNIX);
    CHECK_INT(fetch(&f, &c, &body), 0);
    CHECK_INT(f.answer_errors, 1);
    CHECK_INT(f.loop->answer_error, EIO);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static void a_client_that_goes_away_is_no_error(struct rhb_test *t)
{
    struct fixture f;
    struct answerer a;
    const char *body;
    set_up_answers(&f, &a, t, SOME);
    error_of_sendfile = EPIPE;
    struct client c = client_new(&f, BY_UNIX);
    CHECK_INT(fetch(&f, &c, &body), 0);
    CHECK_INT(f.answer_errors, 0);
    client_close(&c);
    tear_down_answers(&f, &a);
}

static const struct rhb_case cases[] = {
    RHB_CASE(a_file_that_cannot_be_sent_is_read),
    RHB_CASE(a_file_that_is_too_short_ends_the_connection),
    RHB_CASE(a_disk_that_fails_ends_the_connection),
    RHB_CASE(a_client_that_goes_away_is_no_error),
};

int main(void)
{
    return RHB_RUN(cases);
}
