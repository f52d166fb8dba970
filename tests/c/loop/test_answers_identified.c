/* csrc/loop/answers.c: the identifiers of requests that C answers (--request-id). */
#define _GNU_SOURCE
#include "answers_fixture.h"
#include <fcntl.h>
#include <stdio.h>

struct identified {
    struct fixture f;
    struct answerer a;
    struct rhb_request_id_pool pool;
    struct rhb_allowed_peers allowed;
    struct rhb_reports reports;
    int log[2];
};

static void set_up_identified(struct identified *s, struct rhb_test *t, bool allowed)
{
    const char *error;
    size_t error_at;
    set_up_answers(&s->f, &s->a, t, LONG);
    s->pool.left = 0;
    s->allowed = (struct rhb_allowed_peers){.unix_sockets = allowed};
    s->f.loop->options.request_ids =
        (struct rhb_request_id_policy){"x-request-id", "X-Request-ID", 12, &s->allowed, &s->pool};
    s->reports = (struct rhb_reports){
        .access_log = rhb_access_log_new("%({request_id}x)s %(U)s", &error, &error_at)};
    CHECK_INT(pipe2(s->log, O_CLOEXEC), 0);
    CHECK_INT(rhb_access_log_open(s->reports.access_log, NULL, s->log[1]), 0);
    s->f.fds += 2;
    s->f.loop->reports = &s->reports;
}

static void tear_down_identified(struct identified *s)
{
    s->f.loop->reports = NULL;
    rhb_access_log_free(s->reports.access_log);
    close(s->log[0]);
    close(s->log[1]);
    s->f.fds -= 2;
    tear_down_answers(&s->f, &s->a);
}

/* The identifier of the answer to this request, which the log has too; 0 bytes: none. */
static size_t identifier_of(struct identified *s, const char *request, const char *path, char *id)
{
    static const char name[] = "\r\nX-Request-ID: ";
    struct rhb_test *t = s->f.t;
    struct fixture *f = &s->f;
    struct client c = client_new(f, BY_UNIX);
    char line[300] = {0}, wanted[300];
    client_send_text(f, &c, request);
    restart_timer(f);
    while (!client_sees_end(&c) && step(f))
        ;
    const char *at = memmem(c.got.data, c.got.len, name, sizeof name - 1);
    size_t len = at == NULL ? 0 : strcspn(at + sizeof name - 1, "\r");
    if (at != NULL)
        memcpy(id, at + sizeof name - 1, len);
    id[len] = '\0';
    client_close(&c);
    while (f->loop->open > 0 && step(f))
        ;
    CHECK_INT(rhb_access_log_flush(s->reports.access_log), 0);
    ssize_t got = read(s->log[0], line, sizeof line);
    snprintf(wanted, sizeof wanted, "%s %s\n", id, path);
    CHECK_STR(line, (size_t)got, wanted);
    return len;
}

#define IDENTIFIED(path)                                                                           \
    "GET " path " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-ID: front-7\r\n\r\n"

static void an_answer_has_an_identifier_as_the_log_has(struct rhb_test *t)
{
    struct identified s;
    char first[200], second[200];
    set_up_identified(&s, t, false);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/empty"), "/empty", first), RHB_REQUEST_ID_MADE);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/file"), "/file", second), RHB_REQUEST_ID_MADE);
    CHECK(strcmp(first, second) != 0);
    tear_down_identified(&s);
    set_up_identified(&s, t, true);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/empty"), "/empty", first), 7);
    CHECK(strcmp(first, "front-7") == 0);
    CHECK_INT(identifier_of(&s, IDENTIFIED("/memory"), "/memory", first), 7); /* it is suspended */
    CHECK(strcmp(first, "front-7") == 0);
    tear_down_identified(&s);
}

static const struct rhb_case cases[] = {
    RHB_CASE(an_answer_has_an_identifier_as_the_log_has),
};

int main(void)
{
    return RHB_RUN(cases);
}
