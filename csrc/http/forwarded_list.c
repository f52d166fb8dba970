#include "forwarded_list.h"
#include "picohttpparser/char_class.h"

/* Moves to the value before; false when there is none. */
static bool previous_value(struct rhb_forwarded_list *list)
{
    while (list->left > 0) {
        const struct phr_header *field = &list->fields[--list->left];
        if (rhb_forwarded_which(field) != list->wanted)
            continue;
        list->start = field->value;
        list->end = field->value + field->value_len;
        return true;
    }
    return false;
}

static void skip_empty(struct rhb_forwarded_list *list)
{
    while (list->end > list->start && (phr_is_blank(list->end[-1]) || list->end[-1] == ','))
        list->end--;
}

bool rhb_forwarded_has_more(struct rhb_forwarded_list *list)
{
    for (;;) {
        if (list->start != NULL)
            skip_empty(list);
        if (list->end > list->start)
            return true;
        if (!previous_value(list))
            return false;
    }
}

bool rhb_forwarded_previous(struct rhb_forwarded_list *list, struct rhb_text *element)
{
    if (!rhb_forwarded_has_more(list))
        return false;
    const char *at = list->end;
    while (at > list->start && at[-1] != ',')
        at--;
    const char *end = list->end;
    list->end = at;
    while (phr_is_blank(*at)) /* ends at the latest before end, where there is no blank */
        at++;
    *element = (struct rhb_text){at, (size_t)(end - at)};
    return true;
}
