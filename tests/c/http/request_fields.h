/* Fields of a request from text: lines "Name: value" with a line feed between, as the parser would
 * hand them over. */
#ifndef RHB_TEST_REQUEST_FIELDS_H
#define RHB_TEST_REQUEST_FIELDS_H

#include "picohttpparser/strict.h"
#include <string.h>

enum { MOST_FIELDS = 8 };

struct request_fields {
    struct phr_header fields[MOST_FIELDS];
    size_t count;
};

static inline struct request_fields request_fields(const char *text)
{
    struct request_fields found = {.count = 0};
    while (*text != '\0') {
        const char *colon = strchr(text, ':'), *end = strchr(text, '\n');
        if (end == NULL)
            end = text + strlen(text);
        struct phr_header *field = &found.fields[found.count++];
        const char *value = colon + (colon[1] == ' ' ? 2 : 1);
        field->name = text;
        field->name_len = (size_t)(colon - text);
        field->value = value;
        field->value_len = (size_t)(end - value);
        text = *end == '\n' ? end + 1 : end;
    }
    return found;
}

#endif
