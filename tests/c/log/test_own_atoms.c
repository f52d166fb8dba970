/* csrc/log/own_atoms.c: the atoms that gunicorn does not have. */
#include "format_fixture.h"

static void the_request_id_is_written_or_a_dash(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({request_id}x)s", &entry, "-");
    entry.request_id = "abc-1";
    entry.request_id_len = 5;
    check_line(t, "<%({request_id}x)s>", &entry, "<abc-1>");
    check_line(t, "escape=json {\"id\": %({request_id}x)s}", &entry, "{\"id\": \"abc-1\"}");
}

static void a_name_that_is_not_known_is_a_hyphen_as_any_unknown_atom(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "a %({request-id}x)s", &entry, "a -");
}

static void trace_and_span_are_those_of_a_valid_traceparent(struct rhb_test *t)
{
    struct phr_header field =
        FIELD("Traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    struct phr_request_head head = full_head;
    struct rhb_access_entry entry = full_entry();
    head.fields = &field;
    head.num_fields = 1;
    check_line(t, "%({trace_id}x)s %({span_id}x)s", &entry, "- -");
    entry.request = &head;
    check_line(t, "%({trace_id}x)s %({span_id}x)s", &entry,
               "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7");
    field.value_len--;
    check_line(t, "escape=json [%({trace_id}x)s, %({span_id}x)s]", &entry, "[null, null]");
}

/* The line of %({front_time}x)s as a number; -1 when it is "-". */
static double front_time(struct rhb_test *t, const struct rhb_access_entry *entry)
{
    struct rhb_access_format *format = compiled(t, "%({front_time}x)s");
    struct rhb_access_second second = {0};
    struct rhb_bytes out = {0};
    CHECK(rhb_access_format_render(format, &second, &out, entry));
    out.data[out.len - 1] = '\0';
    double seconds = strcmp(out.data, "-") == 0 ? -1 : strtod(out.data, NULL);
    rhb_access_format_free(format);
    rhb_bytes_free(&out);
    return seconds;
}

static void the_front_time_ends_where_our_time_begins(struct rhb_test *t)
{
    static const struct rhb_allowed_peers unix_only = {.unix_sockets = true};
    static const struct rhb_peer proxy;
    char value[32];
    struct phr_header field = {"X-Request-Start", 15, value, 0};
    struct phr_request_head head = full_head;
    struct rhb_access_entry entry = full_entry();
    head.fields = &field;
    head.num_fields = 1;
    entry.request = &head;
    entry.duration_ns = 3000000000u;
    field.value_len =
        (size_t)snprintf(value, sizeof value, "t=%lld.000", (long long)time(NULL) - 10);
    CHECK(front_time(t, &entry) == -1); /* nobody is believed */
    entry.proxies = &unix_only;
    entry.sender = &proxy;
    double seconds = front_time(t, &entry);
    CHECK(seconds >= 7 && seconds < 60);
    snprintf(value, sizeof value, "t=%lld.000", (long long)time(NULL) + 10);
    CHECK(front_time(t, &entry) == 0); /* of a clock that is ahead */
    value[0] = 'x';
    CHECK(front_time(t, &entry) == -1);
    entry.request = NULL;
    CHECK(front_time(t, &entry) == -1);
}

static void the_time_in_the_application_is_without_that_of_the_client(struct rhb_test *t)
{
    struct rhb_access_entry entry = full_entry();
    check_line(t, "%({queue_time}x)s %({app_time}x)s", &entry, "- -");
    entry.timed = true;
    entry.duration_ns = 3004005999u;
    entry.queue_ns = 1500000u;
    entry.away_ns = 1000000000u;
    check_line(t, "%({queue_time}x)s %({app_time}x)s", &entry, "0.001500 2.004005");
    check_line(t, "%({wait_time}x)s", &entry, "0.000000");
    entry.waited_ns = 2500000u;
    check_line(t, "escape=json [%({wait_time}x)s]", &entry, "[0.002500]");
    entry.away_ns = 4000000000u;
    check_line(t, "escape=json [%({app_time}x)s]", &entry, "[0.000000]");
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_request_id_is_written_or_a_dash),
        RHB_CASE(trace_and_span_are_those_of_a_valid_traceparent),
        RHB_CASE(the_front_time_ends_where_our_time_begins),
        RHB_CASE(the_time_in_the_application_is_without_that_of_the_client),
        RHB_CASE(a_name_that_is_not_known_is_a_hyphen_as_any_unknown_atom),
    };
    return RHB_RUN(cases);
}
