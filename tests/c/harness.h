/* What every C test shares: a table of cases, checks that say where they failed, and memory that
 * ends against an unreadable page. A test file lists its cases and hands them to rhb_run() from
 * main(); a case that is not listed does not compile (-Wunused-function). */
#ifndef RHB_TEST_HARNESS_H
#define RHB_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One run of a test program; handed to every case. */
struct rhb_test {
    const char *name; /* of the running case */
    int failures;     /* in the running case */
    int failed_cases;
};

struct rhb_case {
    const char *name;
    void (*run)(struct rhb_test *t);
};

/* The name of a case is its function's, printed with spaces: write it as a sentence. */
#define RHB_CASE(function)                                                                         \
    {                                                                                              \
#function, function                                                                        \
    }
#define RHB_RUN(cases) rhb_run(cases, sizeof(cases) / sizeof((cases)[0]))

/* Runs the cases, prints one TAP line each; the exit status of the program. RHB_ONLY=substring in
 * the environment picks cases by name. */
int rhb_run(const struct rhb_case *cases, size_t count);

/* Checks. They go on after a failure and return whether they held, so that a case may stop early.
 * `t` must be in scope. */
#define CHECK(condition) rhb_check(t, (condition), #condition, __FILE__, __LINE__)
#define CHECK_INT(actual, expected)                                                                \
    rhb_check_int(t, (intmax_t)(actual), (intmax_t)(expected), #actual, __FILE__, __LINE__)
#define CHECK_MEM(actual, actual_len, expected, expected_len)                                      \
    rhb_check_mem(t, (actual), (actual_len), (expected), (expected_len), #actual, __FILE__,        \
                  __LINE__)
/* expected: a NUL-terminated string (the NUL is not compared). */
#define CHECK_STR(actual, actual_len, expected)                                                    \
    CHECK_MEM(actual, actual_len, expected, strlen(expected))

bool rhb_check(struct rhb_test *t, bool held, const char *what, const char *file, int line);
bool rhb_check_int(struct rhb_test *t, intmax_t actual, intmax_t expected, const char *what,
                   const char *file, int line);
bool rhb_check_mem(struct rhb_test *t, const void *actual, size_t actual_len, const void *expected,
                   size_t expected_len, const char *what, const char *file, int line);

/* Says more about a failure: printf-like, one diagnostic line. */
void rhb_note(struct rhb_test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints bytes as one escaped diagnostic line. */
void rhb_note_bytes(const char *label, const void *data, size_t len);

/* Memory whose last byte is followed by an unreadable page. */
struct rhb_guard {
    char *map;
    size_t size; /* readable bytes */
};

/* Room for cap bytes at least; aborts when there is no memory. */
struct rhb_guard rhb_guard_new(size_t cap);

/* Copies len bytes so that they end right before the unreadable page; where they now start. */
char *rhb_guard_put(const struct rhb_guard *guard, const void *data, size_t len);

void rhb_guard_free(struct rhb_guard *guard);

/* Repeatable pseudo-random numbers (xorshift64*); any seed but 0. */
uint64_t rhb_random(uint64_t *seed);

#endif
