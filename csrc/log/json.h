/* Atoms in a JSON log: what the text atom has written is made a JSON value. */
#ifndef RHB_ACCESS_LOG_JSON_H
#define RHB_ACCESS_LOG_JSON_H

#include "atoms.h"

/* The format that is called `json`. */
extern const char rhb_access_json_format[];

/* Makes the item write JSON. in_string: it stands between quotes of the format; otherwise it writes
 * its own, and null for "-". */
void rhb_access_json_atom(struct rhb_access_item *item, char letter, bool in_string);

/* Bytes that one byte can become. */
#define RHB_JSON_ESCAPED 6

/* Writes len bytes as the inside of a JSON string: what is not printable ASCII becomes \u00HH. `to`
 * has space for RHB_JSON_ESCAPED * len bytes. Returns the end. */
char *rhb_json_escape(char *to, const char *from, size_t len);

/* Follows the quotes of a JSON text. Zeroed at its beginning. */
struct rhb_json_place {
    bool in_string;
    bool escaped;
};

void rhb_json_step(struct rhb_json_place *place, char c);

#endif
