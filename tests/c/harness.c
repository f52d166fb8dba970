#include "harness.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void print_name(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name == '_' ? ' ' : *name);
}

static void run_case(struct rhb_test *t, const struct rhb_case *one, size_t number)
{
    t->name = one->name;
    t->failures = 0;
    t->skipped = NULL;
    one->run(t);
    t->failed_cases += t->failures > 0;
    printf("%s %zu - ", t->failures > 0 ? "not ok" : "ok", number);
    print_name(one->name);
    if (t->skipped != NULL)
        printf(" # SKIP %s", t->skipped);
    putchar('\n');
    fflush(stdout);
}

int rhb_run(const struct rhb_case *cases, size_t count)
{
    struct rhb_test t = {0};
    const char *only = getenv("RHB_ONLY");
    size_t ran = 0;

    for (size_t i = 0; i < count; i++)
        if (only == NULL || strstr(cases[i].name, only) != NULL)
            run_case(&t, &cases[i], ++ran);
    printf("1..%zu\n", ran);
    return t.failed_cases > 0 || ran == 0;
}

bool rhb_check(struct rhb_test *t, bool held, const char *what, const char *file, int line)
{
    if (held)
        return true;
    t->failures++;
    printf("# %s:%d: not true: %s\n", file, line, what);
    return false;
}

bool rhb_check_int(struct rhb_test *t, intmax_t actual, intmax_t expected, const char *what,
                   const char *file, int line)
{
    if (actual == expected)
        return true;
    t->failures++;
    printf("# %s:%d: %s is %" PRIdMAX ", not %" PRIdMAX "\n", file, line, what, actual, expected);
    return false;
}

bool rhb_check_mem(struct rhb_test *t, const void *actual, size_t actual_len, const void *expected,
                   size_t expected_len, const char *what, const char *file, int line)
{
    if (actual_len == expected_len &&
        (actual_len == 0 || (actual != NULL && memcmp(actual, expected, actual_len) == 0)))
        return true;
    t->failures++;
    printf("# %s:%d: %s has other bytes\n", file, line, what);
    if (actual == NULL)
        printf("#   is: NULL, %zu bytes\n", actual_len);
    else
        rhb_note_bytes("  is", actual, actual_len);
    rhb_note_bytes("  should be", expected, expected_len);
    return false;
}

void rhb_note(struct rhb_test *t, const char *format, ...)
{
    va_list args;

    printf("# %s: ", t->name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

void rhb_note_bytes(const char *label, const void *data, size_t len)
{
    const unsigned char *bytes = data;

    printf("# %s (%zu bytes): \"", label, len);
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] >= 0x20 && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
            putchar(bytes[i]);
        else
            printf("\\x%02x", bytes[i]);
    }
    printf("\"\n");
}

struct rhb_guard rhb_guard_new(size_t cap)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (cap + page) / page * page;
    char *map = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (map == MAP_FAILED || mprotect(map + size, page, PROT_NONE) != 0) {
        perror("guard page");
        abort();
    }
    return (struct rhb_guard){.map = map, .size = size};
}

char *rhb_guard_put(const struct rhb_guard *guard, const void *data, size_t len)
{
    char *start = guard->map + guard->size - len;

    if (len > guard->size)
        abort();
    if (len > 0)
        memcpy(start, data, len);
    return start;
}

void rhb_guard_free(struct rhb_guard *guard)
{
    munmap(guard->map, guard->size + (size_t)sysconf(_SC_PAGESIZE));
    guard->map = NULL;
}

uint64_t rhb_random(uint64_t *seed)
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}
