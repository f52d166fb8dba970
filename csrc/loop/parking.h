/* Where connections wait: one list a state, in the order of their deadlines (each state has one
 * duration, so appending keeps the order), and the way into epoll. Called by the loop's other
 * pieces. */
#ifndef RHB_PARKING_H
#define RHB_PARKING_H

#include "loop.h"

/* Waits in epoll for what the state says, its deadline starting now, whether it was parked before
 * or not. When epoll cannot take it the connection is closed, and the result false. */
bool rhb_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state);

/* The same, but then the connection is left BUSY. */
bool rhb_try_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state);

/* Its deadline starts anew. For one that is parked. */
void rhb_park_again(struct rhb_loop *loop, struct rhb_conn *conn);

/* Out of its list and in nobody's: BUSY. */
void rhb_unpark(struct rhb_conn *conn);

/* Its turn comes without waiting for epoll. */
void rhb_make_ready(struct rhb_loop *loop, struct rhb_conn *conn);

/* A connection for fd, BUSY. NULL when there is no memory (fd is left open). */
struct rhb_conn *rhb_conn_new(struct rhb_loop *loop, int fd);

/* Closes the socket and forgets the connection, wherever it is. */
void rhb_conn_close(struct rhb_loop *loop, struct rhb_conn *conn);

/* epoll has given so many events to a thread that slept: those of connections that others have
 * closed meanwhile are dropped, and the connections may be used again. */
void rhb_parking_forget_closed(struct rhb_loop *loop, int n_events);

/* Frees the memory of closed connections. */
void rhb_parking_free_closed(struct rhb_loop *loop);

/* Says that nothing more is coming, then drains what the client still sends, bounded by the linger
 * deadline, then closes (RFC 9112 section 9.6). */
void rhb_conn_linger(struct rhb_loop *loop, struct rhb_conn *conn);

/* The earliest deadline of all, UINT64_MAX when nothing waits. */
uint64_t rhb_parking_earliest(const struct rhb_loop *loop);

#endif
