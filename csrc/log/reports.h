/* Where finished requests are reported. */
#ifndef RHB_REPORTS_H
#define RHB_REPORTS_H

#include "access_log.h"
#include "base/lock.h"
#include "records.h"
#include "selection.h"
#include "statsd.h"

/* Each of them may be NULL, and belongs to the caller. */
struct rhb_reports {
    struct rhb_access_log *access_log;
    struct rhb_statsd *statsd;
    struct rhb_records *records;
    struct rhb_selection *selection; /* NULL: all requests are logged */
    void *keeper;                    /* who takes the records; for the caller */
    void *access;                    /* what is called for each response; for the caller */
    bool lines;                      /* there is more than statsd, so the response head is needed */
    struct rhb_lock lock; /* of access_log and statsd: the functions here take it, and so does who
                           * calls theirs. The thread that ends the process may flush what another
                           * one writes. */
};

/* Whether the logs have this exchange. */
static inline bool rhb_reports_select(const struct rhb_reports *reports,
                                      const struct rhb_access_entry *entry)
{
    return reports->selection == NULL || rhb_selection_has(reports->selection, entry);
}

/* Reports one exchange. Variables of environ are those of no log: they are not written. */
void rhb_reports_add(struct rhb_reports *reports, const struct rhb_access_entry *entry);

/* When rhb_reports_flush must be called, in coarse monotonic ns. 0 when nothing waits. */
uint64_t rhb_reports_due(struct rhb_reports *reports);

/* Writes and sends what is due. */
void rhb_reports_flush(struct rhb_reports *reports, uint64_t now);

/* Writes and sends everything, before the process ends. */
void rhb_reports_finish(struct rhb_reports *reports);

#endif
