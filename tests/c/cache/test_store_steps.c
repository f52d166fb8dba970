/* csrc/cache/store_write.c and repair.c: a writer that dies behind each of its stores in turn. The
 * next one finds out, and what is in the memory then is whole. (test_store_killed.c kills anywhere,
 * by chance.) */
#include "cache/store_words.h"
#include "harness.h"
#include "loop/kernel_abilities.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static long steps_left; /* before the process dies; negative: it does not */

static void step(void)
{
    if (steps_left > 0 && --steps_left == 0)
        _exit(1);
}

#undef STORE
#define STORE(word, value) (atomic_store_explicit(&(word), (value), memory_order_release), step())
#include "../../csrc/cache/repair.c"
#include "../../csrc/cache/store_write.c"

enum { SIZE = RHB_STORE_LEAST, LEN = 1500, LONG = 2500 };

struct fixture {
    void *memory;
    struct rhb_store store;
};

static void set_up(struct fixture *f, struct rhb_test *t)
{
    static const struct rhb_hash_key key = {{1, 2}};
    f->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rhb_store_make(f->memory, SIZE, &key));
    CHECK(rhb_store_open(&f->store, f->memory, SIZE));
}

/* All bytes of a record are its hash. */
static bool add(struct fixture *f, uint64_t hash, size_t len)
{
    char bytes[LONG];
    struct rhb_store_part part = {bytes, len};
    memset(bytes, (int)hash, len);
    return rhb_store_add(&f->store, hash, &part, 1);
}

static bool is_whole(const struct fixture *f, uint64_t hash, struct rhb_store_reading *reading)
{
    char bytes[LONG];
    if (reading->len > LONG || !rhb_store_read(&f->store, reading, bytes, reading->len))
        return false;
    for (size_t i = 0; i < reading->len; i++)
        if (bytes[i] != (char)hash)
            return false;
    return true;
}

/* How many records of this hash there are, all of them whole; -1: not all. */
static int count(const struct fixture *f, uint64_t hash)
{
    struct rhb_store_reading reading;
    int found = 0;
    rhb_store_begin(&reading);
    for (; rhb_store_next(&f->store, hash, &reading); found++)
        if (!is_whole(f, hash, &reading))
            return -1;
    return found;
}

static void remove_all(struct fixture *f, uint64_t hash)
{
    struct rhb_store_reading reading;
    rhb_store_begin_locked(&f->store, &reading);
    while (rhb_store_next(&f->store, hash, &reading)) {
        rhb_store_remove(&f->store, &reading);
        rhb_store_begin_locked(&f->store, &reading);
    }
}

/* Every block is free, or in one record. */
static uint64_t blocks_of_all(const struct fixture *f)
{
    struct rhb_store_reading reading;
    uint64_t blocks = 0;
    for (uint32_t block = f->store.head->free_block;
         block < f->store.n_blocks && blocks <= f->store.n_blocks;
         block = LOAD(f->store.next_blocks[block]))
        blocks++;
    for (uint32_t number = 0; number < f->store.n_entries; number++)
        if (rhb_store_nth(&f->store, number, &reading))
            blocks += (reading.len + RHB_STORE_BLOCK - 1) / RHB_STORE_BLOCK;
    return blocks;
}

/* A full store, whose record 1 is replaced by a longer one, for which others have to go. Returns
 * whether the writer died. */
static bool replace_and_die(struct fixture *f, long at)
{
    int status;
    for (uint64_t hash = 1;
         f->store.head->free_entry != RHB_STORE_NONE && f->store.head->n_free_blocks > 1; hash++)
        add(f, hash, LEN);
    pid_t pid = fork();
    if (pid == 0) {
        rhb_store_lock(&f->store, 1000);
        steps_left = at;
        remove_all(f, 1);
        add(f, 1, LONG);
        steps_left = -1;
        rhb_store_unlock(&f->store);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) == 1;
}

/* The next writer repairs, if one has died. */
static bool is_right(struct rhb_test *t, struct fixture *f, bool died)
{
    uint64_t records = 0;
    bool right = CHECK(rhb_store_lock(&f->store, 1000)) &&
                 CHECK_INT(atomic_load(&f->store.head->repairs), died) &&
                 CHECK_INT(blocks_of_all(f), f->store.n_blocks);
    for (uint64_t hash = 1; hash <= f->store.n_blocks; hash++) {
        int found = count(f, hash);
        right &= CHECK(found == 0 || found == 1);
        records += found == 1;
    }
    right &= CHECK_INT(atomic_load(&f->store.head->records), records);
    right &= CHECK(records + 4 >= f->store.n_entries);
    right &= CHECK(add(f, 1000, LONG)) && CHECK_INT(count(f, 1000), 1);
    rhb_store_unlock(&f->store);
    return right;
}

static void a_writer_may_die_behind_each_of_its_stores(struct rhb_test *t)
{
    NEEDS(kernel_passes_on_locks(), "no robust list");
    long at = 0;
    bool died = true, right = true;
    while (died && right) {
        struct fixture f;
        set_up(&f, t);
        died = replace_and_die(&f, ++at);
        right = is_right(t, &f, died);
        munmap(f.memory, SIZE);
    }
    rhb_note(t, "%ld stores", at);
    CHECK(at > LONG / 8);
}

/* Returns whether it died. */
static bool repair_and_die(struct fixture *f, long at)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        steps_left = at;
        rhb_store_lock(&f->store, 1000);
        rhb_store_unlock(&f->store);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) == 1;
}

static void whoever_repairs_may_die_too(struct rhb_test *t)
{
    NEEDS(kernel_passes_on_locks(), "no robust list");
    enum { STRIDE = 17 };
    long at = 1;
    bool died = true, right = true;
    for (; died && right; at += STRIDE) {
        struct fixture f;
        set_up(&f, t);
        CHECK(replace_and_die(&f, 1 + at % (LONG / 8)));
        died = repair_and_die(&f, at);
        right = is_right(t, &f, true);
        munmap(f.memory, SIZE);
    }
    rhb_note(t, "%ld stores", at);
    CHECK(at > 300);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_writer_may_die_behind_each_of_its_stores),
        RHB_CASE(whoever_repairs_may_die_too),
    };
    return RHB_RUN(cases);
}
