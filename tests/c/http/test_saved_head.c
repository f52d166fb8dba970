/* csrc/http/saved_head.c: a copy of a head that does not need its buffer. */
#include "harness.h"
#include "http/saved_head.h"
#include <stdlib.h>

static void a_saved_head_does_not_point_into_its_buffer(struct rhb_test *t)
{
    char buffer[] = "PUT/aHostbEmpty";
    struct phr_header fields[] = {{buffer + 5, 4, buffer + 9, 1}, {buffer + 10, 5, buffer + 15, 0}};
    struct phr_request_head head = {.method = buffer,
                                    .method_len = 3,
                                    .target = buffer + 3,
                                    .target_len = 2,
                                    .minor_version = 1,
                                    .fields = fields,
                                    .num_fields = 2};
    struct phr_request_head *saved = rhb_head_save(&head);
    memset(buffer, '!', sizeof buffer);
    memset(fields, 0, sizeof fields);
    CHECK_STR(saved->method, saved->method_len, "PUT");
    CHECK_STR(saved->target, saved->target_len, "/a");
    CHECK_INT(saved->minor_version, 1);
    CHECK_INT(saved->num_fields, 2);
    CHECK_STR(saved->fields[0].name, saved->fields[0].name_len, "Host");
    CHECK_STR(saved->fields[0].value, saved->fields[0].value_len, "b");
    CHECK_STR(saved->fields[1].name, saved->fields[1].name_len, "Empty");
    CHECK_INT(saved->fields[1].value_len, 0);
    free(saved);
}

static void a_head_without_fields_is_saved(struct rhb_test *t)
{
    struct phr_request_head head = {
        .method = "GET", .method_len = 3, .target = "*", .target_len = 1};
    struct phr_request_head *saved = rhb_head_save(&head);
    CHECK_STR(saved->method, saved->method_len, "GET");
    CHECK_STR(saved->target, saved->target_len, "*");
    CHECK_INT(saved->num_fields, 0);
    free(saved);
}

static void a_parsed_head_is_the_same_when_saved(struct rhb_test *t)
{
    static const char text[] = "GET /x?y HTTP/1.1\r\nHost: a\r\nAccept:  */* \r\n\r\n";
    struct phr_limits limits = {.line = 100, .head = 1000, .field = 100};
    struct phr_header fields[4];
    struct phr_request_head head = {.fields = fields, .num_fields = 4};
    CHECK_INT(phr_parse_request_strict(text, sizeof text - 1, &limits, &head, 0), sizeof text - 1);
    struct phr_request_head *saved = rhb_head_save(&head);
    CHECK(saved->target != head.target);
    CHECK_STR(saved->target, saved->target_len, "/x?y");
    CHECK_STR(saved->method, (size_t)(saved->target + saved->target_len - saved->method),
              "GET /x?y"); /* as in the scoreboard */
    for (size_t i = 0; i < head.num_fields; i++) {
        CHECK_MEM(saved->fields[i].name, saved->fields[i].name_len, fields[i].name,
                  fields[i].name_len);
        CHECK_MEM(saved->fields[i].value, saved->fields[i].value_len, fields[i].value,
                  fields[i].value_len);
    }
    free(saved);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_saved_head_does_not_point_into_its_buffer),
        RHB_CASE(a_head_without_fields_is_saved),
        RHB_CASE(a_parsed_head_is_the_same_when_saved),
    };
    return RHB_RUN(cases);
}
