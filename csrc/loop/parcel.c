#define _GNU_SOURCE
#include "parcel.h"
#include "base/live.h"
#include "body_turns.h"
#include "parking.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* the connection, and the file of its body */
enum { MOST_DESCRIPTORS = RHB_PARCEL_DESCRIPTORS };

/* The first bytes of the message. Behind them: `in_len` bytes of input, and `body_len` bytes of the
 * body if it is in memory. */
struct parcel {
    struct rhb_peer peer;
    uint64_t deadline;    /* of a part of a request head */
    uint64_t waits_until; /* for the answer to another request: not longer elsewhere */
    uint32_t requests;
    uint8_t listener, state, expected;
    bool forks; /* a child of the sender may have a copy of the descriptor */
    bool has_body, body_in_file;
    size_t head_seen, in_len;
    /* with has_body: */
    struct rhb_framing framing;
    struct phr_strict_chunked decoder;
    uint64_t since, body_len;
    size_t host_at; /* in the input */
};

/* ---- the descriptors of a message ---- */

union control {
    char bytes[CMSG_SPACE(MOST_DESCRIPTORS * sizeof(int))];
    struct cmsghdr aligned;
};

static void put_descriptors(struct msghdr *message, union control *control, const int *fds,
                            size_t count)
{
    memset(control, 0, sizeof *control);
    message->msg_control = control->bytes;
    message->msg_controllen = CMSG_SPACE(count * sizeof *fds);
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof *fds);
    memcpy(CMSG_DATA(header), fds, count * sizeof *fds);
}

/* Returns how many there are. */
static size_t get_descriptors(struct msghdr *message, int *fds)
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    if (size > MOST_DESCRIPTORS * sizeof *fds)
        size = MOST_DESCRIPTORS * sizeof *fds;
    memcpy(fds, CMSG_DATA(header), size);
    return size / sizeof *fds;
}

/* ---- sending ---- */

/* A body in memory, copied into a file. -1 with errno set. */
static int copy_to_file(const struct rhb_body *body)
{
    const char *data;
    size_t size;
    /* memfd_create(2); the function came with glibc 2.27, and wheels are made for 2.17. */
    int fd = (int)syscall(SYS_memfd_create, "rhebok-body", MFD_CLOEXEC);
    for (size_t part = 0; fd >= 0 && (size = rhb_body_part(body, part, &data)) > 0; part++)
        if (write(fd, data, size) != (ssize_t)size) {
            close(fd);
            return -1;
        }
    return fd;
}

static struct parcel describe(const struct rhb_loop *loop, const struct rhb_conn *conn)
{
    struct parcel parcel = {.peer = conn->peer,
                            .deadline = conn->deadline,
                            .waits_until = conn->waits_until,
                            .requests = conn->requests,
                            .listener = conn->listener,
                            .state = conn->state,
                            .expected = conn->expected,
                            .forks = loop->forks,
                            .head_seen = conn->head_seen,
                            .in_len = conn->in.len};
    const struct rhb_incoming *incoming = conn->incoming;
    if (incoming == NULL)
        return parcel;
    parcel.has_body = true;
    parcel.framing = incoming->framing;
    parcel.decoder = incoming->decoder;
    parcel.since = incoming->since;
    parcel.body_len = incoming->body.len;
    if (incoming->framing.host != NULL)
        parcel.host_at = (size_t)(incoming->framing.host - conn->in.data);
    return parcel;
}

/* The connection is elsewhere now. */
static void forget(struct rhb_loop *loop, struct rhb_conn *conn)
{
    if (conn->incoming != NULL)
        rhb_body_turn_release(loop, conn->incoming);
    loop->parcels.looked_last = false; /* it may come back */
    rhb_conn_disown(loop, conn);
}

/* Sends the message. body_fd: -1 for a body in memory. */
static enum rhb_parcel_result post(const struct rhb_conn *conn, struct parcel *parcel, int body_fd,
                                   int queue)
{
    struct iovec pieces[2 + RHB_PARCEL_BODY / RHB_PARCEL_PIECE + 2] = {
        {.iov_base = parcel, .iov_len = sizeof *parcel},
        {.iov_base = conn->in.data, .iov_len = conn->in.len}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 2};
    int fds[MOST_DESCRIPTORS] = {conn->fd, body_fd};
    union control control;
    parcel->body_in_file = body_fd >= 0;
    if (parcel->has_body && body_fd < 0) {
        const char *data;
        size_t size, room = sizeof pieces / sizeof *pieces;
        for (size_t part = 0; (size = rhb_body_part(&conn->incoming->body, part, &data)) > 0;
             part++) {
            if ((size_t)message.msg_iovlen == room) /* an int in musl */
                return RHB_PARCEL_UNMOVABLE;
            pieces[message.msg_iovlen++] =
                (struct iovec){.iov_base = (char *)(uintptr_t)data, .iov_len = size};
        }
    }
    put_descriptors(&message, &control, fds, body_fd >= 0 ? 2 : 1);
    if (sendmsg(queue, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return RHB_PARCEL_OK;
    /* ETOOMANYREFS: too many descriptors are on their way (RLIMIT_NOFILE) */
    bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == ETOOMANYREFS;
    return full ? RHB_PARCEL_FULL : RHB_PARCEL_UNMOVABLE;
}

enum rhb_parcel_result rhb_parcel_send(struct rhb_loop *loop, struct rhb_conn *conn,
                                       const struct rhb_queue *queue)
{
    struct parcel parcel = describe(loop, conn);
    const struct rhb_body *body = conn->incoming != NULL ? &conn->incoming->body : NULL;
    int file = body != NULL ? body->fd : -1, copy = -1;
    if (conn->in.len > RHB_PARCEL_BYTES)
        return RHB_PARCEL_UNMOVABLE;
    if (body != NULL && file < 0 && body->len > RHB_PARCEL_BODY) {
        file = copy = copy_to_file(body);
        if (copy < 0)
            return RHB_PARCEL_UNMOVABLE;
    }
    enum rhb_parcel_result result = post(conn, &parcel, file, queue->in);
    if (copy >= 0)
        close(copy);
    if (result == RHB_PARCEL_OK)
        forget(loop, conn);
    return result;
}

void rhb_parcel_free_moved(struct rhb_loop *loop)
{
    while (!rhb_list_empty(&loop->moved)) {
        struct rhb_conn *conn = (struct rhb_conn *)loop->moved.next;
        rhb_list_remove(&conn->link);
        rhb_conn_drop_request(conn, &loop->freed);
        rhb_conn_recycle(loop, conn);
    }
}

/* ---- taking ---- */

/* recvmsg(2) loses descriptors for which the process has no free number. So some are kept free, by
 * descriptors that mean nothing. False: there are not enough. */
static bool reserve_numbers(struct rhb_loop *loop)
{
    for (int i = 0; i < MOST_DESCRIPTORS; i++)
        if (loop->reserved[i] < 0)
            loop->reserved[i] = fcntl(loop->epoll, F_DUPFD_CLOEXEC, 0);
    return loop->reserved[0] >= 0 && loop->reserved[1] >= 0;
}

static void free_numbers(struct rhb_loop *loop)
{
    for (int i = 0; i < MOST_DESCRIPTORS; i++) {
        close(loop->reserved[i]);
        loop->reserved[i] = -1;
    }
}

/* The body that came along. False: no memory; the file is closed. */
static bool restore_body(struct rhb_loop *loop, struct rhb_conn *conn, const struct parcel *parcel,
                         const char *data, int file)
{
    struct rhb_incoming *incoming = malloc(sizeof *incoming);
    if (incoming == NULL) {
        if (file >= 0)
            close(file);
        return false;
    }
    RHB_LIVE_BORN(RHB_LIVE_INCOMING);
    *incoming = (struct rhb_incoming){.framing = parcel->framing,
                                      .decoder = parcel->decoder,
                                      .since = parcel->since,
                                      .has_turn = true};
    if (incoming->framing.host != NULL) /* in the buffer of the sender */
        incoming->framing.host = conn->in.data + parcel->host_at;
    rhb_body_init(&incoming->body, parcel->framing.content_length, loop->options.body_buffer,
                  loop->options.body_memory);
    conn->incoming = incoming;
    if (!parcel->body_in_file)
        return rhb_body_append(&incoming->body, data, (size_t)parcel->body_len) == RHB_BODY_OK;
    incoming->body.fd = file;
    incoming->body.block_size = 0;
    incoming->body.len = parcel->body_len;
    return true;
}

/* The connection of a message. NULL: no memory. */
static struct rhb_conn *restore(struct rhb_loop *loop, const struct parcel *parcel,
                                const char *bytes, const int *fds)
{
    struct rhb_conn *conn = rhb_conn_new(loop, fds[0]);
    if (conn == NULL) {
        close(fds[0]);
        if (parcel->body_in_file)
            close(fds[1]);
        return NULL;
    }
    conn->listener = parcel->listener;
    conn->expected = parcel->expected;
    conn->requests = parcel->requests;
    conn->peer = parcel->peer;
    conn->graced = true;
    conn->deadline = parcel->deadline;
    conn->waits_until = parcel->waits_until;
    conn->head_seen = parcel->head_seen;
    loop->forks = loop->forks || parcel->forks;
    bool whole = parcel->in_len == 0 || rhb_bytes_append(&conn->in, bytes, parcel->in_len);
    if (whole && parcel->has_body)
        whole = restore_body(loop, conn, parcel, bytes + parcel->in_len,
                             parcel->body_in_file ? fds[1] : -1);
    if (whole && parcel->state == RHB_CONN_HEAD)
        whole = rhb_park_until(loop, conn, RHB_CONN_HEAD, parcel->deadline);
    if (whole)
        return conn;
    rhb_conn_close(loop, conn);
    return NULL;
}

/* Receives one message. Returns the number of its descriptors; 0 when there is none, or one whose
 * descriptors have been lost. */
static size_t receive(struct rhb_loop *loop, int queue, int *fds, bool *empty)
{
    struct iovec piece = {.iov_base = loop->parcel, .iov_len = rhb_parcel_size()};
    union control control;
    struct msghdr message = {.msg_iov = &piece,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(queue, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *empty = got < 0;
    if (got < (ssize_t)sizeof(struct parcel))
        return 0;
    return get_descriptors(&message, fds);
}

size_t rhb_parcel_size(void)
{
    return sizeof(struct parcel) + RHB_PARCEL_BYTES + RHB_PARCEL_BODY;
}

struct rhb_conn *rhb_parcel_take(struct rhb_loop *loop, const struct rhb_queue *queue, bool *empty)
{
    const struct parcel *parcel = (const struct parcel *)(const void *)loop->parcel;
    int fds[MOST_DESCRIPTORS];
    *empty = false;
    if (!reserve_numbers(loop))
        return NULL;
    free_numbers(loop);
    size_t count = receive(loop, queue->out, fds, empty);
    reserve_numbers(loop);
    if (count == 0)
        return NULL;
    if (count < (parcel->body_in_file ? 2 : 1)) { /* another thread has taken the number */
        close(fds[0]);
        return NULL;
    }
    return restore(loop, parcel, loop->parcel + sizeof *parcel, fds);
}
