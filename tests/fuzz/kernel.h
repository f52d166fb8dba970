/* The system calls of csrc in a fuzzing build (Makefile, CALLS): time passes when the script says
 * so, and the chosen call fails. Without `scripted` everything goes through as it is. */
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
        unsigned in; /* fails so many calls from now; 0: does not */
        int error;
    } faults[FUZZ_CALLS];
    unsigned failed;              /* calls that were made to fail, EINTR apart */
    size_t send_at_most;          /* bytes that the next send takes; 0: all. Once. */
    bool small_buffers;           /* of accepted sockets */
    bool full[FUZZ_MAX_FD];       /* by the socket's number: its last send did not go out whole */
    unsigned accepted;            /* sockets so far */
    unsigned number[FUZZ_MAX_FD]; /* of the accepted socket, from 0, by descriptor */
};

/* One process fuzzes one thing at a time; the wrappers have no argument of ours to find it by. */
extern struct fuzz_kernel fuzz_kernel;

/* The call fails with the which-th of its errors, `in` calls from now. */
void fuzz_kernel_fault(enum fuzz_call call, unsigned in, unsigned which);

#endif
