/* Bytes that a client chose, made fit for one line of a log: whatever could end the line, close a
 * quoted value or move a terminal's cursor becomes \xHH. */
#ifndef RHB_ACCESS_LOG_ESCAPE_H
#define RHB_ACCESS_LOG_ESCAPE_H

#include <stddef.h>

/* Bytes that one byte may become. */
#define RHB_ACCESS_ESCAPED 4

/* Writes len bytes, with controls, quotes, backslashes and 0x7F up escaped. Returns the end; `to`
 * has room for RHB_ACCESS_ESCAPED * len bytes. */
char *rhb_access_escape(char *to, const char *from, size_t len);

/* Writes the user of an Authorization field (RFC 7617), escaped, with its spaces too. Returns the
 * end, or NULL when the value is not a well-formed Basic one; room as above. */
char *rhb_access_escape_user(char *to, const char *authorization, size_t len);

#endif
