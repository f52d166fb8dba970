/* The native stack of a thread, written in the handler of a signal that another process sends. Only
 * where the C library has backtrace(3); elsewhere nothing is sent. */
#ifndef RHB_THREAD_STACKS_H
#define RHB_THREAD_STACKS_H

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<execinfo.h>)
#include <execinfo.h>
#define RHB_HAS_BACKTRACE true
#else
#define RHB_HAS_BACKTRACE false
#define backtrace(frames, count) ((void)(frames), (void)(count), 0)
#define backtrace_symbols_fd(frames, count, fd) ((void)(frames), (void)(count), (void)(fd))
#endif

/* Few programs use the last real-time signals. */
#define RHB_STACK_SIGNAL (SIGRTMAX - 2)

enum { RHB_STACK_FRAMES = 64, RHB_STACK_TURN_MS = 200 };

static int rhb_stack_fd = -1;
static atomic_flag rhb_stack_turn = ATOMIC_FLAG_INIT;

/* Stacks of several threads are not to be mixed. One that takes too long is not waited for. */
static void rhb_stack_wait_for_turn(void)
{
    struct timespec ms = {.tv_nsec = 1000000};
    for (int i = 0; i < RHB_STACK_TURN_MS && atomic_flag_test_and_set(&rhb_stack_turn); i++)
        nanosleep(&ms, NULL);
}

static void rhb_stack_title(void)
{
    char name[17] = "", line[64];
    prctl(PR_GET_NAME, name);
    int len = snprintf(line, sizeof line, "Native stack of thread %ld (%s):\n", syscall(SYS_gettid),
                       name);
    if (write(rhb_stack_fd, line, (size_t)len) < 0)
        return;
}

static void rhb_stack_write(int number)
{
    int before = errno;
    void *frames[RHB_STACK_FRAMES];
    (void)number;
    rhb_stack_wait_for_turn();
    rhb_stack_title();
    int count = backtrace(frames, RHB_STACK_FRAMES);
    if (count > 1) /* the first frame is this function */
        backtrace_symbols_fd(frames + 1, count - 1, rhb_stack_fd);
    atomic_flag_clear(&rhb_stack_turn);
    errno = before;
}

/* The first call of backtrace loads a library. Called by the parent of those that install: it is
 * then loaded once. */
static void rhb_stack_prepare(void)
{
    void *frame;
    (void)backtrace(&frame, 1);
}

/* From now on each thread of this process that gets the signal writes its stack to fd.
 * rhb_stack_prepare has been called: the handler must not load anything. */
static bool rhb_stack_install(int fd)
{
    struct sigaction action = {.sa_handler = rhb_stack_write, .sa_flags = SA_RESTART | SA_ONSTACK};
    rhb_stack_fd = fd;
    return !RHB_HAS_BACKTRACE || sigaction(RHB_STACK_SIGNAL, &action, NULL) == 0;
}

/* Whether that thread of a process that has installed the handler was sent the signal. */
static bool rhb_stack_ask(int pid, int thread)
{
    return RHB_HAS_BACKTRACE && syscall(SYS_tgkill, pid, thread, RHB_STACK_SIGNAL) == 0;
}

#endif
