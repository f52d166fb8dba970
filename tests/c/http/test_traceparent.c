/* csrc/http/traceparent.c: the identifiers of a valid traceparent, and nothing of any other. */
#include "harness.h"
#include "http/traceparent.h"
#include <stdlib.h>

#define TRACE "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
#define WHOLE "00-" TRACE "-" SPAN "-01"

/* In memory of exactly its size. */
static bool reads(struct rhb_traceparent *trace, const char *text, size_t len)
{
    char *copy = memcpy(malloc(len ? len : 1), text, len);
    bool read = rhb_traceparent_read(trace, copy, len);
    if (read) {
        trace->trace_id = text + (trace->trace_id - copy);
        trace->span_id = text + (trace->span_id - copy);
    }
    free(copy);
    return read;
}

static void a_valid_one_has_trace_and_span(struct rhb_test *t)
{
    static const char *const valid[] = {
        WHOLE,
        "00-" TRACE "-" SPAN "-00",
        "00-" TRACE "-" SPAN "-ff",
        "01-" TRACE "-" SPAN "-01",       /* of a later version */
        "fe-" TRACE "-" SPAN "-01-later", /* what follows there is not read */
        "01-" TRACE "-" SPAN "-01-",
    };
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        struct rhb_traceparent trace;
        if (!CHECK(reads(&trace, valid[i], strlen(valid[i]))))
            continue;
        CHECK_STR(trace.trace_id, RHB_TRACE_ID, TRACE);
        CHECK_STR(trace.span_id, RHB_SPAN_ID, SPAN);
    }
}

static void all_others_are_refused(struct rhb_test *t)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01",
        "00-" TRACE "-00F067AA0BA902B7-01",
        "00-" TRACE "-" SPAN "-0G",
        "00-" TRACE "-" SPAN "-1",
        WHOLE "-more", /* version 00 has no more */
        WHOLE "1",
        "01-" TRACE "-" SPAN "-011",
        "ff-" TRACE "-" SPAN "-01",
        "0g-" TRACE "-" SPAN "-01",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "_" SPAN "-01",
        "00-" TRACE "-" SPAN "_01",
        " " WHOLE,
        "00-4bf92f3577b34da6a3ce929d0e0e473g-" SPAN "-01",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rhb_traceparent trace;
        if (!CHECK(!reads(&trace, wrong[i], strlen(wrong[i]))))
            rhb_note(t, "read: %s", wrong[i]);
    }
}

static void no_part_of_it_is_enough(struct rhb_test *t)
{
    struct rhb_traceparent trace;
    for (size_t len = 0; len < sizeof WHOLE - 1; len++)
        CHECK(!reads(&trace, WHOLE, len));
}

static void two_fields_are_none(struct rhb_test *t)
{
    const struct phr_header fields[] = {
        {"Traceparent", 11, WHOLE, sizeof WHOLE - 1},
        {"traceparent", 11, WHOLE, sizeof WHOLE - 1},
        {"tracestate", 10, WHOLE, sizeof WHOLE - 1},
    };
    struct rhb_traceparent trace;
    CHECK(rhb_traceparent_find(&trace, fields, 1));
    CHECK(!rhb_traceparent_find(&trace, fields, 2));
    CHECK(rhb_traceparent_find(&trace, fields + 1, 2));
    CHECK(!rhb_traceparent_find(&trace, fields + 2, 1));
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_valid_one_has_trace_and_span),
        RHB_CASE(all_others_are_refused),
        RHB_CASE(no_part_of_it_is_enough),
        RHB_CASE(two_fields_are_none),
    };
    return RHB_RUN(cases);
}
