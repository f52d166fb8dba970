/* What a field name and a field value may hold (RFC 9110 sections 5.1 and 5.5), for what
 * applications hand us; the parser checks what clients send. */
#ifndef RHB_FIELD_SYNTAX_H
#define RHB_FIELD_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* A token: at least one of letters, digits and !#$%&'*+-.^_`|~ */
bool rhb_is_token(const char *bytes, size_t len);

/* No control but HTAB, no DEL; 0x80 and up is obs-text and allowed, and so is nothing at all. */
bool rhb_is_field_value(const char *bytes, size_t len);

#endif
