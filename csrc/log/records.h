/* Lines of the access log that are kept in memory, until somebody takes them: for logging in
 * Python. The calls are safe from several threads. */
#ifndef RHB_RECORDS_H
#define RHB_RECORDS_H

#include "access_log.h"

/* Bytes that are kept; further records are counted and dropped. */
#define RHB_RECORDS_KEEP (1024 * 1024)

struct rhb_records;

/* format: of a record, as that of the access log; `line`: NULL, or the format of a second line for
 * each record. Errors are returned as by rhb_access_log_new. */
struct rhb_records *rhb_records_new(const char *format, const char *line, const char **error,
                                    size_t *error_at);

/* The names of the environ variables in the format of records; see rhb_access_log_environ_key. */
const char *rhb_records_environ_key(const struct rhb_records *records, size_t index);

/* Adds a record: the time in microseconds since 1970, the byte 0x1f, and its line, or two. Returns
 * how many bytes are kept. */
size_t rhb_records_add(struct rhb_records *records, const struct rhb_access_entry *entry);

/* Moves the records to `out`, whose memory is the caller's then, and sets *lost to the number of
 * those that were dropped. */
void rhb_records_take(struct rhb_records *records, struct rhb_bytes *out, uint64_t *lost);

/* NULL is allowed. */
void rhb_records_free(struct rhb_records *records);

#endif
