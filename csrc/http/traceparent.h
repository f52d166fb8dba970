/* The field traceparent of W3C Trace Context: which trace a request belongs to. */
#ifndef RHB_TRACEPARENT_H
#define RHB_TRACEPARENT_H

#include "picohttpparser/strict.h"
#include <stdbool.h>

enum { RHB_TRACE_ID = 32, RHB_SPAN_ID = 16 /* hexadecimal digits */ };

/* They point into the field. */
struct rhb_traceparent {
    const char *trace_id;
    const char *span_id; /* of the caller, "parent-id" */
};

/* Reads a value (section 3.2 of the recommendation). False when it is not valid. Of a version that
 * is not known yet the part is read that all versions have. */
bool rhb_traceparent_read(struct rhb_traceparent *trace, const char *value, size_t len);

/* Reads that of a request. False when there is none, or more than one. */
bool rhb_traceparent_find(struct rhb_traceparent *trace, const struct phr_header *fields,
                          size_t count);

#endif
