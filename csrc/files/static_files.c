#include "static_files.h"
#include "base/clock.h"
#include "file_path.h"
#include "file_reply.h"
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { LONGEST_PATH = 4096 };

struct rhb_static_files {
    struct rhb_file_cache *cache;
    char *index;
    size_t shortest;  /* bytes of the shortest prefix */
    bool second[256]; /* bytes that follow the first slash of a prefix; all for the prefix "/" */
    size_t count;
    struct rhb_site sites[]; /* those with longer prefixes first */
};

/* ---- life ---- */

static bool copy_site(struct rhb_site *site, const struct rhb_static_mount *mount)
{
    *site = (struct rhb_site){.prefix = strdup(mount->prefix),
                              .prefix_len = strlen(mount->prefix),
                              .path = strdup(mount->path),
                              .directory = -1,
                              .max_age = mount->max_age,
                              .immutable = mount->immutable,
                              .only = mount->only,
                              .uploads = mount->uploads};
    return site->prefix != NULL && site->path != NULL;
}

static void note_beginnings(struct rhb_static_files *files)
{
    files->shortest = files->sites[files->count - 1].prefix_len;
    if (files->shortest == 1)
        memset(files->second, true, sizeof files->second);
    for (size_t i = 0; i < files->count; i++)
        files->second[(unsigned char)files->sites[i].prefix[1]] = true;
}

static int by_length(const void *a, const void *b)
{
    size_t left = ((const struct rhb_site *)a)->prefix_len;
    size_t right = ((const struct rhb_site *)b)->prefix_len;
    return left < right ? 1 : left > right ? -1 : 0;
}

struct rhb_static_files *rhb_static_files_new(const struct rhb_static_mount *mounts, size_t count,
                                              const char *index,
                                              const struct rhb_file_cache_limits *limits)
{
    struct rhb_static_files *files = calloc(1, sizeof *files + count * sizeof *files->sites);
    if (files == NULL)
        return NULL;
    bool complete = (files->cache = rhb_file_cache_new(limits)) != NULL;
    if (index != NULL)
        complete &= (files->index = strdup(index)) != NULL;
    for (; files->count < count; files->count++)
        complete &= copy_site(&files->sites[files->count], &mounts[files->count]);
    if (!complete) {
        rhb_static_files_free(files);
        return NULL;
    }
    qsort(files->sites, count, sizeof *files->sites, by_length);
    note_beginnings(files);
    return files;
}

void rhb_static_files_free(struct rhb_static_files *files)
{
    if (files == NULL)
        return;
    rhb_file_cache_free(files->cache);
    for (size_t i = 0; i < files->count; i++) {
        struct rhb_site *site = &files->sites[i];
        if (site->directory >= 0)
            close(site->directory);
        free(site->prefix);
        free(site->path);
    }
    free(files->index);
    free(files);
}

/* ---- a request ---- */

static struct rhb_site *find_site(struct rhb_static_files *files, const struct rhb_request *request)
{
    for (size_t i = 0; i < files->count; i++) {
        struct rhb_site *site = &files->sites[i];
        if (request->path_len >= site->prefix_len &&
            memcmp(request->path, site->prefix, site->prefix_len) == 0)
            return site;
    }
    return NULL;
}

/* The path below the site, with the index if it names a directory. Returns its length; 0: none. */
static size_t path_below(const struct rhb_static_files *files, const struct rhb_site *site,
                         const struct rhb_request *request, char *out)
{
    size_t len = request->path_len - site->prefix_len;
    size_t index_len = files->index != NULL ? strlen(files->index) : 0;
    if (len + index_len >= LONGEST_PATH)
        return 0;
    memcpy(out, request->path + site->prefix_len, len);
    if (index_len > 0 && (len == 0 || out[len - 1] == '/')) {
        memcpy(out + len, files->index, index_len);
        len += index_len;
    }
    out[len] = '\0';
    return len;
}

static bool reply(struct rhb_file_entry *entry, const struct rhb_question *question,
                  struct rhb_answer *answer)
{
    bool reads =
        rhb_question_has_method(question, "GET") || rhb_question_has_method(question, "HEAD");
    if (reads && rhb_file_reply(entry, question, answer))
        return true;
    rhb_file_entry_release(entry);
    return rhb_file_reply_without(reads ? 503 : 405, question, answer);
}

/* Whether there is a file is not known. */
static bool fail(int error, const struct rhb_question *question, struct rhb_answer *answer)
{
    bool given = rhb_file_reply_without(503, question, answer);
    answer->error = error;
    return given;
}

/* 404, or nothing: then it is for the application. */
static bool miss(const struct rhb_site *site, int status, const struct rhb_question *question,
                 struct rhb_answer *answer)
{
    return site->only && rhb_file_reply_without(status, question, answer);
}

/* Kept files are of less use than a directory that cannot be opened for lack of descriptors. */
static void look(struct rhb_static_files *files, struct rhb_site *site, uint64_t now)
{
    bool replaced;
    do
        replaced = rhb_site_look(site, now);
    while (site->directory < 0 && rhb_file_cache_give_back(files->cache, -site->error));
    if (replaced)
        rhb_file_cache_forget(files->cache, site);
}

static bool answer_from(struct rhb_static_files *files, struct rhb_site *site,
                        const struct rhb_question *question, struct rhb_answer *answer)
{
    const struct rhb_request *request = question->request;
    char path[LONGEST_PATH];
    size_t len = path_below(files, site, request, path);
    enum rhb_file_path kind =
        rhb_file_path_check(request->target.path, request->target.path_len, path, len);
    if (kind != RHB_PATH_NAMES)
        return miss(site, kind == RHB_PATH_BAD ? 400 : 404, question, answer);
    uint64_t now = rhb_now_coarse();
    int error;
    look(files, site, now);
    if (site->directory < 0 && site->error != 0)
        return fail(site->error, question, answer);
    struct rhb_file_entry *entry = rhb_file_cache_get(files->cache, site, path, len, now, &error);
    if (entry != NULL)
        return reply(entry, question, answer);
    return error == -ENOENT ? miss(site, 404, question, answer) : fail(-error, question, answer);
}

/* Not inline: most requests are for no site, and only pass answer_request. */
static __attribute__((noinline)) bool answer_if_in_site(struct rhb_static_files *files,
                                                        const struct rhb_question *question,
                                                        struct rhb_answer *answer)
{
    struct rhb_site *site = find_site(files, question->request);
    return site != NULL && answer_from(files, site, question, answer);
}

static bool answer_request(void *state, const struct rhb_question *question,
                           struct rhb_answer *answer)
{
    struct rhb_static_files *files = state;
    const struct rhb_request *request = question->request;
    if (request->path_len < files->shortest ||
        !files->second[(unsigned char)request->path[files->shortest > 1]])
        return false;
    return answer_if_in_site(files, question, answer);
}

static void tick(void *state, uint64_t now)
{
    struct rhb_static_files *files = state;
    rhb_file_cache_tick(files->cache, now);
    for (size_t i = 0; i < files->count; i++)
        rhb_site_tick(&files->sites[i], now);
}

struct rhb_answerer rhb_static_files_answerer(struct rhb_static_files *files)
{
    return (struct rhb_answerer){answer_request, files, tick, files->second};
}
