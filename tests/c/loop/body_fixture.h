/* Bodies with known bytes, for test_body.c and test_body_blocks.c. */
#ifndef RHB_TEST_BODY_FIXTURE_H
#define RHB_TEST_BODY_FIXTURE_H

#include "base/live.h"
#include "harness.h"
#include "loop/body.h"
#include <stdlib.h>
#include <unistd.h>

enum { LIMIT = 100000, LONG = 300000 };

static inline char *pattern(void)
{
    char *bytes = malloc(LONG);
    for (int i = 0; i < LONG; i++)
        bytes[i] = (char)(i * 31 + i / 253);
    return bytes;
}

static inline void check_content(struct rhb_test *t, const struct rhb_body *body,
                                 const char *expected, size_t len)
{
    CHECK_INT(body->len, len);
    if (body->fd < 0) {
        CHECK_MEM(body->data, (size_t)body->len, expected, len);
        return;
    }
    char *read_back = malloc(len + 1);
    CHECK(body->data == NULL);
    CHECK_INT(pread(body->fd, read_back, len + 1, 0), len);
    CHECK_MEM(read_back, len, expected, len);
    free(read_back);
}

static inline void end(struct rhb_test *t, struct rhb_body *body)
{
    rhb_body_free(body);
    CHECK(body->data == NULL && body->fd == -1);
    CHECK_INT(rhb_live_count(RHB_LIVE_BODY), 0);
}

#endif
