/* csrc/base/bytes.c: growing, and failing to grow. */
#include "base/bytes.h"
#include "harness.h"

static void zeroed_bytes_are_empty_and_can_be_freed(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    rhb_bytes_free(&bytes);
    CHECK(bytes.data == NULL && bytes.len == 0 && bytes.cap == 0);
}

static void appended_bytes_are_in_order(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    for (int i = 0; i < 1000; i++)
        CHECK(rhb_bytes_append(&bytes, "abcdefg", 7));
    CHECK_INT(bytes.len, 7000);
    for (size_t i = 0; i < bytes.len; i++)
        CHECK_INT(bytes.data[i], 'a' + (int)(i % 7));
    rhb_bytes_free(&bytes);
    CHECK(bytes.data == NULL && bytes.len == 0 && bytes.cap == 0);
}

static void appending_nothing_keeps_everything(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    CHECK(rhb_bytes_append(&bytes, "x", 1));
    CHECK(rhb_bytes_append(&bytes, "", 0));
    CHECK_STR(bytes.data, bytes.len, "x");
    rhb_bytes_free(&bytes);
}

static void reserved_space_is_available(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    static const size_t sizes[] = {1, 511, 512, 513, 4096, 100000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        CHECK(rhb_bytes_reserve(&bytes, sizes[i]));
        CHECK(bytes.cap - bytes.len >= sizes[i]);
        memset(bytes.data + bytes.len, 'x', sizes[i]);
        bytes.len += sizes[i] / 2;
    }
    rhb_bytes_free(&bytes);
}

static void space_that_is_available_is_not_allocated_again(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    CHECK(rhb_bytes_reserve(&bytes, 100));
    const char *data = bytes.data;
    CHECK(rhb_bytes_reserve(&bytes, bytes.cap));
    CHECK(bytes.data == data);
    rhb_bytes_free(&bytes);
}

static void more_than_there_can_be_is_refused_and_nothing_is_lost(struct rhb_test *t)
{
    struct rhb_bytes bytes = {0};
    CHECK(rhb_bytes_append(&bytes, "kept", 4));
    CHECK(!rhb_bytes_reserve(&bytes, SIZE_MAX));
    CHECK(!rhb_bytes_reserve(&bytes, SIZE_MAX / 2));
    CHECK(!rhb_bytes_reserve(&bytes, SIZE_MAX / 2 - 3));
    CHECK_STR(bytes.data, bytes.len, "kept");
    rhb_bytes_free(&bytes);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(zeroed_bytes_are_empty_and_can_be_freed),
        RHB_CASE(appended_bytes_are_in_order),
        RHB_CASE(appending_nothing_keeps_everything),
        RHB_CASE(reserved_space_is_available),
        RHB_CASE(space_that_is_available_is_not_allocated_again),
        RHB_CASE(more_than_there_can_be_is_refused_and_nothing_is_lost),
    };
    return RHB_RUN(cases);
}
