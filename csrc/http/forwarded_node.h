/* Nodes and ports as proxies write them (RFC 7239 section 6). Called by forwarded.c. */
#ifndef RHB_FORWARDED_NODE_H
#define RHB_FORWARDED_NODE_H

#include "forwarded_list.h"

/* Reads a port: 1 to 65535, in at most five digits. False, with *port unchanged, for anything else.
 */
bool rhb_forwarded_port(const struct rhb_text *text, uint16_t *port);

/* Reads an address, with or without a port. bare: IPv6 may also stand without brackets, and then
 * without a port. False, with *node unchanged, for anything else, such as `unknown` or an
 * obfuscated name. An obfuscated port is left out. */
bool rhb_forwarded_node(const struct rhb_text *text, bool bare, struct rhb_peer *node);

#endif
