/* Escapes bytes of clients for the access log: those that could end the line, close a quoted value
 * or control a terminal become \xHH. Called by atoms.c. */
#ifndef RHB_ACCESS_LOG_ESCAPE_H
#define RHB_ACCESS_LOG_ESCAPE_H

#include <stddef.h>

/* Bytes that one byte can become. */
#define RHB_ACCESS_ESCAPED 4

/* Writes len bytes; controls, quotes, backslashes and bytes from 0x7F up are escaped. `to` has
 * space for RHB_ACCESS_ESCAPED * len bytes. Returns the end. */
char *rhb_access_escape(char *to, const char *from, size_t len);

/* Writes the user name of an Authorization field (RFC 7617); spaces are escaped too. `to` has space
 * as above. Returns the end, or NULL if the value is not valid for Basic. */
char *rhb_access_escape_user(char *to, const char *authorization, size_t len);

#endif
