#define _GNU_SOURCE
/* csrc/files/file_cache.c, file_entry.c, open_file.c, site.c: files that are kept, and checked. */
#include "base/clock.h"
#include "directory.h"
#include "files/file_cache.h"
#include <errno.h>
#include <sys/resource.h>

enum { BIG = RHB_FILE_IN_MEMORY + 1 };

struct scene {
    struct directory directory;
    struct rhb_site site;
    struct rhb_file_cache *cache;
    uint64_t now; /* of a clock of its own */
    int error;
};

static void scene_new_with(struct scene *s, struct rhb_file_cache_limits limits)
{
    *s = (struct scene){.directory = directory_new(), .now = 1};
    s->site = (struct rhb_site){.path = s->directory.path, .directory = -1, .max_age = -1};
    s->cache = rhb_file_cache_new(&limits);
    rhb_site_look(&s->site, s->now);
}

static void scene_new(struct scene *s)
{
    scene_new_with(s, (struct rhb_file_cache_limits){100, 100, 1 << 20});
}

static void scene_free(struct scene *s)
{
    rhb_file_cache_free(s->cache);
    close(s->site.directory);
    directory_free(&s->directory);
}

static struct rhb_file_entry *get(struct scene *s, const char *name)
{
    return rhb_file_cache_get(s->cache, &s->site, name, strlen(name), s->now, &s->error);
}

static bool has(struct scene *s, const char *name, const char *content)
{
    struct rhb_file_entry *entry = get(s, name);
    if (entry == NULL)
        return false;
    const struct rhb_open_file *file = &entry->forms[RHB_IDENTITY].file;
    bool same = file->data != NULL && file->size == strlen(content) &&
                memcmp(file->data, content, strlen(content)) == 0;
    rhb_file_entry_release(entry);
    return same;
}

static void later(struct scene *s)
{
    s->now += RHB_NS_PER_SECOND;
}

static void make_big(struct scene *s, const char *name)
{
    char *bytes = calloc(1, BIG);
    make_file(&s->directory, name, bytes, BIG);
    free(bytes);
}

static void a_file_is_opened_once(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_text(&s.directory, "a", "one");
    struct rhb_file_entry *first = get(&s, "a"), *second = get(&s, "a");
    CHECK(first != NULL && first == second);
    later(&s);
    CHECK(get(&s, "a") == first); /* checked, and the same */
    for (int i = 0; i < 3; i++)
        rhb_file_entry_release(first);
    CHECK(get(&s, "b") == NULL);
    CHECK_INT(s.error, -ENOENT);
    scene_free(&s);
}

static void a_change_is_seen_after_a_second(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_text(&s.directory, "a", "one");
    CHECK(has(&s, "a", "one"));
    make_text(&s.directory, "a", "other"); /* in place */
    CHECK(has(&s, "a", "one"));
    later(&s);
    CHECK(has(&s, "a", "other"));
    make_text(&s.directory, "new", "third"); /* the same time and size, by a rename */
    char *new = strdup(path_in(&s.directory, "new"));
    CHECK_INT(rename(new, path_in(&s.directory, "a")), 0);
    free(new);
    later(&s);
    CHECK(has(&s, "a", "third"));
    unlink(path_in(&s.directory, "a"));
    CHECK(has(&s, "a", "third"));
    later(&s);
    CHECK(get(&s, "a") == NULL);
    CHECK_INT(s.error, -ENOENT);
    scene_free(&s);
}

static void a_file_that_was_just_modified_is_read_again(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_text(&s.directory, "a", "one");
    struct timespec now = {.tv_sec = time(NULL)}, times[] = {now, now};
    utimensat(AT_FDCWD, path_in(&s.directory, "a"), times, 0);
    struct rhb_file_entry *entry = get(&s, "a");
    CHECK(memcmp(entry->forms[RHB_IDENTITY].file.etag, "W/", 2) == 0);
    later(&s);
    struct rhb_file_entry *again = get(&s, "a");
    CHECK(again != entry);
    rhb_file_entry_release(entry);
    rhb_file_entry_release(again);
    scene_free(&s);
}

static void a_time_in_the_future_is_no_last_modified(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_text(&s.directory, "a", "one");
    struct timespec then = {.tv_sec = time(NULL) + 1000}, times[] = {then, then};
    utimensat(AT_FDCWD, path_in(&s.directory, "a"), times, 0);
    struct rhb_file_entry *entry = get(&s, "a");
    CHECK(!entry->forms[RHB_IDENTITY].file.validators.has_modified);
    CHECK(memmem(entry->forms[RHB_IDENTITY].fields.data, entry->forms[RHB_IDENTITY].fields.len,
                 "Last-Modified", 13) == NULL);
    rhb_file_entry_release(entry);
    scene_free(&s);
}

static void siblings_come_and_go(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_text(&s.directory, "a", "one");
    struct rhb_file_entry *entry = get(&s, "a");
    CHECK_INT(entry->there, 0);
    rhb_file_entry_release(entry);
    make_text(&s.directory, "a.gz", "zipped");
    make_text(&s.directory, "a.br", "brotli");
    later(&s);
    entry = get(&s, "a");
    CHECK_INT(entry->there, 1u << RHB_GZIP | 1u << RHB_BROTLI);
    CHECK(strcmp(entry->forms[RHB_GZIP].file.etag, entry->forms[RHB_IDENTITY].file.etag) != 0);
    rhb_file_entry_release(entry);
    unlink(path_in(&s.directory, "a.gz"));
    later(&s);
    entry = get(&s, "a");
    CHECK_INT(entry->there, 1u << RHB_BROTLI);
    rhb_file_entry_release(entry);
    unlink(path_in(&s.directory, "a"));
    later(&s);
    CHECK(get(&s, "a") == NULL); /* a sibling alone is no file */
    scene_free(&s);
}

static void what_is_kept_is_bounded(struct rhb_test *t)
{
    struct scene s;
    char name[16];
    scene_new_with(&s, (struct rhb_file_cache_limits){8, 2, 100});
    struct rhb_file_entry *held = NULL;
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "f%d", i);
        if (i % 2)
            make_big(&s, name);
        else
            make_text(&s.directory, name, "0123456789012345678901234567890123456789");
        struct rhb_file_entry *entry = get(&s, name);
        CHECK(entry != NULL);
        if (i == 1)
            held = entry;
        else
            rhb_file_entry_release(entry);
    }
    size_t kept = 0;
    for (int i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "f%d", i);
        unlink(path_in(&s.directory, name));
        struct rhb_file_entry *entry = get(&s, name);
        kept += entry != NULL;
        if (entry != NULL)
            rhb_file_entry_release(entry);
    }
    CHECK(kept >= 2 && kept <= 4);
    CHECK(fcntl(held->forms[RHB_IDENTITY].file.fd, F_GETFD) >= 0); /* it is being sent */
    rhb_file_entry_release(held);
    scene_free(&s);
}

static void without_descriptors_those_that_are_kept_are_used(struct rhb_test *t)
{
    struct scene s;
    struct rlimit before, none;
    scene_new(&s);
    make_big(&s, "big");
    make_text(&s.directory, "small", "one");
    make_text(&s.directory, "other", "two");
    rhb_file_entry_release(get(&s, "big"));
    rhb_file_entry_release(get(&s, "small"));
    int lowest = dup(0);
    close(lowest);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &none);
    later(&s);
    CHECK(has(&s, "small", "one")); /* it cannot be checked now */
    CHECK(has(&s, "other", "two")); /* by the descriptor of the big one */
    make_text(&s.directory, "third", "three");
    CHECK(has(&s, "third", "three"));
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK(get(&s, "fourth") == NULL);
    CHECK_INT(s.error, -EMFILE);
    setrlimit(RLIMIT_NOFILE, &before);
    scene_free(&s);
}

static void another_directory_of_the_same_name_is_seen(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_directory(&s.directory, "old");
    make_directory(&s.directory, "new");
    make_text(&s.directory, "old/a", "old");
    make_text(&s.directory, "new/a", "new");
    make_link(&s.directory, "current", "old");
    close(s.site.directory);
    struct rhb_site site = {.path = strdup(path_in(&s.directory, "current")), .directory = -1};
    s.site.directory = -1;
    CHECK(rhb_site_look(&site, s.now));
    CHECK(!rhb_site_look(&site, s.now + 1));
    unlink(path_in(&s.directory, "current"));
    make_link(&s.directory, "current", "new");
    CHECK(!rhb_site_look(&site, s.now + 2));
    CHECK(rhb_site_look(&site, s.now + 1 + RHB_NS_PER_SECOND));
    unlink(path_in(&s.directory, "current"));
    CHECK(rhb_site_look(&site, s.now + 1 + 2 * RHB_NS_PER_SECOND));
    CHECK_INT(site.directory, -1);
    CHECK(!rhb_site_look(&site, s.now + 1 + 3 * RHB_NS_PER_SECOND));
    free(site.path);
    s.site.directory = dup(0);
    scene_free(&s);
}

/* A slow client that is sent one coding does not hold the descriptors of the others. */
static void of_what_is_dropped_only_what_is_sent_stays_open(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_big(&s, "a");
    make_big(&s, "a.gz");
    make_big(&s, "a.br");
    struct rhb_file_entry *entry = get(&s, "a"), *second = get(&s, "a");
    struct rhb_file_form *gzip = &entry->forms[RHB_GZIP];
    int plain = entry->forms[RHB_IDENTITY].file.fd, fd = gzip->file.fd;
    CHECK(second == entry && plain >= 0 && fd >= 0);
    rhb_file_form_take(gzip);
    rhb_file_cache_forget(s.cache, &s.site);
    CHECK(fcntl(plain, F_GETFD) >= 0); /* the second one has chosen none yet */
    rhb_file_form_take(&second->forms[RHB_BROTLI]);
    rhb_file_form_release(&second->forms[RHB_BROTLI]);
    CHECK_INT(fcntl(plain, F_GETFD), -1);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    rhb_file_form_release(gzip);
    CHECK_INT(fcntl(fd, F_GETFD), -1);
    scene_free(&s);
}

/* A deleted file keeps its disk space as long as it is open. */
static void what_nobody_asks_for_is_closed(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s);
    make_big(&s, "old");
    make_big(&s, "used");
    make_big(&s, "sent");
    struct rhb_file_entry *old = get(&s, "old"), *sent = get(&s, "sent");
    int fd = old->forms[RHB_IDENTITY].file.fd;
    rhb_file_entry_release(old);
    s.now += 30 * RHB_NS_PER_SECOND;
    rhb_file_entry_release(get(&s, "used"));
    s.now += 30 * RHB_NS_PER_SECOND;
    rhb_file_cache_tick(s.cache, s.now);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    later(&s);
    rhb_file_cache_tick(s.cache, s.now);
    CHECK_INT(fcntl(fd, F_GETFD), -1);
    CHECK(fcntl(sent->forms[RHB_IDENTITY].file.fd, F_GETFD) >= 0);
    rhb_file_entry_release(sent);
    struct rhb_file_entry *used = get(&s, "used");
    CHECK_INT(used->answers, 2); /* the cache has it still */
    rhb_file_entry_release(used);
    rhb_site_tick(&s.site, s.now);
    CHECK_INT(s.site.directory, -1);
    CHECK(rhb_site_look(&s.site, s.now));
    rhb_site_tick(&s.site, s.now);
    CHECK(s.site.directory >= 0);
    scene_free(&s);
}

static const struct rhb_case cases[] = {
    RHB_CASE(a_file_is_opened_once),
    RHB_CASE(a_change_is_seen_after_a_second),
    RHB_CASE(a_file_that_was_just_modified_is_read_again),
    RHB_CASE(a_time_in_the_future_is_no_last_modified),
    RHB_CASE(siblings_come_and_go),
    RHB_CASE(what_is_kept_is_bounded),
    RHB_CASE(without_descriptors_those_that_are_kept_are_used),
    RHB_CASE(another_directory_of_the_same_name_is_seen),
    RHB_CASE(of_what_is_dropped_only_what_is_sent_stays_open),
    RHB_CASE(what_nobody_asks_for_is_closed),
};

int main(void)
{
    return RHB_RUN(cases);
}
