/* A TCP port that takes no new connections and is about to be closed: rhebok/closing_port.py has
 * attached a filter to its listener that drops every SYN. Then what is still to be served comes to
 * an end: first the handshakes that were under way, then the queue. Called by stopping. */
#ifndef RHB_CLOSING_PORT_H
#define RHB_CLOSING_PORT_H

#include <stdbool.h>

/* Whether the listening socket drops what is new. */
bool rhb_port_is_closing(int fd);

/* Whether clients that have begun to connect are not in its queue yet; a client whose connect(2)
 * has returned may be one of them, since with TCP_DEFER_ACCEPT the kernel waits for the request.
 * False where the kernel does not say. */
bool rhb_port_has_handshakes(int fd);

#endif
