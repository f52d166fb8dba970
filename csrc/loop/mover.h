/* The mover: a thread of each worker, without Python. It sends away connections whose requests wait
 * because the worker is busy with other requests. Two things make it act:
 *
 * - All threads have been with the application for a tick, and another worker is idle: then
 *   requests are sent as they arrive.
 * - A request has been there for a tick unread, because others come before it, and another worker
 *   is idle.
 *
 * When no worker is idle and the threads make no progress for several ticks, requests go to the
 * queue too, so that the first worker that is free takes the oldest. While a thread waits for
 * events the mover sleeps. The next event wakes both, unless the thread is faster and has read what
 * was there: then epoll shows the mover nothing, and it sleeps on. It wakes with the next event
 * that nobody reads. What has been read and waits in the ready list has none, so a thread that
 * leaves the loop then wakes the mover (rhb_loop_leave). The mover is in the loop only while no
 * thread is (presence.h), so no request pays for it. */
#ifndef RHB_MOVER_H
#define RHB_MOVER_H

#include "loop.h"

/* Starts it, for a loop with a channel that no thread has entered. False with errno set when there
 * can be no thread. */
bool rhb_mover_start(struct rhb_loop *loop);

/* While the process forks: its thread ends and begins anew. So the child gets no loop that is just
 * changing. Python warns of a fork with several threads, and sees none that is ours, because the
 * pause ends only when its fork has returned. Pauses may overlap; the last one to end resumes.
 * False with errno set when there can be no thread: then connections do not move, until the next
 * fork. Nothing happens without a mover. */
void rhb_mover_pause(struct rhb_loop *loop);
bool rhb_mover_resume(struct rhb_loop *loop);

/* Ends it, if it runs. The calling thread may be in the loop. */
void rhb_mover_stop(struct rhb_loop *loop);

#endif
