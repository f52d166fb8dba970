/* csrc/log/records.c: lines wait in memory until they are taken. */
#include "harness.h"
#include "log/records.h"
#include <stdlib.h>

static struct phr_header fields[] = {
    {.name = "Host", .name_len = 4, .value = "a\x1f", .value_len = 2},
    {.name = "X-Y", .name_len = 3, .value = "", .value_len = 0},
};

static const struct phr_request_head head = {
    .method = "GET",
    .method_len = 3,
    .target = "/",
    .target_len = 1,
    .fields = fields,
    .num_fields = 2,
};

static const char answer[] = "HTTP/1.1 200 OK\r\nDate: now\r\n\r\n";

static const struct rhb_access_entry entry = {
    .request = &head,
    .status = 200,
    .response_head = answer,
    .response_head_len = sizeof answer - 1,
};

static struct rhb_records *of(const char *format, const char *line)
{
    const char *error;
    size_t at;
    return rhb_records_new(format, line, &error, &at);
}

/* What was taken, without the time in front of each record; the caller frees it. */
static char *taken(struct rhb_records *records, uint64_t *lost)
{
    struct rhb_bytes bytes;
    rhb_records_take(records, &bytes, lost);
    char *text = calloc(1, bytes.len + 1);
    const char *at = bytes.len > 0 ? memchr(bytes.data, 0x1f, bytes.len) : NULL;
    if (at != NULL)
        memcpy(text, at, bytes.len - (size_t)(at - bytes.data));
    rhb_bytes_free(&bytes);
    return text;
}

static void check_taken(struct rhb_test *t, struct rhb_records *records, const char *expected)
{
    uint64_t lost;
    char *text = taken(records, &lost);
    CHECK_STR(text, strlen(text), expected);
    CHECK_INT(lost, 0);
    free(text);
}

static void a_record_is_taken_once(struct rhb_test *t)
{
    struct rhb_records *records = of("%(m)s\x1f%(s)s", NULL);
    CHECK(rhb_records_add(records, &entry) > 0);
    check_taken(t, records,
                "\x1fGET\x1f"
                "200\n");
    check_taken(t, records, "");
    rhb_records_free(records);
}

static void a_second_line_has_a_format_of_its_own(struct rhb_test *t)
{
    struct rhb_records *records = of("%(m)s", "escape=json {\"s\": %(s)s}");
    rhb_records_add(records, &entry);
    check_taken(t, records, "\x1fGET\n{\"s\": 200}\n");
    rhb_records_free(records);
}

static void all_fields_are_one_atom_and_cannot_forge_another(struct rhb_test *t)
{
    struct rhb_records *records = of("%({\x1e}i)s|%({\x1e}o)s", NULL);
    rhb_records_add(records, &entry);
    check_taken(t, records,
                "\x1f\x1eHost:a\\x1F\x1eX-Y:|\x1eHTTP/1.1 200 OK\x1e"
                "Date: now\x1e\n");
    rhb_records_add(records, &(struct rhb_access_entry){.status = 400});
    check_taken(t, records, "\x1f|\n");
    rhb_records_free(records);
}

static void what_nobody_takes_is_counted(struct rhb_test *t)
{
    struct rhb_records *records = of("%(m)s", NULL);
    uint64_t lost;
    size_t kept = 0, added = 0;
    while (added == 0 || kept < RHB_RECORDS_KEEP)
        kept = rhb_records_add(records, &entry), added++;
    CHECK_INT(rhb_records_add(records, &entry), kept);
    CHECK_INT(rhb_records_add(records, &entry), kept);
    free(taken(records, &lost));
    CHECK_INT(lost, 2);
    rhb_records_add(records, &entry);
    check_taken(t, records, "\x1fGET\n");
    rhb_records_free(records);
}

static void a_bad_format_is_an_error(struct rhb_test *t)
{
    CHECK(of("%(m", NULL) == NULL);
    CHECK(of("%(m)s", "%") == NULL);
    rhb_records_free(NULL);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_record_is_taken_once),
        RHB_CASE(a_second_line_has_a_format_of_its_own),
        RHB_CASE(all_fields_are_one_atom_and_cannot_forge_another),
        RHB_CASE(what_nobody_takes_is_counted),
        RHB_CASE(a_bad_format_is_an_error),
    };
    return RHB_RUN(cases);
}
