#include "saved_head.h"
#include <stdlib.h>
#include <string.h>

static size_t bytes_of(const struct phr_request_head *head)
{
    size_t bytes = head->method_len + 1 + head->target_len;
    for (size_t i = 0; i < head->num_fields; i++)
        bytes += head->fields[i].name_len + head->fields[i].value_len;
    return bytes;
}

/* Appends len bytes at *room and returns where they are. */
static const char *append(char **room, const char *bytes, size_t len)
{
    char *copy = *room;
    if (len > 0)
        memcpy(copy, bytes, len);
    *room += len;
    return copy;
}

struct phr_request_head *rhb_head_save(const struct phr_request_head *head)
{
    size_t fields_size = head->num_fields * sizeof *head->fields;
    struct phr_request_head *saved = malloc(sizeof *saved + fields_size + bytes_of(head));
    if (saved == NULL)
        return NULL;
    *saved = *head;
    saved->fields = (struct phr_header *)(saved + 1);
    char *room = (char *)saved->fields + fields_size;
    saved->method = append(&room, head->method, head->method_len);
    *room++ = ' ';
    saved->target = append(&room, head->target, head->target_len);
    for (size_t i = 0; i < head->num_fields; i++) {
        struct phr_header *field = &saved->fields[i];
        *field = head->fields[i];
        field->name = append(&room, field->name, field->name_len);
        field->value = append(&room, field->value, field->value_len);
    }
    return saved;
}
