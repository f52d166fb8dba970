/* Runs a fuzz target without libFuzzer, where that does not run: under qemu's user mode. Every
 * input of the command line runs once; then random changes of them run for a while. There is no
 * feedback from coverage: the corpus, which has an input for each edge, stands for it.
 *
 *   PROGRAM SECONDS ARTIFACT FILE...    ARTIFACT: where an input that fails is written */
#include "fuzz.h"
#include "harness.h"
#include <fcntl.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

enum {
    LONGEST = 4096,       /* bytes of an input */
    CHANGES = 8,          /* in one input, at most */
    LONGEST_RUN = 32,     /* bytes that one change inserts, removes or copies, at most */
    TOO_LONG_SECONDS = 20 /* for one input */
};

struct input {
    uint8_t *bytes;
    size_t len;
};

/* What a signal handler needs, which has no argument. */
static struct {
    const char *artifact;
    uint8_t bytes[LONGEST];
    size_t len;
} running;

/* ---- an input that fails ---- */

/* qemu is a tracer to LeakSanitizer. Errors abort, so that the handler below runs. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:abort_on_error=1:handle_segv=0:handle_sigbus=0:handle_sigfpe=0";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "abort_on_error=1:print_stacktrace=1";
}

static void keep_input(int number)
{
    int fd = open(running.artifact, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || write(fd, running.bytes, running.len) < 0)
        _exit(3);
    signal(number, SIG_DFL);
    raise(number);
}

static void watch(void)
{
    static const int numbers[] = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], keep_input);
}

static void run(void)
{
    alarm(TOO_LONG_SECONDS);
    LLVMFuzzerTestOneInput(running.bytes, running.len);
}

/* ---- inputs ---- */

static struct input read_input(const char *path)
{
    struct input input = {.bytes = malloc(LONGEST)};
    FILE *file = fopen(path, "rb");
    if (file == NULL || input.bytes == NULL) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(2);
    }
    input.len = fread(input.bytes, 1, LONGEST, file);
    fclose(file);
    return input;
}

/* ---- changes ---- */

static size_t up_to(uint64_t *seed, size_t most)
{
    return (size_t)(rhb_random(seed) % (most + 1));
}

/* Makes space for count bytes at `at`, or for as many as there is room for. Returns how many. */
static size_t make_space(size_t at, size_t count)
{
    if (count > LONGEST - running.len)
        count = LONGEST - running.len;
    memmove(running.bytes + at + count, running.bytes + at, running.len - at);
    running.len += count;
    return count;
}

static void remove_some(size_t at, size_t count)
{
    if (count > running.len - at)
        count = running.len - at;
    memmove(running.bytes + at, running.bytes + at + count, running.len - at - count);
    running.len -= count;
}

/* other: an input from which bytes are copied. */
static void change(const struct input *other, uint64_t *seed)
{
    static const uint8_t marks[] = "\r\n \t:,;=\"\\/?#%-0A\x7f\x80\xff\x1f\x20\x21";
    size_t at = up_to(seed, running.len), count = 1 + up_to(seed, LONGEST_RUN - 1);
    size_t from = up_to(seed, other->len);
    uint8_t mark = marks[up_to(seed, sizeof(marks) - 1)]; /* or NUL */
    switch (rhb_random(seed) % 6) {
    case 0:
        if (at < running.len)
            running.bytes[at] ^= (uint8_t)(1u << up_to(seed, 7));
        return;
    case 1:
        if (at < running.len)
            running.bytes[at] = mark;
        return;
    case 2:
        remove_some(at, count);
        return;
    case 3:
        make_space(at, 1);
        if (at < running.len)
            running.bytes[at] = mark;
        return;
    case 4: /* draw out */
        memset(running.bytes + at, (int)(at < running.len ? running.bytes[at] : mark),
               make_space(at, count));
        return;
    default:
        count = count < other->len - from ? count : other->len - from;
        memcpy(running.bytes + at, other->bytes + from, make_space(at, count));
    }
}

static void load(const struct input *input)
{
    memcpy(running.bytes, input->bytes, input->len);
    running.len = input->len;
}

static unsigned long run_changed(const struct input *inputs, size_t count, time_t seconds,
                                 uint64_t seed)
{
    unsigned long runs = 0;
    for (time_t end = time(NULL) + seconds; time(NULL) < end; runs++) {
        load(&inputs[up_to(&seed, count - 1)]);
        for (size_t left = 1 + up_to(&seed, CHANGES - 1); left > 0; left--)
            change(&inputs[up_to(&seed, count - 1)], &seed);
        run();
    }
    return runs;
}

int main(int argc, char **argv)
{
    const size_t count = argc > 3 ? (size_t)argc - 3 : 0;
    struct input *inputs = calloc(count + 1, sizeof *inputs);
    uint64_t seed = (uint64_t)time(NULL) << 20 | (uint64_t)getpid();
    if (count == 0 || inputs == NULL) {
        fprintf(stderr, "usage: %s SECONDS ARTIFACT FILE...\n", argv[0]);
        return 2;
    }
    running.artifact = argv[2];
    watch();
    for (size_t i = 0; i < count; i++) {
        inputs[i] = read_input(argv[3 + i]);
        load(&inputs[i]);
        run();
    }
    printf("inputs: %zu\n", count);
    printf("changed: %lu\n", run_changed(inputs, count, atol(argv[1]), seed));
    for (size_t i = 0; i < count; i++)
        free(inputs[i].bytes);
    free(inputs);
    return 0;
}
