/* The system calls of csrc in a fuzzing build (Makefile, CALLS). The script decides how time passes
 * and which call fails. Without `scripted` all calls are passed to the kernel unchanged. */
#ifndef RHB_FUZZ_KERNEL_H
#define RHB_FUZZ_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Calls that can be made to fail. */
enum fuzz_call {
    FUZZ_RECV,
    FUZZ_SEND,
    FUZZ_ACCEPT,
    FUZZ_EPOLL_CTL,
    FUZZ_MEMORY,
    FUZZ_WRITE,
    FUZZ_CALLS
};

enum { FUZZ_MAX_FD = 256 };

struct fuzz_kernel {
    bool scripted;
    bool frozen;  /* waiting takes no time */
    uint64_t now; /* nanoseconds */
    struct {
        unsigned in; /* the call so many calls from now fails; 0: none does */
        int error;
    } faults[FUZZ_CALLS];
    unsigned failed;              /* calls that failed by the script, except with EINTR */
    size_t send_at_most;          /* bytes that the next send takes, once; 0: all */
    bool small_buffers;           /* of accepted sockets */
    bool full[FUZZ_MAX_FD];       /* by number of the socket: its last send was a partial one */
    unsigned accepted;            /* sockets so far */
    unsigned number[FUZZ_MAX_FD]; /* of the accepted socket, from 0, by descriptor */
};

/* Global, since the wrappers have the arguments of the system calls and no other. */
extern struct fuzz_kernel fuzz_kernel;

/* Makes the call fail, `in` calls from now, with the which-th of its errors. */
void fuzz_kernel_fault(enum fuzz_call call, unsigned in, unsigned which);

#endif
