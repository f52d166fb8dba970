/* The atoms %({name}x)s, which gunicorn does not have: identifiers of the request, and
 * times. */
#ifndef RHB_ACCESS_LOG_OWN_ATOMS_H
#define RHB_ACCESS_LOG_OWN_ATOMS_H

#include "atoms.h"

struct rhb_access_own_atom {
    const char *name;
    rhb_access_put *put;
    bool is_number; /* in JSON */
};

/* NULL: there is no such atom. */
const struct rhb_access_own_atom *rhb_access_own_atom(const char *name, size_t len);

#endif
