/* csrc/loop/parcel.c: connections whose body is arriving move from one loop to another. */
#define _GNU_SOURCE
#include "base/live.h"
#include "generation.h"
#include "loop/parking.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LARGE = 300000 };

/* ---- a foreign allocator ---- */

static int blocks_out;
static bool no_memory;

static void *make_block(size_t size, char **data)
{
    char *block = no_memory ? NULL : malloc(size + 1); /* the bytes are not where it begins */
    if (block == NULL)
        return NULL;
    blocks_out++;
    *data = block + 1;
    return block;
}

static void release_block(void *block)
{
    blocks_out--;
    free(block);
}

static struct rhb_body_memory foreign = {.make = make_block, .release = release_block};

static void in_blocks(struct rhb_loop_options *options)
{
    atomic_store(&foreign.block_size, 16384);
    options->body_memory = &foreign;
}

static void in_small_blocks(struct rhb_loop_options *options)
{
    atomic_store(&foreign.block_size, 1000);
    options->body_memory = &foreign;
}

static void in_a_file(struct rhb_loop_options *options)
{
    options->body_buffer = 1000;
}

static void in_turns(struct rhb_loop_options *options)
{
    options->large_body = 100;
}

/* ---- requests ---- */

/* A client that has sent the head and this much of the body, which has arrived in the worker. */
static struct client begin(struct generation *g, const char *body, size_t len, size_t sent)
{
    struct rhb_test *t = g->f[0].t;
    struct fixture *f = &g->f[0];
    struct client c = client_new(f, BY_UNIX);
    char head[200];
    snprintf(head, sizeof head, "POST /b HTTP/1.1\r\nHost: where\r\nContent-Length: %zu\r\n\r\n",
             len);
    client_send_text(f, &c, head);
    client_send(f, &c, body, sent);
    restart_timer(f);
    while ((parked(f, RHB_CONN_BODY) == 0 ||
            first_parked(f, RHB_CONN_BODY)->incoming->body.len < sent) &&
           step(f))
        ;
    CHECK_INT(parked(f, RHB_CONN_BODY), 1);
    return c;
}

static void check_answer(struct generation *g, struct client *c, const char *body, size_t len)
{
    struct rhb_test *t = g->f[0].t;
    char expected[50];
    snprintf(expected, sizeof expected, "POST /b %zu", len);
    CHECK_INT(answer_to(&g->f[1], c), 200);
    CHECK_STR(c->body, c->body_len, expected);
    CHECK_MEM(g->f[1].body.data, g->f[1].body.len, body, len);
}

/* A body of this length, of which `sent` bytes have arrived, is received to its end elsewhere. */
static void check_body(struct rhb_test *t, change_options *change, size_t len, size_t sent)
{
    struct generation g;
    generation_new(&g, t, change);
    char *body = pattern_new(len);
    struct client c = begin(&g, body, len, sent);
    struct rhb_conn *conn = travel(&g, 0, first_parked(&g.f[0], RHB_CONN_BODY));
    CHECK_INT(conn->incoming->body.len, sent);
    CHECK_STR(conn->incoming->framing.host, conn->incoming->framing.host_len, "where");
    client_send(&g.f[1], &c, body + sent, len - sent);
    check_answer(&g, &c, body, len);
    client_close(&c);
    generation_end(&g);
    CHECK_INT(blocks_out, 0);
    free(body);
}

static void a_body_of_which_nothing_has_arrived(struct rhb_test *t)
{
    check_body(t, NULL, 10, 0);
}

static void a_body_in_one_block(struct rhb_test *t)
{
    check_body(t, NULL, 1000, 400);
    check_body(t, NULL, LARGE, RHB_PARCEL_BODY);
}

static void a_body_in_blocks_of_a_foreign_allocator(struct rhb_test *t)
{
    check_body(t, in_blocks, 50000, 16383);
    check_body(t, in_blocks, 50000, 16384);
    check_body(t, in_blocks, 50000, 40000);
    check_body(t, in_blocks, 70000, RHB_PARCEL_BODY);
}

static void a_body_that_is_too_long_for_a_message(struct rhb_test *t)
{
    check_body(t, NULL, LARGE, RHB_PARCEL_BODY + 1);
    check_body(t, in_blocks, LARGE, 200000);
}

static void a_body_in_a_temporary_file(struct rhb_test *t)
{
    check_body(t, in_a_file, 5000, 3000);
    check_body(t, in_a_file, LARGE, 200000);
}

static void a_body_that_has_a_turn(struct rhb_test *t)
{
    check_body(t, in_turns, 1000, 400);
}

static void its_turn_goes_to_the_next_large_body(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, in_turns);
    char *body = pattern_new(1000);
    struct client c = begin(&g, body, 1000, 400);
    struct rhb_conn *conn = first_parked(&g.f[0], RHB_CONN_BODY);
    const struct rhb_incoming *incoming = conn->incoming;
    CHECK(g.f[0].loop->body_turns[0].of == incoming);
    travel(&g, 0, conn);
    CHECK(g.f[0].loop->body_turns[0].of == NULL);
    client_close(&c);
    generation_end(&g);
    free(body);
}

/* ---- the host ---- */

/* The buffer of the lane, in which the head has arrived, is used for other connections since. */
static void the_host_of_a_parked_request_is_in_its_own_head(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, NULL);
    struct client c = begin(&g, "abc", 3, 1);
    const struct rhb_conn *conn = first_parked(&g.f[0], RHB_CONN_BODY);
    const char *host = conn->incoming->framing.host;
    CHECK(host > conn->in.data && host < conn->in.data + conn->in.len);
    CHECK_STR(host, conn->incoming->framing.host_len, "where");
    client_close(&c);
    generation_end(&g);
}

/* ---- chunked bodies ---- */

static void the_decoder_travels_from_each_byte_to_the_next(struct rhb_test *t)
{
    static const char chunked[] =
        "004;name=\"a b\"\r\nWiki\r\n5\r\npedia\r\n0\r\nTrailer: x\r\n\r\n";
    static const char head[] = "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t at = 1; at < sizeof chunked - 1; at++) {
        struct generation g;
        generation_new(&g, t, NULL);
        struct fixture *f = &g.f[0];
        struct client c = client_new(f, BY_UNIX);
        client_send_text(f, &c, head);
        client_send(f, &c, chunked, at);
        restart_timer(f);
        while (parked(f, RHB_CONN_BODY) == 0 && parked(f, RHB_CONN_LINGER) == 0 && step(f))
            ;
        travel(&g, 0, first_parked(f, RHB_CONN_BODY));
        client_send(&g.f[1], &c, chunked + at, sizeof chunked - 1 - at);
        check_answer(&g, &c, "Wikipedia", 9);
        client_close(&c);
        generation_end(&g);
    }
}

/* ---- what fails ---- */

static void too_many_blocks_cannot_be_sent(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, in_small_blocks);
    char *body = pattern_new(50000);
    struct client c = begin(&g, body, 50000, 40000);
    struct rhb_conn *conn = first_parked(&g.f[0], RHB_CONN_BODY);
    CHECK_INT(rhb_parcel_send(g.f[0].loop, conn, &g.waiting), RHB_PARCEL_UNMOVABLE);
    CHECK(conn == first_parked(&g.f[0], RHB_CONN_BODY));
    client_send(&g.f[0], &c, body + 40000, 10000);
    CHECK_INT(answer_to(&g.f[0], &c), 200);
    CHECK_MEM(g.f[0].body.data, g.f[0].body.len, body, 50000);
    client_close(&c);
    generation_end(&g);
    CHECK_INT(blocks_out, 0);
    free(body);
}

static void without_memory_for_the_body_the_connection_ends(struct rhb_test *t)
{
    for (int file = 0; file <= 1; file++) {
        struct generation g;
        bool empty;
        generation_new(&g, t, in_blocks);
        char *body = pattern_new(LARGE);
        struct client c = begin(&g, body, LARGE, file ? 100000 : 1000);
        CHECK_INT(rhb_parcel_send(g.f[0].loop, first_parked(&g.f[0], RHB_CONN_BODY), &g.waiting),
                  RHB_PARCEL_OK);
        no_memory = true;
        struct rhb_conn *conn = rhb_parcel_take(g.f[1].loop, &g.waiting, &empty);
        no_memory = false;
        CHECK_INT(conn != NULL, file);
        if (conn != NULL)
            rhb_conn_close(g.f[1].loop, conn);
        CHECK(client_sees_end(&c));
        client_close(&c);
        generation_end(&g);
        free(body);
    }
    CHECK_INT(blocks_out, 0);
}

static void bodies_that_were_sent_are_freed_by_a_thread(struct rhb_test *t)
{
    struct generation g;
    generation_new(&g, t, in_blocks);
    char *body = pattern_new(50000);
    struct client c = begin(&g, body, 50000, 40000);
    int blocks = blocks_out;
    CHECK_INT(rhb_parcel_send(g.f[0].loop, first_parked(&g.f[0], RHB_CONN_BODY), &g.waiting),
              RHB_PARCEL_OK);
    CHECK_INT(blocks_out, blocks); /* the allocator may need what the mover has not: the GIL */
    CHECK_INT(g.f[0].loop->open, 0);
    rhb_parcel_free_moved(g.f[0].loop);
    CHECK_INT(blocks_out, 0);
    CHECK_INT(rhb_live_count(RHB_LIVE_INCOMING), 0);
    client_close(&c);
    settle(&g);
    generation_end(&g);
    free(body);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_body_of_which_nothing_has_arrived),
        RHB_CASE(a_body_in_one_block),
        RHB_CASE(a_body_in_blocks_of_a_foreign_allocator),
        RHB_CASE(a_body_that_is_too_long_for_a_message),
        RHB_CASE(a_body_in_a_temporary_file),
        RHB_CASE(a_body_that_has_a_turn),
        RHB_CASE(its_turn_goes_to_the_next_large_body),
        RHB_CASE(the_host_of_a_parked_request_is_in_its_own_head),
        RHB_CASE(the_decoder_travels_from_each_byte_to_the_next),
        RHB_CASE(too_many_blocks_cannot_be_sent),
        RHB_CASE(without_memory_for_the_body_the_connection_ends),
        RHB_CASE(bodies_that_were_sent_are_freed_by_a_thread),
    };
    return RHB_RUN(cases);
}
