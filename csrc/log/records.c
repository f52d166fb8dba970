#include "records.h"
#include "base/decimal.h"
#include "format.h"
#include <pthread.h>
#include <stdlib.h>

struct rhb_records {
    struct rhb_access_format *format, *line;
    struct rhb_access_second second;
    pthread_mutex_t lock; /* of what follows: refusals may come while another thread takes */
    struct rhb_bytes kept;
    uint64_t lost;
};

struct rhb_records *rhb_records_new(const char *format, const char *line, const char **error,
                                    size_t *error_at)
{
    struct rhb_records *records = calloc(1, sizeof *records);
    *error = NULL;
    *error_at = 0;
    if (records == NULL)
        return NULL;
    pthread_mutex_init(&records->lock, NULL);
    records->format = rhb_access_format_new(format, error, error_at);
    if (records->format != NULL && line != NULL)
        records->line = rhb_access_format_new(line, error, error_at);
    if (records->format != NULL && (line == NULL || records->line != NULL))
        return records;
    rhb_records_free(records);
    return NULL;
}

const char *rhb_records_environ_key(const struct rhb_records *records, size_t index)
{
    return rhb_access_format_environ_key(records->format, index);
}

static bool put_time(struct rhb_bytes *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (!rhb_bytes_reserve(out, RHB_DECIMAL_MAX + 1))
        return false;
    uint64_t micros = (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
    out->len = (size_t)(rhb_decimal_write(out->data + out->len, micros) - out->data);
    rhb_bytes_put(out, "\x1f", 1);
    return true;
}

static bool render(struct rhb_records *records, const struct rhb_access_entry *entry)
{
    struct rhb_bytes *out = &records->kept;
    return put_time(out) &&
           rhb_access_format_render(records->format, &records->second, out, entry) &&
           (records->line == NULL ||
            rhb_access_format_render(records->line, &records->second, out, entry));
}

size_t rhb_records_add(struct rhb_records *records, const struct rhb_access_entry *entry)
{
    pthread_mutex_lock(&records->lock);
    size_t start = records->kept.len;
    if (start >= RHB_RECORDS_KEEP || !render(records, entry)) {
        records->kept.len = start;
        records->lost++;
    }
    size_t kept = records->kept.len;
    pthread_mutex_unlock(&records->lock);
    return kept;
}

void rhb_records_take(struct rhb_records *records, struct rhb_bytes *out, uint64_t *lost)
{
    pthread_mutex_lock(&records->lock);
    *out = records->kept;
    *lost = records->lost;
    records->kept = (struct rhb_bytes){0};
    records->lost = 0;
    pthread_mutex_unlock(&records->lock);
}

void rhb_records_free(struct rhb_records *records)
{
    if (records == NULL)
        return;
    pthread_mutex_destroy(&records->lock);
    rhb_access_format_free(records->format);
    rhb_access_format_free(records->line);
    rhb_bytes_free(&records->kept);
    free(records);
}
