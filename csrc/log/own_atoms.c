#include "own_atoms.h"

static bool put_request_id(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    return rhb_access_put_value(line->out, line->entry->request_id, line->entry->request_id_len);
}

static const struct rhb_access_own_atom atoms[] = {
    {"request_id", put_request_id, false},
};

const struct rhb_access_own_atom *rhb_access_own_atom(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
        if (strlen(atoms[i].name) == len && memcmp(atoms[i].name, name, len) == 0)
            return &atoms[i];
    return NULL;
}
