#include "vary.h"
#include "http/field_name.h"
#include "http/field_syntax.h"
#include "http/token_list.h"
#include "said.h"

/* What joins the values of a field that is there several times, as the application sees it
 * (rhebok/native/environ.pyx). */
static const char *joint_of(const char *name, size_t len)
{
    return rhb_name_is(name, len, "cookie") ? "; " : ", ";
}

static bool is_field(const struct phr_header *field, const char *lower, size_t len)
{
    return field->name_len == len && rhb_same_name(field->name, lower, len);
}

/* Appends ':' and the joined values; nothing when the request has no such field. */
static bool put_value(struct rhb_bytes *lines, const char *name, size_t len,
                      const struct phr_request_head *head)
{
    const char *joint = ":";
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (!is_field(field, name, len))
            continue;
        if (!rhb_bytes_append(lines, joint, strlen(joint)) ||
            !rhb_bytes_append(lines, field->value, field->value_len))
            return false;
        joint = joint_of(name, len);
    }
    return true;
}

static bool put_line(struct rhb_bytes *lines, const char *name, size_t len,
                     const struct phr_request_head *head)
{
    size_t start = lines->len;
    if (!rhb_bytes_append(lines, name, len))
        return false;
    for (size_t i = start; i < lines->len; i++)
        if (lines->data[i] >= 'A' && lines->data[i] <= 'Z')
            lines->data[i] |= 0x20;
    char lower[64];
    if (len > sizeof(lower))
        return false;
    memcpy(lower, lines->data + start, len);
    return put_value(lines, lower, len, head) && rhb_bytes_append(lines, "\n", 1);
}

bool rhb_vary_write(struct rhb_bytes *lines, const char *fields, size_t len,
                    const struct phr_request_head *head)
{
    struct rhb_field_line field;
    const char *at = fields;
    int names = 0;
    while (rhb_next_field(&at, fields + len, &field)) {
        if (!rhb_name_is(field.name.at, field.name.len, "vary"))
            continue;
        struct rhb_token_list list = {.next = field.value.at,
                                      .end = field.value.at + field.value.len};
        while (rhb_token_next(&list)) {
            if (list.len == 0)
                continue;
            bool is_all = list.len == 1 && *list.token == '*';
            if (is_all || ++names > RHB_VARY_MOST || !rhb_is_token(list.token, list.len) ||
                !put_line(lines, list.token, list.len, head))
                return false;
        }
    }
    return true;
}

/* Takes `text` from the front of what is left. */
static bool takes(const char **at, const char *end, const char *text, size_t len)
{
    if ((size_t)(end - *at) < len || memcmp(*at, text, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Whether the values of the request, joined, are what stands at `at`. */
static bool has_values(const char *at, const char *end, const struct rhb_text *name,
                       const struct phr_request_head *head)
{
    const char *joint = ":";
    for (size_t i = 0; i < head->num_fields; i++) {
        const struct phr_header *field = &head->fields[i];
        if (!is_field(field, name->at, name->len))
            continue;
        if (!takes(&at, end, joint, strlen(joint)) ||
            !takes(&at, end, field->value, field->value_len))
            return false;
        joint = joint_of(name->at, name->len);
    }
    return at == end;
}

bool rhb_vary_matches(const char *lines, size_t len, const struct phr_request_head *head)
{
    const char *at = lines, *end = lines + len;
    while (at < end) {
        const char *stop = memchr(at, '\n', (size_t)(end - at));
        if (stop == NULL)
            return false;
        const char *colon = memchr(at, ':', (size_t)(stop - at));
        struct rhb_text name = {at, (size_t)((colon != NULL ? colon : stop) - at)};
        if (!has_values(at + name.len, stop, &name, head))
            return false;
        at = stop + 1;
    }
    return true;
}
