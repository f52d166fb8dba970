/* A lock for what the GIL protects in most builds of Python. With RHB_FREE_THREADED it is a mutex,
 * otherwise nothing. */
#ifndef RHB_LOCK_H
#define RHB_LOCK_H

#ifdef RHB_FREE_THREADED

#include <pthread.h>

struct rhb_lock {
    pthread_mutex_t mutex;
};

static inline void rhb_lock_init(struct rhb_lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
}

static inline void rhb_lock_take(struct rhb_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

static inline void rhb_lock_give(struct rhb_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

#else

struct rhb_lock {
    char nothing;
};

static inline void rhb_lock_init(struct rhb_lock *lock)
{
    (void)lock;
}

static inline void rhb_lock_take(struct rhb_lock *lock)
{
    (void)lock;
}

static inline void rhb_lock_give(struct rhb_lock *lock)
{
    (void)lock;
}

#endif

#endif
