/* The stack of a thread, written in the handler of a signal that another process sends: the native
 * one, only where the C library has backtrace(3), elsewhere nothing is sent; and the Python frames,
 * by the handler that faulthandler has installed. A thread may read its own frames at any time,
 * those of others only while they cannot run. */
#ifndef RHB_THREAD_STACKS_H
#define RHB_THREAD_STACKS_H

#include <Python.h>
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
#define RHB_FRAMES_SIGNAL (SIGRTMAX - 3)

enum { RHB_STACK_FRAMES = 64, RHB_STACK_TURN_MS = 200 };

static int rhb_stack_fd = -1, rhb_frames_fd = -1;
static void (*rhb_stack_frames)(int); /* faulthandler's */
static atomic_flag rhb_stack_turn = ATOMIC_FLAG_INIT;

/* Stacks of several threads are not to be mixed. One that takes too long is not waited for. */
static void rhb_stack_wait_for_turn(void)
{
    struct timespec ms = {.tv_nsec = 1000000};
    for (int i = 0; i < RHB_STACK_TURN_MS && atomic_flag_test_and_set(&rhb_stack_turn); i++)
        nanosleep(&ms, NULL);
}

static void rhb_stack_title(int fd, const char *format)
{
    char name[17] = "", line[64];
    prctl(PR_GET_NAME, name);
    int len = snprintf(line, sizeof line, format, syscall(SYS_gettid), name);
    if (write(fd, line, (size_t)len) < 0)
        return;
}

static void rhb_stack_native(void)
{
    void *frames[RHB_STACK_FRAMES];
    rhb_stack_title(rhb_stack_fd, "Native stack of thread %ld (%s):\n");
    int count = backtrace(frames, RHB_STACK_FRAMES);
    if (count > 1) /* the first frame is this function */
        backtrace_symbols_fd(frames + 1, count - 1, rhb_stack_fd);
}

/* In the line of faulthandler's title. The mover has no frames. */
static void rhb_stack_python(int number)
{
    if (PyGILState_GetThisThreadState() == NULL)
        return;
    rhb_stack_title(rhb_frames_fd, "Thread %ld (%s): ");
    rhb_stack_frames(number);
}

static void rhb_stack_write(int number)
{
    int before = errno;
    rhb_stack_wait_for_turn();
    if (number == RHB_FRAMES_SIGNAL)
        rhb_stack_python(number);
    else
        rhb_stack_native();
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

/* The handler that the signal has; its address does not change when it is called more than once. */
static bool rhb_stack_find_frames(void)
{
    struct sigaction found;
    if (sigaction(RHB_FRAMES_SIGNAL, NULL, &found) < 0)
        return false;
    if (found.sa_handler == SIG_DFL || found.sa_handler == SIG_IGN)
        rhb_stack_frames = NULL;
    else if (found.sa_handler != rhb_stack_write)
        rhb_stack_frames = found.sa_handler;
    return true;
}

/* From now on each thread of this process that gets a signal writes its stack: the native one to
 * fd. rhb_stack_prepare has been called: the handler must not load anything. */
static bool rhb_stack_install(int fd, int frames_fd)
{
    struct sigaction action = {.sa_handler = rhb_stack_write, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaddset(&action.sa_mask, RHB_STACK_SIGNAL); /* the other one would wait for its own thread */
    sigaddset(&action.sa_mask, RHB_FRAMES_SIGNAL);
    rhb_stack_fd = fd;
    rhb_frames_fd = frames_fd;
    if (!rhb_stack_find_frames() ||
        (RHB_HAS_BACKTRACE && sigaction(RHB_STACK_SIGNAL, &action, NULL) < 0))
        return false;
    return !rhb_stack_frames || sigaction(RHB_FRAMES_SIGNAL, &action, NULL) == 0;
}

/* Whether that thread of a process that has installed the handlers was sent the signal. */
static bool rhb_stack_ask(int pid, int thread, int number)
{
    bool is_written = number == RHB_FRAMES_SIGNAL || RHB_HAS_BACKTRACE;
    return is_written && syscall(SYS_tgkill, pid, thread, number) == 0;
}

#endif
