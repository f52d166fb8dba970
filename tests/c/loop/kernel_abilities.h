/* What an emulated kernel may lack (qemu's user mode, gVisor), asked of the kernel itself. Without
 * these csrc/loop still works, but knows less. For NEEDS of harness.h. */
#ifndef RHB_TEST_KERNEL_ABILITIES_H
#define RHB_TEST_KERNEL_ABILITIES_H

#include <stdbool.h>

/* sock_diag(7): the queues of unix sockets, and the handshakes of a port. */
bool kernel_has_sock_diag(void);

/* tcp(7): the whole of TCP_INFO. */
bool kernel_has_tcp_info(void);

/* socket(7): SO_GET_FILTER tells the length of a filter. */
bool kernel_tells_filters(void);

/* get_robust_list(2): the lock of a process that has ended goes to the next one. */
bool kernel_passes_on_locks(void);

#endif
