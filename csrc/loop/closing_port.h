/* A TCP port that takes no new connections and is about to be closed:
 * rhebok/listening/closing_port.py has attached a filter to its listener that drops every SYN.
 * First the handshakes end that were under way, then the queue is accepted, and nothing else
 * follows. Called by stopping.c. */
#ifndef RHB_CLOSING_PORT_H
#define RHB_CLOSING_PORT_H

#include <stdbool.h>

/* Whether the listening socket drops new connections. */
bool rhb_port_is_closing(int fd);

/* Whether clients have begun to connect that are not in the queue yet. connect(2) may have returned
 * in such a client, since with TCP_DEFER_ACCEPT the kernel waits for the request. False where the
 * kernel does not tell. */
bool rhb_port_has_handshakes(int fd);

#endif
