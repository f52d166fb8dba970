/* The clients of loop_fixture.h. */
#define _GNU_SOURCE
#include "loop/socket_io.h"
#include "loop_fixture.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void must(bool held, const char *what)
{
    if (held)
        return;
    perror(what);
    abort();
}

static int connect_unix(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(address.sun_path, f->path, strlen(f->path) + 1);
    must(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    return fd;
}

static int connect_tcp(struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(connect(fd, (struct sockaddr *)&f->tcp, sizeof f->tcp) == 0, "connect");
    return fd;
}

struct client client_new(struct fixture *f, int by)
{
    struct client c = {.fd = by == BY_UNIX ? connect_unix(f) : connect_tcp(f)};
    must(fcntl(c.fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    return c;
}

void client_close(struct client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    rhb_bytes_free(&c->got);
}

void client_reset(struct client *c)
{
    rhb_reset_on_close(c->fd);
    client_close(c);
}

void client_shut(struct client *c)
{
    shutdown(c->fd, SHUT_WR);
}

/* When the socket is full, the loop is polled until it takes more. */
void client_send(struct fixture *f, struct client *c, const char *bytes, size_t len)
{
    size_t done;
    enum rhb_io io;
    restart_timer(f);
    while ((io = rhb_send(c->fd, bytes, len, &done)) == RHB_IO_AGAIN) {
        bytes += done;
        len -= done;
        if (!step(f))
            break;
    }
    if (io == RHB_IO_ERROR)
        c->reset = true;
}

void client_send_text(struct fixture *f, struct client *c, const char *text)
{
    client_send(f, c, text, strlen(text));
}

static void take(struct client *c)
{
    char bytes[16384];
    size_t got;
    enum rhb_io io;
    while ((io = rhb_recv(c->fd, bytes, sizeof bytes, &got)) == RHB_IO_OK)
        if (!rhb_bytes_append(&c->got, bytes, got))
            abort();
    c->ended = c->ended || io == RHB_IO_EOF;
    c->reset = c->reset || io == RHB_IO_ERROR;
}

static size_t content_length(const char *head, size_t len)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *at = memmem(head, len, name, sizeof name - 1);
    return at == NULL ? 0 : strtoul(at + sizeof name - 1, NULL, 10);
}

/* The bytes of the first answer, its head in *head_len; 0 while it is not whole. */
static size_t whole_answer(const struct client *c, size_t *head_len)
{
    const char *end = c->got.len ? memmem(c->got.data, c->got.len, "\r\n\r\n", 4) : NULL;
    if (end == NULL)
        return 0;
    *head_len = (size_t)(end - c->got.data) + 4;
    size_t len = *head_len + content_length(c->got.data, *head_len);
    return len <= c->got.len ? len : 0;
}

bool client_has_answer(struct client *c)
{
    size_t head_len;
    take(c);
    return whole_answer(c, &head_len) > 0;
}

bool client_sees_end(struct client *c)
{
    take(c);
    return c->ended || c->reset;
}

int answer_to(struct fixture *f, struct client *c)
{
    size_t head_len, len;
    restart_timer(f);
    while (!client_has_answer(c) && !c->ended && !c->reset && step(f))
        ;
    if ((len = whole_answer(c, &head_len)) == 0)
        return 0;
    int status = atoi(c->got.data + 9);
    c->body_len = len - head_len;
    size_t shown = c->body_len < sizeof c->body ? c->body_len : sizeof c->body - 1;
    memcpy(c->body, c->got.data + head_len, shown);
    c->body[shown] = '\0';
    c->kept = memmem(c->got.data, head_len, "keep-alive", 10) != NULL;
    c->got.len -= len;
    memmove(c->got.data, c->got.data + len, c->got.len);
    return status;
}

bool ends_well(struct fixture *f, struct client *c)
{
    restart_timer(f);
    while (!client_sees_end(c) && step(f))
        ;
    return c->ended && !c->reset;
}

char *pattern_new(size_t len)
{
    char *bytes = malloc(len + 1);
    if (bytes == NULL)
        abort();
    for (size_t i = 0; i < len; i++)
        bytes[i] = (char)('a' + (i * 7 + i / 251) % 26);
    bytes[len] = '\0';
    return bytes;
}
