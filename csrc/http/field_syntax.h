/* Which bytes a field name and a field value may have (RFC 9110 sections 5.1 and 5.5). For the
 * fields of applications; the parser checks those of clients. */
#ifndef RHB_FIELD_SYNTAX_H
#define RHB_FIELD_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it is a token (RFC 9110 section 5.6.2): one or more of letters, digits and
 * !#$%&'*+-.^_`|~ */
bool rhb_is_token(const char *bytes, size_t len);

/* Whether it has no control except HTAB, and no DEL. Bytes from 0x80 up (obs-text) are allowed, and
 * so is an empty value. */
bool rhb_is_field_value(const char *bytes, size_t len);

#endif
