/* csrc/cache/store.c and repair.c: one process. test_store_killed.c has several. */
#include "cache/store.h"
#include "harness.h"
#include <stdlib.h>
#include <sys/mman.h>

enum { SIZE = 512 * 1024, LONGEST = 40000 };

struct fixture {
    void *memory;
    struct rhb_store store;
};

static void set_up(struct fixture *f, struct rhb_test *t)
{
    struct rhb_hash_key key = {{1, 2}};
    f->memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(rhb_store_make(f->memory, SIZE, &key));
    CHECK(rhb_store_open(&f->store, f->memory, SIZE));
}

static void tear_down(struct fixture *f)
{
    munmap(f->memory, SIZE);
}

/* A record whose every byte depends on its hash and length. */
static unsigned char *pattern(uint64_t hash, size_t len)
{
    unsigned char *bytes = malloc(len ? len : 1);
    for (size_t i = 0; i < len; i++)
        bytes[i] = (unsigned char)(hash * 31 + i * 7 + len);
    return bytes;
}

static bool add(struct fixture *f, uint64_t hash, size_t len)
{
    unsigned char *bytes = pattern(hash, len);
    size_t third = len / 3;
    struct rhb_store_part parts[] = {
        {bytes, third}, {bytes + third, 0}, {bytes + third, len - third}};
    rhb_store_lock(&f->store, 100);
    bool added = rhb_store_add(&f->store, hash, parts, 3);
    rhb_store_unlock(&f->store);
    free(bytes);
    return added;
}

/* Whether the newest record of this hash has this length and pattern, read in two pieces. */
static bool has(struct fixture *f, uint64_t hash, size_t len, size_t piece)
{
    struct rhb_store_reading reading;
    rhb_store_begin(&reading);
    if (!rhb_store_next(&f->store, hash, &reading) || reading.len != len)
        return false;
    unsigned char *wanted = pattern(hash, len), *got = malloc(len);
    bool same = rhb_store_read(&f->store, &reading, got, piece) &&
                rhb_store_read(&f->store, &reading, got + piece, len - piece) &&
                memcmp(wanted, got, len) == 0;
    free(wanted);
    free(got);
    return same;
}

static bool is_there(struct fixture *f, uint64_t hash)
{
    struct rhb_store_reading reading;
    rhb_store_begin(&reading);
    return rhb_store_next(&f->store, hash, &reading);
}

static void records_of_all_lengths_come_back(struct rhb_test *t)
{
    static const size_t lengths[] = {1,    7,    8,    9,    1023, 1024,   1025,
                                     2047, 2048, 2049, 4096, 9999, LONGEST};
    struct fixture f;
    set_up(&f, t);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i];
        CHECK(add(&f, i, len));
        size_t pieces[] = {0, 1, len / 2, len - 1, len, len > 1024 ? 1024 : len};
        for (size_t piece = 0; piece < 6; piece++)
            CHECK(has(&f, i, len, pieces[piece]));
    }
    tear_down(&f);
}

static void a_record_is_read_only_as_far_as_it_goes(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading reading;
    char bytes[64];
    set_up(&f, t);
    add(&f, 5, 10);
    rhb_store_begin(&reading);
    CHECK(rhb_store_next(&f.store, 5, &reading));
    CHECK(!rhb_store_read(&f.store, &reading, bytes, 11));
    CHECK(rhb_store_read(&f.store, &reading, bytes, 10));
    CHECK(!rhb_store_read(&f.store, &reading, bytes, 1));
    CHECK(!rhb_store_next(&f.store, 5, &reading));
    tear_down(&f);
}

static void what_is_removed_while_it_is_read_is_not_used(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading reading;
    char bytes[2000];
    set_up(&f, t);
    add(&f, 5, 2000);
    rhb_store_begin(&reading);
    CHECK(rhb_store_next(&f.store, 5, &reading));
    CHECK(rhb_store_read(&f.store, &reading, bytes, 1000));
    rhb_store_lock(&f.store, 100);
    struct rhb_store_reading other = reading;
    rhb_store_remove(&f.store, &other);
    rhb_store_unlock(&f.store);
    CHECK(!rhb_store_read(&f.store, &reading, bytes, 1000));
    add(&f, 6, 2000); /* takes the same entry */
    CHECK(!rhb_store_read(&f.store, &reading, bytes, 1));
    CHECK(!is_there(&f, 5));
    rhb_store_lock(&f.store, 100);
    rhb_store_remove(&f.store, &other); /* not the one that is there now */
    rhb_store_unlock(&f.store);
    CHECK(is_there(&f, 6));
    tear_down(&f);
}

static void the_size_is_a_hard_bound(struct rhb_test *t)
{
    struct fixture f;
    uint64_t seed = 7;
    set_up(&f, t);
    for (uint64_t i = 0; i < 3000; i++) {
        CHECK(add(&f, i, 1 + rhb_random(&seed) % LONGEST));
        CHECK(atomic_load(&f.store.head->bytes) <= SIZE);
        CHECK(is_there(&f, i));
    }
    CHECK(atomic_load(&f.store.head->evictions) > 0);
    CHECK(!add(&f, 1, SIZE / 2));
    CHECK(!add(&f, 1, rhb_store_largest(&f.store) + 1));
    CHECK(add(&f, 1, rhb_store_largest(&f.store)));
    CHECK(!add(&f, 1, 0));
    tear_down(&f);
}

static void what_is_used_is_kept(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading reading;
    set_up(&f, t);
    add(&f, 1000000, 3000);
    for (uint64_t i = 0; i < 2000; i++) {
        add(&f, i, 3000);
        rhb_store_begin(&reading);
        if (CHECK(rhb_store_next(&f.store, 1000000, &reading)))
            rhb_store_touch(&f.store, &reading);
    }
    CHECK(!is_there(&f, 0));
    tear_down(&f);
}

static void a_repair_keeps_what_is_whole(struct rhb_test *t)
{
    struct fixture f;
    set_up(&f, t);
    for (uint64_t i = 0; i < 20; i++)
        add(&f, i, 100 * (i + 1));
    struct rhb_store_head *head = f.store.head;
    uint32_t free_blocks = head->n_free_blocks;
    /* as if a writer had been killed: one entry is being changed, and the lists are wrong */
    struct rhb_store_reading reading;
    rhb_store_begin(&reading);
    CHECK(rhb_store_next(&f.store, 3, &reading));
    atomic_fetch_add(&f.store.entries[reading.entry].sequence, 1);
    head->free_block = RHB_STORE_NONE;
    head->free_entry = 1;
    for (uint32_t i = 0; i < f.store.n_buckets; i++)
        atomic_store(&f.store.buckets[i], 12345678);
    rhb_store_repair(&f.store);
    for (uint64_t i = 0; i < 20; i++)
        CHECK_INT(is_there(&f, i) && has(&f, i, 100 * (i + 1), 50), i != 3);
    CHECK_INT(head->n_free_blocks, free_blocks + 1);
    CHECK_INT(atomic_load(&head->records), 19);
    for (uint64_t i = 100; i < 1000; i++)
        CHECK(add(&f, i, 1500));
    tear_down(&f);
}

static void chains_that_share_a_block_are_not_both_kept(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading one, two;
    set_up(&f, t);
    add(&f, 1, 3000);
    add(&f, 2, 3000);
    rhb_store_begin(&one);
    rhb_store_begin(&two);
    rhb_store_next(&f.store, 1, &one);
    rhb_store_next(&f.store, 2, &two);
    atomic_store(&f.store.entries[one.entry].first, two.block);
    rhb_store_repair(&f.store);
    CHECK_INT(is_there(&f, 1) + is_there(&f, 2), 1);
    tear_down(&f);
}

static void records_with_one_hash_come_newest_first(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading reading;
    set_up(&f, t);
    for (size_t len = 1; len <= 5; len++)
        add(&f, 9, len);
    rhb_store_begin(&reading);
    for (size_t len = 5; len >= 1; len--)
        CHECK(rhb_store_next(&f.store, 9, &reading) && reading.len == len);
    CHECK(!rhb_store_next(&f.store, 9, &reading));
    tear_down(&f);
}

/* Without the lock a walk has a bound; what is to be taken out must be found all the same. */
static void under_the_lock_a_bucket_is_walked_to_its_end(struct rhb_test *t)
{
    struct fixture f;
    struct rhb_store_reading reading;
    set_up(&f, t);
    uint64_t crowded = f.store.n_buckets, alone = 2 * (uint64_t)f.store.n_buckets;
    add(&f, alone, 10);
    for (int i = 0; i < RHB_STORE_SAME; i++)
        add(&f, crowded, 10); /* into the same bucket */
    CHECK(!is_there(&f, alone));
    CHECK(rhb_store_lock(&f.store, 100));
    rhb_store_begin_locked(&f.store, &reading);
    CHECK(rhb_store_next(&f.store, alone, &reading));
    rhb_store_unlock(&f.store);
    tear_down(&f);
}

static void too_little_memory_is_refused(struct rhb_test *t)
{
    struct rhb_hash_key key = {{1, 2}};
    void *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct rhb_store store;
    CHECK(!rhb_store_make(memory, RHB_STORE_LEAST - 1, &key));
    CHECK(!rhb_store_open(&store, memory, SIZE));
    munmap(memory, SIZE);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(records_of_all_lengths_come_back),
        RHB_CASE(a_record_is_read_only_as_far_as_it_goes),
        RHB_CASE(what_is_removed_while_it_is_read_is_not_used),
        RHB_CASE(the_size_is_a_hard_bound),
        RHB_CASE(what_is_used_is_kept),
        RHB_CASE(a_repair_keeps_what_is_whole),
        RHB_CASE(chains_that_share_a_block_are_not_both_kept),
        RHB_CASE(records_with_one_hash_come_newest_first),
        RHB_CASE(under_the_lock_a_bucket_is_walked_to_its_end),
        RHB_CASE(too_little_memory_is_refused),
    };
    return RHB_RUN(cases);
}
