/* The system calls that move bytes, with results as an enum. One call is one attempt on a
 * non-blocking socket (repeated for EINTR only); nothing here waits. */
#ifndef RHB_SOCKET_IO_H
#define RHB_SOCKET_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum rhb_io {
    RHB_IO_OK,    /* recv: at least one byte; send: all of it */
    RHB_IO_AGAIN, /* recv: nothing there yet; send: the socket took only a part (see *done) */
    RHB_IO_EOF,   /* recv: the peer has finished; sendfile: the file is shorter than promised */
    RHB_IO_ERROR  /* the connection is of no more use; errno says why */
};

/* *done is the count of bytes moved; always set. */
enum rhb_io rhb_recv(int fd, void *buf, size_t cap, size_t *done);
enum rhb_io rhb_send(int fd, const void *data, size_t len, size_t *done);

/* The same as often as the socket takes something, for bytes that nobody keeps until it has room.
 */
enum rhb_io rhb_send_all(int fd, const void *data, size_t len, size_t *done);

/* The same for bytes that others, or the end, follow at once: TCP holds back what does not fill a
 * segment. */
enum rhb_io rhb_send_more(int fd, const void *data, size_t len, size_t *done);

/* At most IOV_MAX pieces. more: as rhb_send_more. Never raises SIGPIPE. */
enum rhb_io rhb_sendv(int fd, struct iovec *iov, size_t count, bool more, size_t *done);

/* From file at *offset, which moves on. Falls back to nothing: the caller has checked that file is
 * a regular file. */
enum rhb_io rhb_sendfile(int fd, int file, off_t *offset, size_t len, size_t *done);

/* Blocks until the socket takes bytes, for callers that cannot be parked: OK, AGAIN when the
 * deadline (coarse monotonic ns) has passed, ERROR. OK also when a signal came: try, and look at
 * it. */
enum rhb_io rhb_wait_writable(int fd, uint64_t deadline);

/* Bytes that have been sent and that the peer has not acknowledged (TCP) or not read (unix). */
uint32_t rhb_unsent(int fd);

/* From now on closing resets the connection, so that its peer cannot take what it got for the
 * whole. */
void rhb_reset_on_close(int fd);

#endif
