/* Ends a worker whose master has been killed, or one that has failed and does not end. A signal
 * handler in C, because it runs also while the interpreter is stuck in C code of the application,
 * where a handler in Python would never run.
 *
 * A handler has no argument, so its state is static: one for the process, as the handler is. */
#ifndef RHB_ORPHAN_H
#define RHB_ORPHAN_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static struct {
    struct sigaction next; /* Python's handler */
    struct itimerspec life;
    timer_t timer; /* sends SIGKILL, which cannot be blocked */
    pid_t self, parent;
    volatile sig_atomic_t armed;
} rhb_orphan;

static void rhb_orphan_signalled(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    bool ours = getpid() == rhb_orphan.self; /* not a child that the application has forked */
    if (ours && !rhb_orphan.armed && getppid() != rhb_orphan.parent) {
        rhb_orphan.armed = true;
        timer_settime(rhb_orphan.timer, 0, &rhb_orphan.life, NULL);
    }
    errno = saved;
    if (rhb_orphan.next.sa_flags & SA_SIGINFO)
        rhb_orphan.next.sa_sigaction(number, info, context);
    else if (rhb_orphan.next.sa_handler != SIG_DFL && rhb_orphan.next.sa_handler != SIG_IGN)
        rhb_orphan.next.sa_handler(number);
}

/* Installs a handler that calls the present one of the signal. False with errno set. */
static bool rhb_orphan_watch(int number, pid_t parent, struct timespec life)
{
    struct sigevent end = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    struct sigaction ours;
    memset(&rhb_orphan, 0, sizeof rhb_orphan);
    rhb_orphan.self = getpid();
    rhb_orphan.parent = parent;
    rhb_orphan.life.it_value = life;
    if (timer_create(CLOCK_MONOTONIC, &end, &rhb_orphan.timer) < 0 ||
        sigaction(number, NULL, &rhb_orphan.next) < 0)
        return false;
    ours = rhb_orphan.next;
    ours.sa_flags |= SA_SIGINFO;
    ours.sa_sigaction = rhb_orphan_signalled;
    return sigaction(number, &ours, NULL) == 0;
}

/* Once the handler is installed: ends this process after that time, if it has not ended. */
static void rhb_orphan_end(struct timespec life)
{
    rhb_orphan.armed = true;
    rhb_orphan.life.it_value = life;
    timer_settime(rhb_orphan.timer, 0, &rhb_orphan.life, NULL);
}

#endif
