/* csrc/cache/tag.h: short names of target and host. */
#include "cache/asking_fixture.h"
#include "cache/tag.h"
#include <stdio.h>
#include <stdlib.h>

enum { LONGEST = 40, MANY = (LONGEST - 1) * LONGEST };

/* Of a target and a host of so many bytes. */
static uint64_t tag_of(struct rhb_test *t, int target, int host, const char *behind)
{
    static const struct rhb_hash_key secret = {{0x0123456789abcdef, 0xfedcba9876543210}};
    struct rhb_tag_key key = rhb_tag_key(&secret);
    struct asking_fixture f = {0};
    char text[256];
    snprintf(text, sizeof text, "GET /%.*s HTTP/1.1\r\nHost: %.*s\r\n%s\r\n", target - 1,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", host,
             "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", behind);
    CHECK(read_request(&f, text));
    return rhb_tag_of(&key, &f.request);
}

static void what_stands_behind_target_and_host_is_not_in_it(struct rhb_test *t)
{
    for (int target = 1; target <= LONGEST; target++)
        for (int host = 1; host < LONGEST; host++)
            CHECK_INT(tag_of(t, target, host, ""), tag_of(t, target, host, "Accept: */*\r\n"));
}

static int by_value(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

static void repeated_bytes_do_not_hide_a_length(struct rhb_test *t)
{
    static uint64_t tags[MANY];
    size_t count = 0;
    for (int target = 1; target <= LONGEST; target++)
        for (int host = 1; host < LONGEST; host++)
            tags[count++] = tag_of(t, target, host, "");
    qsort(tags, count, sizeof *tags, by_value);
    for (size_t i = 1; i < count; i++)
        CHECK(tags[i - 1] != tags[i]);
}

static uint64_t tag_of_text(struct rhb_test *t, const char *text)
{
    struct rhb_tag_key key = {{0x0123456789abcdef, 0xfedcba9876543211}};
    struct asking_fixture f = {0};
    CHECK(read_request(&f, text));
    return rhb_tag_of(&key, &f.request);
}

static void every_byte_of_both_is_in_it(struct rhb_test *t)
{
    char text[] =
        "GET /0123456789abcdefghij HTTP/1.1\r\nHost: www.0123456789abcdefghij.example\r\n\r\n";
    uint64_t whole = tag_of_text(t, text);
    for (size_t at = 0; at < sizeof text; at++) {
        bool in_target = at > 4 && at<25, in_host = at> 41 && at < sizeof text - 5;
        if (!in_target && !in_host)
            continue;
        char byte = text[at];
        text[at] = byte == 'x' ? 'y' : 'x';
        CHECK(tag_of_text(t, text) != whole);
        text[at] = byte;
    }
    CHECK(tag_of_text(t, "GET / HTTP/1.0\r\n\r\n") ==
          tag_of_text(t, "GET / HTTP/1.0\r\nA: b\r\n\r\n"));
}

static const struct rhb_case cases[] = {
    RHB_CASE(what_stands_behind_target_and_host_is_not_in_it),
    RHB_CASE(repeated_bytes_do_not_hide_a_length),
    RHB_CASE(every_byte_of_both_is_in_it),
};

int main(void)
{
    return RHB_RUN(cases);
}
