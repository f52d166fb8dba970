/* Which requests the access log has: all, or some of them. */
#ifndef RHB_LOG_SELECTION_H
#define RHB_LOG_SELECTION_H

#include "access_log.h"

struct rhb_selection;

/* share: of the requests, from 0 to 1, chosen at random. slow_ns: what takes as long is always
 * chosen, as an error of the server is (status 500 and up). Returns NULL when there is no memory.
 */
struct rhb_selection *rhb_selection_new(double share, uint64_t slow_ns);

/* Requests of this path are not chosen, unless they are slow or an error of the server. path: as in
 * the request line, without the query; with `*` at its end, all that begin so. False: no memory. */
bool rhb_selection_exclude(struct rhb_selection *selection, const char *path);

/* Whether the request is chosen. */
bool rhb_selection_has(struct rhb_selection *selection, const struct rhb_access_entry *entry);

/* NULL is allowed. */
void rhb_selection_free(struct rhb_selection *selection);

#endif
