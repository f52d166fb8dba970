/* csrc/loop/body.c: memory from an allocator of the caller, in one block or in several. */
#include "body_fixture.h"

/* ---- an allocator of the caller ---- */

enum { SCARCE = 40000 };
static size_t scarce_now = SCARCE;
static int blocks_out;

static void *make_scarce(size_t size, char **data)
{
    if (size > scarce_now)
        return NULL;
    blocks_out++;
    char *block = malloc(size + 1); /* the data need not be where the block begins */
    *data = block + 1;
    return block;
}

static void release_scarce(void *block)
{
    blocks_out--;
    free(block);
}

static struct rhb_body_memory scarce = {.make = make_scarce, .release = release_scarce};

static void memory_may_be_the_callers(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    for (int at = 0; at < 30000; at += 1000)
        CHECK_INT(rhb_body_append(&body, bytes + at, 1000), RHB_BODY_OK);
    check_content(t, &body, bytes, 30000);
    CHECK_INT(blocks_out, 1);
    CHECK((char *)body.block + 1 == body.data);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void without_memory_the_received_part_is_kept(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    CHECK_INT(rhb_body_append(&body, bytes, SCARCE - 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(rhb_body_append(&body, bytes, 16384), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes + 16384, 16384), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes, 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    check_content(t, &body, bytes, 32768);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void a_block_that_the_caller_takes_over_is_not_released(struct rhb_test *t)
{
    struct rhb_body body;
    rhb_body_init(&body, 0, LIMIT, &scarce);
    CHECK_INT(rhb_body_append(&body, "mine", 4), RHB_BODY_OK);
    void *block = body.block;
    CHECK_STR(body.data, 4, "mine");
    body.block = body.data = NULL;
    end(t, &body);
    CHECK_INT(blocks_out, 1);
    release_scarce(block);
}

static void memory_is_released_when_the_body_moves_to_the_file(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body;
    rhb_body_init(&body, 0, 20000, &scarce);
    CHECK_INT(rhb_body_append(&body, bytes, 20000), RHB_BODY_OK);
    CHECK_INT(rhb_body_append(&body, bytes + 20000, 1), RHB_BODY_OK);
    CHECK_INT(blocks_out, 0);
    check_content(t, &body, bytes, 20001);
    end(t, &body);
    free(bytes);
}

/* ---- in blocks of one size ---- */

enum { BLOCK = 1000, SEVERAL = 4321 };

/* Initialised for so many bytes in blocks of BLOCK. */
static struct rhb_body in_blocks(uint64_t expected)
{
    struct rhb_body body;
    scarce.block_size = BLOCK;
    rhb_body_init(&body, expected, LIMIT, &scarce);
    scarce.block_size = 0; /* counts when a body begins */
    return body;
}

static void check_blocks(struct rhb_test *t, const struct rhb_body *body, const char *expected,
                         size_t len)
{
    CHECK_INT(body->len, len);
    CHECK_INT(body->n_full, (len - 1) / BLOCK);
    CHECK_INT(blocks_out, body->n_full + 1);
    for (size_t i = 0; i < body->n_full; i++)
        CHECK_MEM((char *)body->full[i] + 1, BLOCK, expected + i * BLOCK, BLOCK);
    size_t last = len - body->n_full * BLOCK;
    CHECK_MEM(body->data, last, expected + body->n_full * BLOCK, last);
}

static void blocks_are_filled_in_order_by_parts_of_any_size(struct rhb_test *t)
{
    static const size_t lengths[] = {BLOCK + 1, 2 * BLOCK, SEVERAL, 50 * BLOCK};
    static const size_t parts[] = {1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 1, LIMIT};
    char *bytes = pattern();
    for (int i = 0; i < 28; i++) {
        size_t len = lengths[i / 7], part = parts[i % 7];
        struct rhb_body body = in_blocks(len);
        for (size_t at = 0; at < len; at += part)
            CHECK_INT(rhb_body_append(&body, bytes + at, len - at < part ? len - at : part),
                      RHB_BODY_OK);
        check_blocks(t, &body, bytes, len);
        end(t, &body);
        CHECK_INT(blocks_out, 0);
    }
    free(bytes);
}

static void a_window_ends_with_its_block(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, 300), RHB_BODY_OK); /* what came with the head */
    CHECK_INT(rhb_body_window(&body, 5, &window), 5);
    while (body.len < SEVERAL) {
        size_t room = rhb_body_window(&body, SEVERAL - body.len, &window);
        size_t left = SEVERAL - (size_t)body.len, in_block = BLOCK - (size_t)body.len % BLOCK;
        if (!CHECK_INT(room, left < in_block ? left : in_block))
            break;
        size_t got = room > 333 ? 333 : room;
        memcpy(window, bytes + body.len, got);
        rhb_body_grew(&body, got);
    }
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    CHECK_INT(rhb_body_append(&body, "x", 1), RHB_BODY_NO_MEMORY); /* was not expected */
    check_blocks(t, &body, bytes, SEVERAL);
    end(t, &body);
    free(bytes);
}

static void bodies_of_unknown_length_or_for_the_file_have_no_blocks(struct rhb_test *t)
{
    static const struct {
        uint64_t expected;
        bool in_file;
    } cases[] = {{BLOCK, false}, {BLOCK - 1, false}, {0, false}, {LIMIT + 1, true}};
    char *bytes = pattern();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rhb_body body = in_blocks(cases[i].expected);
        CHECK_INT(rhb_body_append(&body, bytes, BLOCK - 1), RHB_BODY_OK);
        CHECK_INT(body.block_size, 0);
        CHECK_INT(body.n_full, 0);
        CHECK_INT(body.fd >= 0, cases[i].in_file);
        check_content(t, &body, bytes, BLOCK - 1);
        end(t, &body);
    }
    free(bytes);
}

static void without_memory_the_full_blocks_are_kept(struct rhb_test *t)
{
    char *bytes = pattern(), *window;
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, 2 * BLOCK), RHB_BODY_OK);
    scarce_now = BLOCK - 1;
    CHECK_INT(rhb_body_window(&body, 1, &window), 0);
    CHECK_INT(rhb_body_append(&body, bytes, 1), RHB_BODY_NO_MEMORY);
    CHECK_INT(blocks_out, 2);
    scarce_now = SCARCE;
    CHECK_INT(rhb_body_append(&body, bytes + 2 * BLOCK, 1), RHB_BODY_OK);
    check_blocks(t, &body, bytes, 2 * BLOCK + 1);
    end(t, &body);
    CHECK_INT(blocks_out, 0);
    free(bytes);
}

static void blocks_that_the_caller_takes_over_are_not_released(struct rhb_test *t)
{
    char *bytes = pattern();
    struct rhb_body body = in_blocks(SEVERAL);
    CHECK_INT(rhb_body_append(&body, bytes, SEVERAL), RHB_BODY_OK);
    void *taken[] = {body.full[0], body.full[1], body.full[2], body.full[3]};
    body.n_full = 0;
    end(t, &body);
    CHECK_INT(blocks_out, 4);
    for (int i = 0; i < 4; i++)
        release_scarce(taken[i]);
    free(bytes);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(memory_may_be_the_callers),
        RHB_CASE(without_memory_the_received_part_is_kept),
        RHB_CASE(a_block_that_the_caller_takes_over_is_not_released),
        RHB_CASE(memory_is_released_when_the_body_moves_to_the_file),
        RHB_CASE(blocks_are_filled_in_order_by_parts_of_any_size),
        RHB_CASE(a_window_ends_with_its_block),
        RHB_CASE(bodies_of_unknown_length_or_for_the_file_have_no_blocks),
        RHB_CASE(without_memory_the_full_blocks_are_kept),
        RHB_CASE(blocks_that_the_caller_takes_over_are_not_released),
    };
    return RHB_RUN(cases);
}
