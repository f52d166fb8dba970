/* For all C tests: a table of cases, checks that print where they failed, and memory that an
 * unreadable page follows. The main() of a test file passes its table of cases to rhb_run(). A case
 * that is not in the table does not compile (-Wunused-function). */
#ifndef RHB_TEST_HARNESS_H
#define RHB_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* One run of a test program; every case gets it. */
struct rhb_test {
    const char *name;    /* of the running case */
    int failures;        /* in the running case */
    const char *skipped; /* the reason, if the running case was left out */
    int failed_cases;
};

struct rhb_case {
    const char *name;
    void (*run)(struct rhb_test *t);
};

/* The name of a case is that of its function, printed with spaces: write it as a sentence. */
#define RHB_CASE(function)                                                                         \
    {                                                                                              \
#function, function                                                                        \
    }
#define RHB_RUN(cases) rhb_run(cases, sizeof(cases) / sizeof((cases)[0]))

/* Runs the cases and prints one TAP line for each, with `# SKIP reason` if it was left out. Returns
 * the exit status of the program. RHB_ONLY=substring in the environment selects cases by name. */
int rhb_run(const struct rhb_case *cases, size_t count);

/* Checks. A case continues after a failure; each check returns whether it succeeded, so that the
 * case can stop. `t` must be in scope. */
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

/* Leaves the running case out, unless the kernel can do what it needs. For kernels that are only
 * emulated: ask for one ability, not for the name of an emulator. */
#define NEEDS(condition, reason)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            t->skipped = (reason);                                                                 \
            return;                                                                                \
        }                                                                                          \
    } while (0)

/* Prints one line about a failure, as printf does. */
void rhb_note(struct rhb_test *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints bytes as one escaped diagnostic line. */
void rhb_note_bytes(const char *label, const void *data, size_t len);

/* Memory that an unreadable page follows. */
struct rhb_guard {
    char *map;
    size_t size; /* readable bytes */
};

/* Memory for at least cap bytes; aborts when there is none. */
struct rhb_guard rhb_guard_new(size_t cap);

/* Copies len bytes to right before the unreadable page. Returns where they start. */
char *rhb_guard_put(const struct rhb_guard *guard, const void *data, size_t len);

void rhb_guard_free(struct rhb_guard *guard);

/* Repeatable pseudo-random numbers (xorshift64*); any seed but 0. */
uint64_t rhb_random(uint64_t *seed);

#endif
