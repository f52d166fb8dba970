#include "own_atoms.h"
#include "http/request_start.h"
#include "http/traceparent.h"

static bool put_request_id(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    return rhb_access_put_value(line->out, line->entry->request_id, line->entry->request_id_len);
}

static bool find_trace(const struct rhb_access_line *line, struct rhb_traceparent *trace)
{
    const struct phr_request_head *head = line->entry->request;
    return head != NULL && rhb_traceparent_find(trace, head->fields, head->num_fields);
}

static bool put_trace_id(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_traceparent trace;
    (void)item;
    return find_trace(line, &trace) ? rhb_access_put_value(line->out, trace.trace_id, RHB_TRACE_ID)
                                    : rhb_access_put_value(line->out, NULL, 0);
}

static bool put_span_id(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_traceparent trace;
    (void)item;
    return find_trace(line, &trace) ? rhb_access_put_value(line->out, trace.span_id, RHB_SPAN_ID)
                                    : rhb_access_put_value(line->out, NULL, 0);
}

/* ns from X-Request-Start to when the request was here, which was `duration` ago. A proxy with
 * another clock may be ahead of us: that is 0. */
static uint64_t front_time(const struct rhb_access_entry *entry, uint64_t start)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t here = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - entry->duration_ns;
    return here > start ? here - start : 0;
}

static bool put_front_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    const struct rhb_access_entry *entry = line->entry;
    const struct phr_request_head *head = entry->request;
    uint64_t start;
    (void)item;
    if (head == NULL || entry->proxies == NULL ||
        !rhb_request_start_find(entry->proxies, entry->sender, head->fields, head->num_fields,
                                &start))
        return rhb_access_put_value(line->out, NULL, 0);
    rhb_access_put_duration(line->out, front_time(entry, start));
    return true;
}

static bool put_queue_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    if (!line->entry->timed)
        return rhb_access_put_value(line->out, NULL, 0);
    rhb_access_put_duration(line->out, line->entry->queue_ns);
    return true;
}

static bool put_wait_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    if (!line->entry->timed)
        return rhb_access_put_value(line->out, NULL, 0);
    rhb_access_put_duration(line->out, line->entry->waited_ns);
    return true;
}

static bool put_app_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    uint64_t all = line->entry->duration_ns, away = line->entry->away_ns;
    (void)item;
    if (!line->entry->timed || line->entry->answered)
        return rhb_access_put_value(line->out, NULL, 0);
    rhb_access_put_duration(line->out, away < all ? all - away : 0);
    return true;
}

static const struct rhb_access_own_atom atoms[] = {
    {"request_id", put_request_id, false}, {"trace_id", put_trace_id, false},
    {"span_id", put_span_id, false},       {"front_time", put_front_time, true},
    {"queue_time", put_queue_time, true},  {"app_time", put_app_time, true},
    {"wait_time", put_wait_time, true},
};

const struct rhb_access_own_atom *rhb_access_own_atom(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
        if (strlen(atoms[i].name) == len && memcmp(atoms[i].name, name, len) == 0)
            return &atoms[i];
    return NULL;
}
