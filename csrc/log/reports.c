#include "reports.h"

void rhb_reports_add(struct rhb_reports *reports, const struct rhb_access_entry *entry)
{
    bool selected = rhb_reports_select(reports, entry);
    rhb_lock_take(&reports->lock);
    if (reports->statsd != NULL)
        rhb_statsd_add(reports->statsd, entry);
    if (selected && reports->access_log != NULL)
        rhb_access_log_add(reports->access_log, entry);
    rhb_lock_give(&reports->lock);
    if (selected && reports->records != NULL)
        rhb_records_add(reports->records, entry);
}

/* 0 is no time. */
static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t log_due(const struct rhb_reports *reports)
{
    return reports->access_log != NULL ? rhb_access_log_due(reports->access_log) : 0;
}

static uint64_t statsd_due(const struct rhb_reports *reports)
{
    return reports->statsd != NULL ? rhb_statsd_due(reports->statsd) : 0;
}

uint64_t rhb_reports_due(struct rhb_reports *reports)
{
    rhb_lock_take(&reports->lock);
    uint64_t due = earlier(log_due(reports), statsd_due(reports));
    rhb_lock_give(&reports->lock);
    return due;
}

static bool is_due(uint64_t due, uint64_t now)
{
    return due != 0 && now >= due;
}

void rhb_reports_flush(struct rhb_reports *reports, uint64_t now)
{
    rhb_lock_take(&reports->lock);
    if (is_due(log_due(reports), now))
        rhb_access_log_flush(reports->access_log);
    if (is_due(statsd_due(reports), now))
        rhb_statsd_flush(reports->statsd);
    rhb_lock_give(&reports->lock);
}

void rhb_reports_finish(struct rhb_reports *reports)
{
    rhb_lock_take(&reports->lock);
    if (reports->access_log != NULL)
        rhb_access_log_finish(reports->access_log);
    if (reports->statsd != NULL)
        rhb_statsd_flush(reports->statsd);
    rhb_lock_give(&reports->lock);
}
