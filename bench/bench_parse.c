/* The parser alone: nanoseconds per request of the strict and the lenient parser, for every
 * instruction set of this machine.
 *
 *   make -C bench parse
 *   taskset -c 1 bench/build/bench_parse [milliseconds per figure, 100 when not given]
 *   bench/build/bench_parse WORKLOAD VARIANT TIMES    only parses, for parse_instructions.py
 *
 * Each figure is the best of several rounds: the parser uses no other memory, so a slower round was
 * disturbed. "mixed" parses many different browser requests in turn, which the branch predictor
 * cannot learn; the requests of a server are something between that and the others. */
#include "picohttpparser/variants.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FIELDS = 64, ROUNDS = 7, MIXED = 128 };

struct sample {
    char *bytes;
    size_t len;
};

struct workload {
    const char *name;
    struct sample samples[MIXED];
    size_t count;
};

static const char short_request[] = "GET / HTTP/1.1\r\n"
                                    "Host: x\r\n"
                                    "\r\n";

/* The request of wrk; that of curl is a little longer. */
static const char wrk_request[] = "GET / HTTP/1.1\r\n"
                                  "Host: 127.0.0.1:8000\r\n"
                                  "\r\n";

static const char curl_request[] = "GET /hello HTTP/1.1\r\n"
                                   "Host: 127.0.0.1:8000\r\n"
                                   "User-Agent: curl/7.88.1\r\n"
                                   "Accept: */*\r\n"
                                   "\r\n";

static const char browser_request[] =
    "GET /articles/2024/11/a-quiet-walk-along-the-river HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
    "Accept-Language: en-GB,en;q=0.8,de;q=0.5\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://www.example.org/articles/\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: sessionid=x8q3m1k7d2v9b4n6c5z0; csrftoken=Jk29sLq84mNp31RtVw67; theme=dark; "
    "visits=17; consent=necessary.statistics.2024-10-30T09:15:22Z; region=eu-central; "
    "_ga=GA1.2.1187423560.1730279722\r\n"
    "DNT: 1\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Priority: u=0, i\r\n"
    "Cache-Control: max-age=0\r\n"
    "\r\n";

static struct sample copy_of(const char *bytes, size_t len)
{
    struct sample sample = {.bytes = malloc(len), .len = len};

    if (sample.bytes == NULL)
        abort();
    memcpy(sample.bytes, bytes, len);
    return sample;
}

static struct workload single(const char *name, const char *bytes, size_t len)
{
    return (struct workload){.name = name, .samples = {copy_of(bytes, len)}, .count = 1};
}

/* The browser request with a cookie of 4,000 bytes. */
static struct workload large_cookie(void)
{
    static const char field[] = "X-Requested-With: bench\r\nCookie: token=";
    size_t head = sizeof(browser_request) - 3;
    size_t len = head + sizeof(field) - 1 + 4000 + 4;
    char *bytes = malloc(len);
    struct workload workload;

    if (bytes == NULL)
        abort();
    memcpy(bytes, browser_request, head);
    memcpy(bytes + head, field, sizeof(field) - 1);
    memset(bytes + head + sizeof(field) - 1, 'c', 4000);
    memcpy(bytes + len - 4, "\r\n\r\n", 4);
    workload = single("large cookie", bytes, len);
    free(bytes);
    return workload;
}

/* The browser request with shorter and longer values, and without some fields. */
static struct sample varied(unsigned seed)
{
    char bytes[4 * sizeof(browser_request)];
    size_t len = 0;

    for (const char *line = browser_request; *line != '\r'; line = strchr(line, '\n') + 1) {
        size_t line_len = (size_t)(strchr(line, '\n') + 1 - line);
        seed = seed * 1103515245 + 12345;
        if (line != browser_request && line[0] != 'H' && (seed >> 16) % 4 == 0)
            continue;
        memcpy(bytes + len, line, line_len - 2);
        len += line_len - 2;
        for (unsigned more = line == browser_request ? 0 : (seed >> 20) % 48; more > 0; more--)
            bytes[len++] = 'v';
        memcpy(bytes + len, "\r\n", 2);
        len += 2;
    }
    memcpy(bytes + len, "\r\n", 2);
    return copy_of(bytes, len + 2);
}

static struct workload mixed(void)
{
    struct workload workload = {.name = "mixed", .count = MIXED};

    for (unsigned i = 0; i < MIXED; i++)
        workload.samples[i] = varied(i + 1);
    return workload;
}

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

typedef void (*parse_once)(const struct phr_variant *variant, const struct sample *sample);

static void check(int result, const struct sample *sample)
{
    if (result != (int)sample->len) {
        fprintf(stderr, "a request of %zu bytes was answered %d\n", sample->len, result);
        exit(1);
    }
}

static void parse_strict(const struct phr_variant *variant, const struct sample *sample)
{
    static const struct phr_limits limits = {.line = 8190, .head = 65536, .field = 8190};
    struct phr_header fields[FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = FIELDS};

    check(variant->request_strict(sample->bytes, sample->len, &limits, &head, 0), sample);
}

static void parse_lenient(const struct phr_variant *variant, const struct sample *sample)
{
    struct phr_header fields[FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = FIELDS};

    check(variant->request(sample->bytes, sample->len, &head, 0), sample);
}

/* The published function, which also selects the variant. */
static void parse_published(const struct phr_variant *variant, const struct sample *sample)
{
    static const struct phr_limits limits = {.line = 8190, .head = 65536, .field = 8190};
    struct phr_header fields[FIELDS];
    struct phr_request_head head = {.fields = fields, .num_fields = FIELDS};

    (void)variant;
    check(phr_parse_request_strict(sample->bytes, sample->len, &limits, &head, 0), sample);
}

static double round_ns(const struct workload *workload, const struct phr_variant *variant,
                       parse_once parse, double budget)
{
    size_t done = 0;
    double start = now(), spent;

    do {
        for (size_t i = 0; i < 1024; i++)
            parse(variant, &workload->samples[(done + i) % workload->count]);
        done += 1024;
        spent = now() - start;
    } while (spent < budget);
    return spent / (double)done;
}

static double best_ns(const struct workload *workload, const struct phr_variant *variant,
                      parse_once parse, double budget)
{
    double best = round_ns(workload, variant, parse, budget / ROUNDS);

    for (int i = 1; i < ROUNDS; i++) {
        double ns = round_ns(workload, variant, parse, budget / ROUNDS);
        best = ns < best ? ns : best;
    }
    return best;
}

static void report(const struct workload *workload, double budget)
{
    double bytes = 0;

    for (size_t i = 0; i < workload->count; i++)
        bytes += (double)workload->samples[i].len / (double)workload->count;
    printf("%s, %.0f bytes\n", workload->name, bytes);
    for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
        const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
        if (variant == NULL)
            continue;
        printf("  %-8s strict %7.1f ns   lenient %7.1f ns\n", variant->name,
               best_ns(workload, variant, parse_strict, budget),
               best_ns(workload, variant, parse_lenient, budget));
    }
    printf("  %-8s strict %7.1f ns\n", "chosen",
           best_ns(workload, phr_best_variant(), parse_published, budget));
}

/* Parses so many requests of one workload by the strict parser of one variant. */
static int only_parse(const struct workload *workloads, size_t count, char **argv)
{
    for (size_t i = 0; i < count; i++)
        for (int isa = 0; isa < PHR_ISA_COUNT; isa++) {
            const struct phr_variant *variant = phr_variant((enum phr_isa)isa);
            const struct workload *workload = &workloads[i];
            if (variant == NULL || strcmp(workload->name, argv[1]) != 0 ||
                strcmp(variant->name, argv[2]) != 0)
                continue;
            for (size_t done = 0, times = strtoul(argv[3], NULL, 10); done < times; done++)
                parse_strict(variant, &workload->samples[done % workload->count]);
            return 0;
        }
    fprintf(stderr, "no workload %s, or no variant %s\n", argv[1], argv[2]);
    return 1;
}

int main(int argc, char **argv)
{
    struct workload workloads[] = {
        single("short", short_request, sizeof(short_request) - 1),
        single("wrk", wrk_request, sizeof(wrk_request) - 1),
        single("curl", curl_request, sizeof(curl_request) - 1),
        single("browser", browser_request, sizeof(browser_request) - 1),
        large_cookie(),
        mixed(),
    };
    const size_t count = sizeof(workloads) / sizeof(workloads[0]);
    int status = 0;

    if (argc == 4)
        status = only_parse(workloads, count, argv);
    for (size_t i = 0; i < count; i++) {
        if (argc != 4)
            report(&workloads[i], (argc > 1 ? atof(argv[1]) : 100) * 1e6);
        for (size_t j = 0; j < workloads[i].count; j++)
            free(workloads[i].samples[j].bytes);
    }
    return status;
}
