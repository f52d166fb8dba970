/* csrc/log/statsd.c: metrics become datagrams, and a socket that takes none costs only metrics. */
#include "base/clock.h"
#include "harness.h"
#include "log/statsd.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct ends {
    int server, client;
};

static struct ends set_up(struct rhb_test *t)
{
    int fds[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds), 0);
    return (struct ends){.server = fds[0], .client = fds[1]};
}

static void tear_down(struct ends ends)
{
    close(ends.server);
    close(ends.client);
}

static void add(struct rhb_statsd *statsd, int status, uint64_t ns)
{
    rhb_statsd_add(statsd, &(struct rhb_access_entry){.status = status, .duration_ns = ns});
}

#define CHECK_TEXT(actual, expected)                                                               \
    do {                                                                                           \
        const char *text = (actual);                                                               \
        CHECK_STR(text, strlen(text), expected);                                                   \
    } while (0)

/* The next datagram; "" when there is none. */
static const char *datagram(struct ends ends)
{
    static char data[8192];
    ssize_t n = recv(ends.server, data, sizeof data - 1, MSG_DONTWAIT);
    data[n > 0 ? n : 0] = '\0';
    return data;
}

static void a_request_is_three_lines(struct rhb_test *t)
{
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "my.", "a:b,c");
    CHECK_INT(rhb_statsd_due(statsd), 0);
    add(statsd, 200, 1090000);
    CHECK(rhb_statsd_due(statsd) > rhb_now_coarse());
    CHECK_TEXT(datagram(ends), "");
    rhb_statsd_flush(statsd);
    CHECK_TEXT(datagram(ends), "my.gunicorn.request.duration:1.09|ms|#a:b,c\n"
                               "my.gunicorn.requests:1|c|@1.0|#a:b,c\n"
                               "my.gunicorn.request.status.200:1|c|@1.0|#a:b,c");
    CHECK_INT(rhb_statsd_due(statsd), 0);
    rhb_statsd_free(statsd);
    CHECK_TEXT(datagram(ends), "");
    tear_down(ends);
}

static void durations_are_written_as_python_writes_floats(struct rhb_test *t)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } cases[] = {{999, "0.0|"},
                 {5000, "0.005|"},
                 {120000, "0.12|"},
                 {1000000, "1.0|"},
                 {61000345999, "61000.345|"},
                 {300000, "0.3|"}};
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "", "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        add(statsd, 200, cases[i].ns);
        rhb_statsd_flush(statsd);
        const char *at = strchr(datagram(ends), ':');
        CHECK(at != NULL && strncmp(at + 1, cases[i].text, strlen(cases[i].text)) == 0);
    }
    rhb_statsd_free(statsd);
    tear_down(ends);
}

static void counters_are_sums(struct rhb_test *t)
{
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "", "");
    add(statsd, 200, 1000000);
    add(statsd, 404, 1000000);
    add(statsd, 200, 1000000);
    rhb_statsd_free(statsd);
    const char *sent = datagram(ends);
    CHECK(strstr(sent, "gunicorn.requests:3|c|@1.0") != NULL);
    CHECK(strstr(sent, "gunicorn.request.status.200:2|c|@1.0") != NULL);
    CHECK(strstr(sent, "gunicorn.request.status.404:1|c|@1.0") != NULL);
    tear_down(ends);
}

static void a_refused_request_has_no_duration(struct rhb_test *t)
{
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "", "");
    add(statsd, 400, 0);
    rhb_statsd_free(statsd);
    CHECK_TEXT(datagram(ends), "gunicorn.requests:1|c|@1.0\ngunicorn.request.status.400:1|c|@1.0");
    tear_down(ends);
}

static void datagrams_are_full_but_not_longer_than_a_packet(struct rhb_test *t)
{
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "service.", "env:test");
    unsigned long requests = 0, n = 0, sum = 0;
    while (datagram(ends)[0] == '\0') {
        add(statsd, 200 + (int)(requests % 4), 1234567);
        requests++;
    }
    for (int i = 0; i < 500; i++)
        add(statsd, 200 + i % 40, 1234567); /* more statuses than are counted at a time */
    rhb_statsd_flush(statsd);
    for (const char *sent = datagram(ends); sent[0] != '\0'; sent = datagram(ends)) {
        size_t len = strlen(sent);
        const char *at = strstr(sent, "gunicorn.requests:");
        CHECK(len <= RHB_STATSD_DATAGRAM);
        sum += at == NULL ? 0 : strtoul(strchr(at, ':') + 1, NULL, 10);
        n++;
    }
    CHECK(requests > 10);
    CHECK(sum > 0 && sum <= 500); /* the queue of a unix socket is short: the rest is lost */
    CHECK(n > 1);
    rhb_statsd_free(statsd);
    tear_down(ends);
}

static void a_long_prefix_makes_a_datagram_of_each_line(struct rhb_test *t)
{
    char prefix[3000];
    struct ends ends = set_up(t);
    memset(prefix, 'p', sizeof prefix - 1);
    prefix[sizeof prefix - 1] = '\0';
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, prefix, prefix);
    add(statsd, 200, 1);
    rhb_statsd_free(statsd);
    for (int i = 0; i < 3; i++)
        CHECK(strlen(datagram(ends)) > 2 * (sizeof prefix - 1));
    CHECK_TEXT(datagram(ends), "");
    tear_down(ends);
}

static void a_full_socket_does_not_wait(struct rhb_test *t)
{
    struct ends ends = set_up(t);
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, NULL, "", "");
    for (int i = 0; i < 100000; i++)
        add(statsd, 200, 1);
    CHECK(datagram(ends)[0] != '\0');
    rhb_statsd_free(statsd);
    tear_down(ends);
}

static int bound(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    unlink(address->sun_path);
    return bind(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? fd : -1;
}

static void a_server_may_come_later_and_be_started_again(struct rhb_test *t)
{
    char dir[] = "/tmp/rhb-statsd-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(mkdtemp(dir) != NULL);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/s", dir);
    struct ends ends = {.client = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    struct rhb_statsd *statsd = rhb_statsd_new(ends.client, address.sun_path, "", "");
    add(statsd, 200, 1);
    rhb_statsd_flush(statsd); /* nobody is there */
    for (int i = 0; i < 2; i++) {
        ends.server = bound(&address);
        CHECK(ends.server >= 0);
        add(statsd, 200, 1);
        rhb_statsd_flush(statsd);
        CHECK(strstr(datagram(ends), "gunicorn.requests:1|") != NULL);
        close(ends.server);
    }
    rhb_statsd_free(statsd);
    close(ends.client);
    unlink(address.sun_path);
    rmdir(dir);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_is_three_lines),
        RHB_CASE(durations_are_written_as_python_writes_floats),
        RHB_CASE(counters_are_sums),
        RHB_CASE(a_refused_request_has_no_duration),
        RHB_CASE(datagrams_are_full_but_not_longer_than_a_packet),
        RHB_CASE(a_long_prefix_makes_a_datagram_of_each_line),
        RHB_CASE(a_full_socket_does_not_wait),
        RHB_CASE(a_server_may_come_later_and_be_started_again),
    };
    return RHB_RUN(cases);
}
