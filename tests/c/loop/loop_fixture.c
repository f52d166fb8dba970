#define _GNU_SOURCE
#include "loop_fixture.h"
#include "base/live.h"
#include "loop/socket_io.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE (10 * RHB_NS_PER_SECOND)

/* An answer that is being sent: the owner of a connection whose socket does not take it at once. */
struct reply {
    char *data;
    size_t len, at;
    bool keep;
};

static void must(struct rhb_test *t, bool held, const char *what)
{
    if (held)
        return;
    rhb_note(t, "%s: %s", what, strerror(errno));
    abort();
}

/* ---- set up ---- */

static size_t count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t count = 0;
    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count;
}

static int listen_unix(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    must(f->t, bind(fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(f->t, listen(fd, 128) == 0, "listen");
    return fd;
}

static int listen_tcp(struct fixture *f)
{
    socklen_t len = sizeof f->tcp;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    f->tcp = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(f->t, bind(fd, (struct sockaddr *)&f->tcp, sizeof f->tcp) == 0, "bind");
    must(f->t, listen(fd, 128) == 0, "listen");
    must(f->t, getsockname(fd, (struct sockaddr *)&f->tcp, &len) == 0, "getsockname");
    return fd;
}

static struct rhb_loop_options default_options(void)
{
    struct rhb_loop_options options = {
        .limits = {.line = 4096, .head = 16384, .field = 8192},
        .max_fields = 100,
        .body_buffer = 1 << 20,
        .keep_alive = true,
    };
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        options.timeouts[state] = 60 * RHB_NS_PER_SECOND;
    return options;
}

void set_up(struct fixture *f, struct rhb_test *t)
{
    *f = (struct fixture){.t = t, .dir = "/tmp/rhebok-loop-XXXXXX", .fds = count_fds()};
    f->options = default_options();
    must(t, mkdtemp(f->dir) != NULL, "mkdtemp");
    snprintf(f->path, sizeof f->path, "%s/socket", f->dir);
    f->listeners[BY_UNIX] = (struct rhb_listener){.fd = listen_unix(f), .is_unix = true};
    f->listeners[BY_TCP] = (struct rhb_listener){.fd = listen_tcp(f)};
    must(t, pipe2(f->wake, O_CLOEXEC | O_NONBLOCK) == 0, "pipe2");
}

void start(struct fixture *f)
{
    f->loop = rhb_loop_new(&f->options, f->listeners, LISTENERS, f->wake[0]);
    must(f->t, f->loop != NULL, "rhb_loop_new");
}

void tear_down(struct fixture *f)
{
    struct rhb_test *t = f->t;
    restart_timer(f);
    while (f->loop->open > 0 && step(f))
        ;
    CHECK_INT(f->loop->open, 0);
    CHECK_INT(f->loop->registered, 0);
    for (int state = 0; state < RHB_CONN_PARKED_STATES; state++)
        CHECK_INT(f->loop->n_parked[state], 0);
    CHECK(f->held == NULL);
    rhb_loop_free(f->loop);
    CHECK_INT(rhb_live_count(RHB_LIVE_CONNECTION), 0);
    CHECK_INT(rhb_live_count(RHB_LIVE_INCOMING), 0);
    CHECK_INT(rhb_live_count(RHB_LIVE_BODY), 0);
    rhb_bytes_free(&f->body);
    for (int i = 0; i < LISTENERS; i++)
        close(f->listeners[i].fd);
    close(f->wake[0]);
    close(f->wake[1]);
    unlink(f->path);
    rmdir(f->dir);
    CHECK_INT(count_fds(), f->fds);
}

/* ---- the application ---- */

static void copy_parts(struct fixture *f, const struct rhb_body *body)
{
    const char *data;
    size_t size;
    for (size_t part = 0; (size = rhb_body_part(body, part, &data)) > 0; part++)
        rhb_bytes_put(&f->body, data, size);
}

static void copy_body(struct fixture *f, const struct rhb_request *request)
{
    size_t len = (size_t)request->body_len;
    f->body.len = 0;
    must(f->t, rhb_bytes_reserve(&f->body, len + 1), "memory for the body");
    if (len == 0)
        return;
    if (request->inline_body != NULL)
        rhb_bytes_put(&f->body, request->inline_body, len);
    else if (request->body->fd < 0)
        copy_parts(f, request->body);
    else if (pread(request->body->fd, f->body.data, len, 0) == (ssize_t)len)
        f->body.len = len;
}

static struct reply *render_reply(struct fixture *f, const struct rhb_conn *conn)
{
    const struct rhb_request *request = &f->loop->lane->request;
    struct reply *reply = calloc(1, sizeof *reply);
    char what[5000];
    int len = snprintf(what, sizeof what, "%.*s %.*s %zu", (int)request->head.method_len,
                       request->head.method, (int)request->path_len, request->path,
                       (size_t)request->body_len);
    must(f->t, reply != NULL && (reply->data = malloc(8192 + f->padding)) != NULL, "reply");
    reply->keep = rhb_loop_may_keep(f->loop, conn) && !f->closes;
    reply->len = (size_t)sprintf(
        reply->data, "HTTP/1.1 200 OK\r\nConnection: %s\r\nContent-Length: %zu\r\n\r\n%s",
        reply->keep ? "keep-alive" : "close", (size_t)len + f->padding, what);
    memset(reply->data + reply->len, '.', f->padding);
    reply->len += f->padding;
    return reply;
}

static void reply_free(struct reply *reply)
{
    free(reply->data);
    free(reply);
}

static void send_reply(struct fixture *f, struct rhb_conn *conn, struct reply *reply)
{
    size_t done;
    enum rhb_io io = rhb_send(conn->fd, reply->data + reply->at, reply->len - reply->at, &done);
    reply->at += done;
    if (io == RHB_IO_AGAIN && rhb_loop_suspend(f->loop, conn, reply))
        return;
    if (io == RHB_IO_OK)
        rhb_loop_done(f->loop, conn, reply->keep);
    else
        rhb_loop_abort(f->loop, conn);
    reply_free(reply);
}

void answer(struct fixture *f, struct rhb_conn *conn)
{
    if (conn == f->held)
        f->held = NULL;
    copy_body(f, &f->loop->lane->request);
    send_reply(f, conn, render_reply(f, conn));
}

static void fail_reply(struct fixture *f, struct rhb_conn *conn)
{
    f->lost++;
    reply_free(conn->owner);
    rhb_loop_abort(f->loop, conn);
}

static void take_request(struct fixture *f, struct rhb_conn *conn)
{
    f->requests++;
    if (f->holds)
        f->held = conn;
    else
        answer(f, conn);
}

static void take_event(struct fixture *f, enum rhb_event event, struct rhb_conn *conn)
{
    switch (event) {
    case RHB_EVENT_REQUEST:
        take_request(f, conn);
        break;
    case RHB_EVENT_WRITABLE:
        f->writable++;
        send_reply(f, conn, conn->owner);
        break;
    case RHB_EVENT_LOST:
        fail_reply(f, conn);
        break;
    case RHB_EVENT_NO_BODY_FILE:
        f->body_errors++;
        break;
    case RHB_EVENT_WAKE:
        f->wakes++;
        break;
    case RHB_EVENT_DRAINED:
        f->drained++;
        break;
    case RHB_EVENT_ANSWER_FAILED:
        f->answer_errors++;
        break;
    case RHB_EVENT_ANSWERED:
        break;
    default:
        f->must_wait = true;
    }
}

/* WAIT is passed on to the test before it is obeyed: its condition may hold by then. */
bool step(struct fixture *f)
{
    struct rhb_conn *conn;
    if (rhb_now_exact() > f->fails_at) {
        rhb_note(f->t, "waited in vain");
        return false;
    }
    if (f->must_wait) {
        f->must_wait = false;
        f->waits++;
        rhb_loop_wait(f->loop);
    } else {
        enum rhb_event event = rhb_loop_poll(f->loop, &conn);
        take_event(f, event, conn);
    }
    return true;
}

void restart_timer(struct fixture *f)
{
    f->fails_at = rhb_now_exact() + PATIENCE;
}

/* A wake-up of our own makes the wait end at once. */
void poll_until_idle(struct fixture *f)
{
    struct rhb_test *t = f->t;
    unsigned wakes = f->wakes;
    CHECK_INT(write(f->wake[1], "!", 1), 1);
    restart_timer(f);
    while ((f->wakes == wakes || !f->must_wait) && step(f))
        ;
}

size_t parked(const struct fixture *f, enum rhb_conn_state state)
{
    const struct rhb_link *head = &f->loop->parked[state];
    size_t count = 0;
    for (const struct rhb_link *link = head->next; link != head; link = link->next)
        count++;
    rhb_check_int(f->t, f->loop->n_parked[state], (intmax_t)count, "n_parked", __FILE__, __LINE__);
    return count;
}

struct rhb_conn *first_parked(const struct fixture *f, enum rhb_conn_state state)
{
    struct rhb_link *head = &f->loop->parked[state];
    must(f->t, !rhb_list_empty(head), "a connection in this state");
    return (struct rhb_conn *)head->next;
}
