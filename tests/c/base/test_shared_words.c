/* csrc/base/shared_words.h: what a thread writes while another one reads. */
#include "base/shared_words.h"
#include "harness.h"
#include <pthread.h>

enum { WORDS = 4, SIZE = 8 * WORDS, ROUNDS = 20000 };

static void every_length_is_copied_and_nothing_behind_it(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(SIZE);
    for (size_t len = 0; len <= SIZE; len++) {
        _Alignas(8) char shared[SIZE + 8], expected[SIZE + 8], copy[SIZE + 8];
        char *text = rhb_guard_put(&guard, "an odd text of 32 characters....", len);
        memset(shared, '-', sizeof shared);
        memset(expected, '-', sizeof expected);
        memcpy(expected, text, len);
        rhb_shared_store(shared, text, len);
        rhb_shared_load(copy, shared, WORDS + 1);
        CHECK(memcmp(copy, expected, sizeof copy) == 0);
    }
    rhb_guard_free(&guard);
}

static void *write_letters(void *shared)
{
    char text[SIZE];
    for (int round = 0; round < ROUNDS; round++) {
        memset(text, 'a' + round % 26, sizeof text);
        rhb_shared_store(shared, text, sizeof text);
    }
    return NULL;
}

static bool is_one_letter(const char *word)
{
    return memcmp(word, word + 1, 7) == 0;
}

/* ThreadSanitizer reports it when one of the two is not atomic. */
static void a_reader_sees_words_as_they_were_written(struct rhb_test *t)
{
    _Alignas(8) char shared[SIZE] = {0}, copy[SIZE];
    pthread_t writer;
    bool whole = true;
    if (!CHECK(pthread_create(&writer, NULL, write_letters, shared) == 0))
        return;
    for (int round = 0; round < ROUNDS; round++) {
        rhb_shared_load(copy, shared, WORDS);
        for (int word = 0; word < WORDS; word++)
            whole &= is_one_letter(copy + 8 * word);
    }
    pthread_join(writer, NULL);
    CHECK(whole);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(every_length_is_copied_and_nothing_behind_it),
        RHB_CASE(a_reader_sees_words_as_they_were_written),
    };
    return RHB_RUN(cases);
}
