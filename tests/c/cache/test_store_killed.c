/* csrc/cache/store.c: several processes and threads read and write, and writers are killed in the
 * middle. Whatever is read is one whole record. */
#define _GNU_SOURCE
#include "cache/store.h"
#include "harness.h"
#include "loop/kernel_abilities.h"
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    SIZE = 300 * 1024,
    HASHES = 64,
    LONGEST = 6000,
    THREADS = 2,
    WRITERS = 3,
    KILLS = 60,
    READS = 20000
};

/* What the processes share beside the store. */
struct scene {
    _Atomic uint64_t writes, reads, wrong;
    atomic_bool ends;
};

struct fixture {
    void *memory;
    struct rhb_store store;
    struct scene *scene;
};

static void *share(size_t size)
{
    return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void set_up(struct fixture *f, struct rhb_test *t)
{
    struct rhb_hash_key key = {{1, 2}};
    f->memory = share(SIZE);
    f->scene = share(sizeof *f->scene);
    CHECK(rhb_store_make(f->memory, SIZE, &key));
    CHECK(rhb_store_open(&f->store, f->memory, SIZE));
}

static void tear_down(struct fixture *f)
{
    munmap(f->memory, SIZE);
    munmap(f->scene, sizeof *f->scene);
}

/* All words of a record are the same, and say its hash; so half of one and half of another are
 * noticed. */
static uint64_t word_of(uint64_t hash, uint64_t turn)
{
    return hash << 48 | (turn & 0xffffffffffff);
}

static void write_one(struct fixture *f, uint64_t *seed)
{
    uint64_t words[LONGEST / 8];
    uint64_t hash = rhb_random(seed) % HASHES;
    size_t count = 1 + rhb_random(seed) % (LONGEST / 8);
    for (size_t i = 0; i < count; i++)
        words[i] = word_of(hash, *seed >> 8);
    struct rhb_store_part part = {words, count * 8};
    struct rhb_store_reading reading;
    if (!rhb_store_lock(&f->store, 1000))
        return;
    rhb_store_begin(&reading);
    while (rhb_store_next(&f->store, hash, &reading)) {
        rhb_store_remove(&f->store, &reading);
        rhb_store_begin(&reading);
    }
    rhb_store_add(&f->store, hash, &part, 1);
    rhb_store_unlock(&f->store);
    atomic_fetch_add(&f->scene->writes, 1);
}

static bool is_whole(const uint64_t *words, size_t len, uint64_t hash)
{
    for (size_t i = 0; i < len / 8; i++)
        if (words[i] != words[0] || words[i] >> 48 != hash)
            return false;
    return len % 8 == 0;
}

static void read_one(struct fixture *f, uint64_t *seed)
{
    uint64_t words[LONGEST / 8];
    uint64_t hash = rhb_random(seed) % HASHES;
    struct rhb_store_reading reading;
    rhb_store_begin(&reading);
    if (!rhb_store_next(&f->store, hash, &reading) || reading.len > LONGEST)
        return;
    size_t len = reading.len, first = len / 2 / 8 * 8;
    if (!rhb_store_read(&f->store, &reading, words, first) ||
        !rhb_store_read(&f->store, &reading, words + first / 8, len - first))
        return;
    rhb_store_touch(&f->store, &reading);
    atomic_fetch_add(&f->scene->reads, 1);
    if (!is_whole(words, len, hash))
        atomic_fetch_add(&f->scene->wrong, 1);
}

struct worker {
    struct fixture *f;
    uint64_t seed;
    bool writes;
};

static void *work(void *argument)
{
    struct worker *worker = argument;
    while (!atomic_load(&worker->f->scene->ends))
        worker->writes ? write_one(worker->f, &worker->seed) : read_one(worker->f, &worker->seed);
    return NULL;
}

static pid_t start_writer(struct fixture *f, uint64_t seed)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct worker worker = {f, seed, true};
        work(&worker);
        _exit(0);
    }
    return pid;
}

/* Waits until so many writes have been made since, so that the next kill comes anywhere. */
static void wait_for_writes(struct fixture *f, uint64_t more)
{
    uint64_t until = atomic_load(&f->scene->writes) + more;
    time_t deadline = time(NULL) + 20;
    while (atomic_load(&f->scene->writes) < until && time(NULL) < deadline)
        sched_yield();
}

static void kill_writers(struct fixture *f, uint64_t *seed)
{
    pid_t writers[WRITERS];
    for (int i = 0; i < WRITERS; i++)
        writers[i] = start_writer(f, rhb_random(seed) | 1);
    for (int i = 0; i < KILLS; i++) {
        wait_for_writes(f, rhb_random(seed) % 40);
        pid_t *victim = &writers[i % WRITERS];
        kill(*victim, SIGKILL);
        waitpid(*victim, NULL, 0);
        *victim = start_writer(f, rhb_random(seed) | 1);
    }
    atomic_store(&f->scene->ends, true);
    for (int i = 0; i < WRITERS; i++)
        waitpid(writers[i], NULL, 0);
}

static uint64_t free_blocks_by_walk(const struct fixture *f)
{
    uint64_t count = 0;
    for (uint32_t block = f->store.head->free_block;
         block < f->store.n_blocks && count <= f->store.n_blocks;
         block = atomic_load(&f->store.next_blocks[block]))
        count++;
    return count;
}

static uint64_t used_blocks(const struct fixture *f)
{
    struct rhb_store_reading reading;
    uint64_t count = 0;
    for (uint32_t number = 0; number < f->store.n_entries; number++)
        if (rhb_store_nth(&f->store, number, &reading))
            count += (reading.len + RHB_STORE_BLOCK - 1) / RHB_STORE_BLOCK;
    return count;
}

static void a_killed_writer_leaves_nothing_stuck_and_nothing_half(struct rhb_test *t)
{
    struct fixture f;
    uint64_t seed = 42;
    pthread_t threads[THREADS];
    struct worker readers[THREADS];
    NEEDS(kernel_passes_on_locks(), "no robust list");
    set_up(&f, t);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (struct worker){&f, 77 + (uint64_t)i, false};
        pthread_create(&threads[i], NULL, work, &readers[i]);
    }
    kill_writers(&f, &seed);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&f.scene->wrong), 0);
    CHECK(atomic_load(&f.scene->reads) > 0);
    CHECK(rhb_store_lock(&f.store, 1000));
    CHECK_INT(free_blocks_by_walk(&f), f.store.head->n_free_blocks);
    CHECK_INT(free_blocks_by_walk(&f) + used_blocks(&f), f.store.n_blocks);
    rhb_store_unlock(&f.store);
    rhb_note(t, "%llu writes, %llu reads, %llu repairs",
             (unsigned long long)atomic_load(&f.scene->writes),
             (unsigned long long)atomic_load(&f.scene->reads),
             (unsigned long long)atomic_load(&f.store.head->repairs));
    tear_down(&f);
}

/* For ThreadSanitizer, which sees one process. */
static void threads_read_and_write_at_once(struct rhb_test *t)
{
    struct fixture f;
    pthread_t threads[4];
    struct worker workers[4];
    set_up(&f, t);
    for (int i = 0; i < 4; i++) {
        workers[i] = (struct worker){&f, 5 + (uint64_t)i, i < 2};
        pthread_create(&threads[i], NULL, work, &workers[i]);
    }
    time_t deadline = time(NULL) + 20;
    while (atomic_load(&f.scene->reads) < READS && time(NULL) < deadline)
        sched_yield();
    atomic_store(&f.scene->ends, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&f.scene->wrong), 0);
    CHECK(atomic_load(&f.scene->reads) > 0);
    tear_down(&f);
}

/* The kernel gives the lock of a dead process to the next one. */
static void a_writer_that_died_with_the_lock_is_followed_by_another(struct rhb_test *t)
{
    struct fixture f;
    uint64_t seed = 3;
    NEEDS(kernel_passes_on_locks(), "no robust list");
    set_up(&f, t);
    for (int i = 0; i < 20; i++)
        write_one(&f, &seed);
    pid_t pid = fork();
    if (pid == 0) {
        rhb_store_lock(&f.store, 1000);
        f.store.head->free_block = 7; /* in the middle of something */
        atomic_fetch_add(&f.store.entries[0].sequence, 1);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, NULL, 0);
    CHECK(rhb_store_lock(&f.store, 1000));
    CHECK_INT(atomic_load(&f.store.head->repairs), 1);
    CHECK_INT(free_blocks_by_walk(&f) + used_blocks(&f), f.store.n_blocks);
    rhb_store_unlock(&f.store);
    CHECK(rhb_store_lock(&f.store, 1000));
    rhb_store_unlock(&f.store);
    tear_down(&f);
}

static void a_lock_that_is_held_is_not_waited_for_for_ever(struct rhb_test *t)
{
    struct fixture f;
    int held[2];
    char byte;
    NEEDS(kernel_passes_on_locks(), "no robust list");
    set_up(&f, t);
    CHECK_INT(pipe(held), 0);
    pid_t pid = fork();
    if (pid == 0) {
        rhb_store_lock(&f.store, 1000);
        (void)!write(held[1], "x", 1);
        pause();
    }
    CHECK_INT(read(held[0], &byte, 1), 1);
    CHECK(!rhb_store_lock(&f.store, 10));
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    CHECK(rhb_store_lock(&f.store, 1000));
    rhb_store_unlock(&f.store);
    close(held[0]);
    close(held[1]);
    tear_down(&f);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(threads_read_and_write_at_once),
        RHB_CASE(a_writer_that_died_with_the_lock_is_followed_by_another),
        RHB_CASE(a_lock_that_is_held_is_not_waited_for_for_ever),
        RHB_CASE(a_killed_writer_leaves_nothing_stuck_and_nothing_half),
    };
    return RHB_RUN(cases);
}
