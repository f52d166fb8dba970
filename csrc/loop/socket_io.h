/* The system calls that send and receive, with an enum as result. Each function tries once, and
 * again only after EINTR; none of them waits, except rhb_wait_writable. None raises SIGPIPE, except
 * rhb_sendfile. */
#ifndef RHB_SOCKET_IO_H
#define RHB_SOCKET_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum rhb_io {
    RHB_IO_OK,    /* recv: at least one byte; send: all of it */
    RHB_IO_AGAIN, /* recv: there is nothing yet; send: the socket took only a part, or nothing */
    RHB_IO_EOF,   /* recv: the peer has ended its side; sendfile: the file is too short */
    RHB_IO_ERROR  /* the connection has failed; errno is set */
};

/* *done is always set: the number of bytes received or sent. */
enum rhb_io rhb_recv(int fd, void *buf, size_t cap, size_t *done);
enum rhb_io rhb_send(int fd, const void *data, size_t len, size_t *done);

/* The same, repeated as long as the socket takes something; for bytes that are not kept for later.
 */
enum rhb_io rhb_send_all(int fd, const void *data, size_t len, size_t *done);

/* As rhb_send, for bytes that more bytes or the end of the connection will follow at once: TCP
 * holds back what does not fill a segment. */
enum rhb_io rhb_send_more(int fd, const void *data, size_t len, size_t *done);

/* Sends count pieces, at most IOV_MAX. more: as for rhb_send_more. */
enum rhb_io rhb_sendv(int fd, struct iovec *iov, size_t count, bool more, size_t *done);

/* Sends len bytes of a regular file from *offset on, and advances *offset. */
enum rhb_io rhb_sendfile(int fd, int file, off_t *offset, size_t len, size_t *done);

/* Waits until the socket takes bytes; for callers that cannot be parked. deadline: in coarse
 * monotonic ns. Returns AGAIN when it has passed, OK also after a signal, or ERROR. */
enum rhb_io rhb_wait_writable(int fd, uint64_t deadline);

/* The bytes that the socket holds: sent, but not acknowledged (TCP) or not read (unix) by the peer.
 */
uint32_t rhb_unsent(int fd);

/* ns since bytes were last received from a TCP socket, in whole milliseconds; 0: unknown. */
uint64_t rhb_since_received(int fd);

/* From now on close(2) resets the connection, so that the peer does not take what it has received
 * for the whole response. */
void rhb_reset_on_close(int fd);

#endif
