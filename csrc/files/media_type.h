/* The media types of files, by the extensions of their names. */
#ifndef RHB_MEDIA_TYPE_H
#define RHB_MEDIA_TYPE_H

#include <stdbool.h>
#include <stddef.h>

/* The value of Content-Type for a file of this name, in any case; application/octet-stream for an
 * extension that is not known. Text is in UTF-8. */
const char *rhb_media_type(const char *name, size_t len);

/* Whether a build tool has put a hash of the content into the last part of this path, so that the
 * file never changes: app.3f2a1b4c5d6e.css (Django's manifest storage, webpack),
 * 3f2a1b4c5d6e7f809a1b.js, app-HASH.js with at least 32 digits. */
bool rhb_name_has_hash(const char *name, size_t len);

#endif
