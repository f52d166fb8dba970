#include "sending.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FILE_TURN = 2 * 1024 * 1024, /* bytes of a file; then other connections have their turn */
    READ_SIZE = 64 * 1024
};

bool rhb_sending_join(struct rhb_sending *sending, struct rhb_bytes *out)
{
    struct rhb_answer *answer = &sending->answer;
    if (answer->len > 0 && answer->len <= RHB_SMALL_BODY) {
        if (!rhb_bytes_append(out, answer->data, answer->len))
            return false;
        answer->len = 0;
    }
    sending->out = *out;
    return true;
}

/* So many bytes of head and memory have been sent. */
static void advance(struct rhb_sending *sending, size_t done)
{
    size_t left = sending->out.len - sending->out_at, of_out = done < left ? done : left;
    sending->sent += done;
    sending->out_at += of_out;
    sending->answer.data += done - of_out;
    sending->answer.len -= done - of_out;
}

/* Head and memory. */
static enum rhb_io send_memory(struct rhb_sending *sending, int fd)
{
    struct rhb_answer *answer = &sending->answer;
    const char *out = sending->out.data + sending->out_at;
    size_t left = sending->out.len - sending->out_at, done;
    bool more = answer->file_left > 0 || !sending->keep;
    enum rhb_io io;
    if (answer->len > 0) {
        struct iovec parts[] = {{(void *)out, left}, {(void *)answer->data, answer->len}};
        io = rhb_sendv(fd, parts, 2, more, &done);
    } else {
        io = more ? rhb_send_more(fd, out, left, &done) : rhb_send(fd, out, left, &done);
    }
    advance(sending, done);
    return io;
}

/* For files of which the kernel cannot send (sendfile(2): EINVAL). */
static enum rhb_io read_and_send(const struct rhb_answer *answer, int fd, size_t len, size_t *done)
{
    char *bytes = malloc(READ_SIZE);
    enum rhb_io io = RHB_IO_ERROR;
    int error;
    *done = 0;
    if (bytes == NULL)
        return RHB_IO_ERROR;
    ssize_t got;
    do
        got = pread(answer->file, bytes, len < READ_SIZE ? len : READ_SIZE, answer->file_at);
    while (got < 0 && errno == EINTR);
    if (got > 0)
        io = rhb_send(fd, bytes, (size_t)got, done);
    else if (got == 0)
        io = RHB_IO_EOF;
    error = errno;
    free(bytes);
    errno = error;
    return io;
}

/* The client, or the network, may go away at any time: nobody is told. */
static bool is_of_client(int error)
{
    switch (error) {
    case EPIPE:
    case ECONNRESET:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ENETDOWN:
        return true;
    default:
        return false;
    }
}

static int error_of_file(enum rhb_io io)
{
    if (io == RHB_IO_EOF)
        return ENODATA; /* it has become shorter */
    return io == RHB_IO_ERROR && !is_of_client(errno) ? errno : 0;
}

static enum rhb_io send_part(struct rhb_answer *answer, int fd, size_t len, size_t *done)
{
    off_t at = answer->file_at;
    enum rhb_io io = rhb_sendfile(fd, answer->file, &at, len, done);
    if (io == RHB_IO_ERROR && (errno == EINVAL || errno == ENOSYS))
        io = read_and_send(answer, fd, len, done);
    answer->error = error_of_file(io);
    answer->file_at += (off_t)*done;
    answer->file_left -= *done;
    return io;
}

static enum rhb_io send_file(struct rhb_sending *sending, int fd)
{
    struct rhb_answer *answer = &sending->answer;
    size_t turn = FILE_TURN, done;
    while (answer->file_left > 0 && turn > 0) {
        size_t len = answer->file_left < turn ? (size_t)answer->file_left : turn;
        enum rhb_io io = send_part(answer, fd, len, &done);
        sending->sent += done;
        turn -= done;
        if (io != RHB_IO_OK)
            return io;
    }
    return answer->file_left > 0 ? RHB_IO_AGAIN : RHB_IO_OK;
}

enum rhb_io rhb_sending_go_on(struct rhb_sending *sending, int fd)
{
    enum rhb_io io = RHB_IO_OK;
    if (sending->out_at < sending->out.len || sending->answer.len > 0)
        io = send_memory(sending, fd);
    if (io == RHB_IO_OK && sending->answer.file_left > 0)
        io = send_file(sending, fd);
    return io;
}
