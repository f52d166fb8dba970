/* A parcel: a connection that moves to another worker, as one message of a queue (channel.h). It
 * has the descriptor and all that the loop knows of the connection: its listener and peer, its
 * counts, the bytes that were received, and a body that is arriving. Sender and receiver are
 * workers of one generation, so the structs have one layout. */
#ifndef RHB_PARCEL_H
#define RHB_PARCEL_H

#include "channel.h"
#include "loop.h"

enum {
    RHB_PARCEL_BYTES = 96 * 1024, /* of input, at most */
    RHB_PARCEL_BODY = 64 * 1024,  /* of a body in memory; a longer one travels as a file */
    RHB_PARCEL_PIECE = 16 * 1024  /* the smallest block of a body that is not its last */
};

/* Bytes of the longest message, for loop->parcel. */
size_t rhb_parcel_size(void);

enum rhb_parcel_result {
    RHB_PARCEL_OK,
    RHB_PARCEL_FULL,     /* the queue has no space now */
    RHB_PARCEL_UNMOVABLE /* this connection cannot be sent */
};

/* Sends a connection that no thread serves and that no response waits on. With OK it belongs to the
 * queue: here it is closed, and its memory is free or in loop->moved. Otherwise nothing has
 * changed. Needs no GIL. */
enum rhb_parcel_result rhb_parcel_send(struct rhb_loop *loop, struct rhb_conn *conn,
                                       const struct rhb_queue *queue);

/* The next connection of the queue: BUSY, or parked if a part of a request head came along, whose
 * deadline goes on. NULL: *empty says whether there was none; otherwise there is no capacity for
 * it. Needs the GIL if a body may come along. */
struct rhb_conn *rhb_parcel_take(struct rhb_loop *loop, const struct rhb_queue *queue, bool *empty);

/* Frees what sent connections have left in loop->moved. Needs the GIL. */
void rhb_parcel_free_moved(struct rhb_loop *loop);

#endif
