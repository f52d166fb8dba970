/* For all fuzz targets: an input that is read from its start, invariants that end the run, and
 * copies beyond whose end nothing can be read. */
#ifndef RHB_FUZZ_H
#define RHB_FUZZ_H

#include "picohttpparser/strict.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer. Returns at once for an input that is not worth running. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An invariant. libFuzzer keeps the input of a run that aborts. */
#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #condition);                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The unread part of the input. */
struct fuzz_input {
    const uint8_t *at;
    size_t len;
};

/* Reads the next byte; 0 beyond the end, so that a short input is simple. */
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
    if (in->len == 0)
        return 0;
    in->len--;
    return *in->at++;
}

/* Reads up to len bytes; *got: how many. */
static inline const char *fuzz_read(struct fuzz_input *in, size_t len, size_t *got)
{
    const char *start = (const char *)in->at;
    *got = len < in->len ? len : in->len;
    in->at += *got;
    in->len -= *got;
    return start;
}

/* Reads up to the separator, which is skipped; all of the input when there is none. */
static inline const char *fuzz_until(struct fuzz_input *in, uint8_t separator, size_t *got)
{
    const uint8_t *stop = in->len ? memchr(in->at, separator, in->len) : NULL;
    const char *start = fuzz_read(in, stop ? (size_t)(stop - in->at) : in->len, got);
    if (stop != NULL)
        fuzz_byte(in);
    return start;
}

/* A copy that AddressSanitizer guards on both sides; to be freed. */
static inline char *fuzz_copy(const char *data, size_t len)
{
    char *copy = malloc(len);
    MUST(copy != NULL || len == 0);
    if (len > 0)
        memcpy(copy, data, len);
    return copy;
}

static inline bool fuzz_same(const char *one, size_t one_len, const char *other, size_t other_len)
{
    return one_len == other_len && (one_len == 0 || memcmp(one, other, one_len) == 0);
}

static inline bool fuzz_is_tchar(char byte)
{
    return (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z') ||
           (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* Bytes of a field value (RFC 9110 section 5.5). */
static inline bool fuzz_is_text(char byte)
{
    return byte == '\t' || ((unsigned char)byte >= 0x20 && byte != 0x7f);
}

static inline bool fuzz_is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Copies every method, target, name and value of a head into memory of its own, so that reading
 * beyond one of them is found. */
static inline void fuzz_isolate(struct phr_request_head *head)
{
    head->method = fuzz_copy(head->method, head->method_len);
    head->target = fuzz_copy(head->target, head->target_len);
    for (size_t i = 0; i < head->num_fields; i++) {
        struct phr_header *field = &head->fields[i];
        field->name = fuzz_copy(field->name, field->name_len);
        field->value = fuzz_copy(field->value, field->value_len);
    }
}

static inline void fuzz_free_isolated(struct phr_request_head *head)
{
    free((char *)head->method);
    free((char *)head->target);
    for (size_t i = 0; i < head->num_fields; i++) {
        free((char *)head->fields[i].name);
        free((char *)head->fields[i].value);
    }
}

#endif
