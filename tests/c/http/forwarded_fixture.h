/* Calls of csrc/http/forwarded.c for its tests. Every name and value is in memory of exactly its
 * size.
 */
#ifndef RHB_TEST_FORWARDED_FIXTURE_H
#define RHB_TEST_FORWARDED_FIXTURE_H

#include "harness.h"
#include "http/forwarded.h"
#include <stdio.h>
#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum { MOST_FIELDS = 8, ALL = RHB_X_FORWARDED | RHB_FORWARDED };

/* The peer is 10.0.0.1; proxies are 10.0.0.0/8, ::1 and, in some cases, unix sockets. */
static const struct rhb_network proxies[] = {
    {{[10] = 0xff, [11] = 0xff, [12] = 10}, 96 + 8},
    {{[15] = 1}, 128},
};

static struct rhb_forwarded_policy policy = {
    .allowed = {.networks = proxies, .n_networks = COUNT(proxies)}, .fields = ALL};

static inline char *copy_exactly(const char *bytes, size_t len)
{
    return memcpy(malloc(len ? len : 1), bytes, len);
}

/* "Name: value\n" lines into fields; values keep every byte but the newline. */
static inline size_t split_fields(struct phr_header *fields, const char *lines)
{
    size_t count = 0;
    for (const char *next; *lines != '\0'; lines = next + 1) {
        next = strchr(lines, '\n');
        const char *colon = strchr(lines, ':');
        struct phr_header *field = &fields[count++];
        field->name_len = (size_t)(colon - lines);
        field->value_len = (size_t)(next - colon - 2);
        field->name = copy_exactly(lines, field->name_len);
        field->value = copy_exactly(colon + 2, field->value_len);
    }
    return count;
}

/* "address port scheme host port", "-" for an unknown value. */
static inline void describe(const struct rhb_forwarded *said, char *out, size_t cap)
{
    static const char *const schemes[] = {"-", "http", "https"};
    char address[RHB_PEER_TEXT + 1] = "-";
    if (said->has_client)
        address[rhb_peer_text(&said->client, address)] = '\0';
    snprintf(out, cap, "%s %u %s %.*s %u", address, said->has_client ? said->client.port : 0u,
             schemes[said->scheme], said->host ? (int)said->host_len : 1,
             said->host ? said->host : "-", said->port);
}

static inline void read_from(const char *from, const char *lines, char *out, size_t cap)
{
    struct phr_header fields[MOST_FIELDS];
    struct rhb_forwarded said;
    struct rhb_peer peer = {0};
    size_t count = split_fields(fields, lines);
    rhb_peer_read(&peer, from, strlen(from));
    memset(&said, 0xa5, sizeof said); /* all of it has to be set */
    rhb_forwarded_read(&said, &policy, &peer, fields, count);
    describe(&said, out, cap);
    for (size_t i = 0; i < count; i++) {
        free((void *)fields[i].name);
        free((void *)fields[i].value);
    }
}

struct row {
    const char *lines;
    const char *expected;
};

static inline void check_from(struct rhb_test *t, const char *from, const struct row *rows,
                              size_t count)
{
    char said[400];
    for (size_t i = 0; i < count; i++) {
        read_from(from, rows[i].lines, said, sizeof said);
        if (!CHECK_STR(said, strlen(said), rows[i].expected))
            rhb_note_bytes("fields", rows[i].lines, strlen(rows[i].lines));
    }
}

#define CHECK_ROWS(rows) check_from(t, "10.0.0.1", rows, COUNT(rows))

#define NOTHING "- 0 - - 0"
#define FOR(value) "X-Forwarded-For: " value "\n"
#define PROTO(value) "X-Forwarded-Proto: " value "\n"
#define XHOST(value) "X-Forwarded-Host: " value "\n"
#define SSL(value) "X-Forwarded-Ssl: " value "\n"
#define PROTOCOL(value) "X-Forwarded-Protocol: " value "\n"
#define XPORT(value) "X-Forwarded-Port: " value "\n"
#define FORWARDED(value) "Forwarded: " value "\n"

#endif
