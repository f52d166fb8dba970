/* Where connections wait: in epoll, and in the list of their state. Each list is in the order of
 * its deadlines: a state has one timeout, so appending keeps the order. Connections are made and
 * closed here too. Called by all of the loop. */
#ifndef RHB_PARKING_H
#define RHB_PARKING_H

#include "loop.h"

/* ---- parking ---- */

/* Parks the connection in this state, whether it was parked before or not; its deadline starts
 * now. False when epoll refuses it, for lack of memory: then the connection has been closed. */
bool rhb_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state);

/* The same, but a connection that epoll refuses is left open, and BUSY. */
bool rhb_try_park(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state);

/* rhb_try_park with a deadline that has begun elsewhere. */
bool rhb_park_until(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_conn_state state,
                    uint64_t deadline);

/* Starts the deadline of a parked connection anew. */
void rhb_park_again(struct rhb_loop *loop, struct rhb_conn *conn);

/* Takes the connection out of its list: BUSY. It stays in epoll. */
void rhb_unpark(struct rhb_loop *loop, struct rhb_conn *conn);

/* Puts the connection on the ready list: it is read next without an event of epoll. */
void rhb_make_ready(struct rhb_loop *loop, struct rhb_conn *conn);

/* Asks epoll for the connection's input, and with `write` for EPOLLOUT too. Asking again makes
 * epoll report again what is there. False when epoll refuses, for lack of memory. */
bool rhb_watch(struct rhb_loop *loop, struct rhb_conn *conn, bool write);

/* The earliest deadline of all, in coarse monotonic ns; UINT64_MAX when nothing is parked. */
uint64_t rhb_parking_earliest(const struct rhb_loop *loop);

/* ---- making and closing connections ---- */

/* A connection for fd, BUSY. NULL when there is no memory; fd is left open then. */
struct rhb_conn *rhb_conn_new(struct rhb_loop *loop, int fd);

/* Closes the socket and frees the connection, whatever its state. */
void rhb_conn_close(struct rhb_loop *loop, struct rhb_conn *conn);

/* The connection belongs to another process now: the socket is closed here only. The memory is
 * freed, or goes to loop->moved if a body came with it. */
void rhb_conn_disown(struct rhb_loop *loop, struct rhb_conn *conn);

/* Frees the memory of a closed connection, or keeps it for another one. */
void rhb_conn_recycle(struct rhb_loop *loop, struct rhb_conn *conn);

/* To be called with the result of the epoll_wait of a thread that slept, once or more. Drops the
 * events of connections that other threads have closed meanwhile, and frees these. */
void rhb_parking_forget_closed(struct rhb_loop *loop, int n_events);

/* Frees the memory that closed connections have left. */
void rhb_parking_free_closed(struct rhb_loop *loop);

#endif
