/* The atom of all fields, in the formats of records.c: each field stands behind RHB_ACCESS_FIELD,
 * which no escaped value has. */
#include "atoms.h"
#include "escape.h"

static bool put(struct rhb_bytes *out, char before, const char *text, size_t len)
{
    if (!rhb_access_reserve(out, 1 + RHB_ACCESS_ESCAPED * len))
        return false;
    rhb_bytes_put(out, &before, 1);
    out->len = (size_t)(rhb_access_escape(out->data + out->len, text, len) - out->data);
    return true;
}

/* name:value */
static bool put_request_fields(const struct rhb_access_line *line,
                               const struct rhb_access_item *item)
{
    const struct phr_request_head *head = line->entry->request;
    (void)item;
    for (size_t i = 0; head != NULL && i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (!put(line->out, RHB_ACCESS_FIELD, field->name, field->name_len) ||
            !put(line->out, ':', field->value, field->value_len))
            return false;
    }
    return true;
}

/* The lines of the response head as they are. */
static bool put_response_fields(const struct rhb_access_line *line,
                                const struct rhb_access_item *item)
{
    const char *at = line->entry->response_head;
    size_t left = at == NULL ? 0 : line->entry->response_head_len;
    (void)item;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t len = end == NULL ? left : (size_t)(end - at);
        size_t shown = len > 0 && at[len - 1] == '\r' ? len - 1 : len;
        if (!put(line->out, RHB_ACCESS_FIELD, at, shown))
            return false;
        len += end != NULL;
        at += len;
        left -= len;
    }
    return true;
}

rhb_access_put *rhb_access_all_fields(const char *name, size_t len, char letter)
{
    if (len != 1 || name[0] != RHB_ACCESS_FIELD)
        return NULL;
    return letter == 'i' ? put_request_fields : letter == 'o' ? put_response_fields : NULL;
}
