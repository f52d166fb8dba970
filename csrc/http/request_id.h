/* Identifiers of requests: that of a proxy in front, if it is trusted and well-formed, otherwise a
 * random one. */
#ifndef RHB_REQUEST_ID_H
#define RHB_REQUEST_ID_H

#include "allowed_peers.h"
#include "picohttpparser/strict.h"

/* Bytes of the longest identifier that is taken, and of one that is made. */
enum { RHB_REQUEST_ID_LONGEST = 128, RHB_REQUEST_ID_MADE = 32 };

struct rhb_request_id_pool;

/* Where identifiers come from. */
struct rhb_request_id_policy {
    const char *field;   /* its name, in lower case; NULL: requests have no identifiers */
    const char *sent_as; /* the same, as it stands in responses */
    size_t field_len;
    const struct rhb_allowed_peers *allowed; /* who may give one */
    struct rhb_request_id_pool *pool;        /* for those that are made; not owned */
};

/* Random bytes that are not used yet. A zeroed struct is valid. For one thread at a time; a forked
 * process must not use its copy, which would make the same identifiers. */
struct rhb_request_id_pool {
    unsigned char bytes[4096];
    size_t left;
};

/* Whether it is 1 to 128 letters, digits and -._~+/=:;@ : what can stand in a log, a URL and a
 * field without quotes. */
bool rhb_is_request_id(const char *id, size_t len);

/* Finds the identifier that the peer has sent. False when the peer is not allowed to give one, or
 * there is none, several, or one that is not well-formed. *id points into the field. */
bool rhb_request_id_find(const struct rhb_request_id_policy *policy, const struct rhb_peer *peer,
                         const struct phr_header *fields, size_t count, const char **id,
                         size_t *len);

/* Writes RHB_REQUEST_ID_MADE hexadecimal digits: 128 bits of the kernel's random numbers, which are
 * fetched once for 256 of them. */
void rhb_request_id_make(struct rhb_request_id_pool *pool, char *id);

#endif
