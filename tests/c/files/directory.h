/* A temporary directory with files, for the tests of csrc/files. */
#ifndef RHB_TEST_DIRECTORY_H
#define RHB_TEST_DIRECTORY_H

#include "harness.h"
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct directory {
    char path[32];
};

static inline const char *path_in(const struct directory *directory, const char *name)
{
    static char path[4500];
    snprintf(path, sizeof path, "%s/%s", directory->path, name);
    return path;
}

/* Modified an hour ago, so that its time stamps are trusted. */
static inline void make_file(const struct directory *directory, const char *name,
                             const char *content, size_t len)
{
    struct timespec hour_ago = {.tv_sec = time(NULL) - 3600};
    struct timespec times[] = {hour_ago, hour_ago};
    int fd = open(path_in(directory, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, content, len) != (ssize_t)len || futimens(fd, times) < 0)
        abort();
    close(fd);
}

static inline void make_text(const struct directory *directory, const char *name, const char *text)
{
    make_file(directory, name, text, strlen(text));
}

static inline void make_directory(const struct directory *directory, const char *name)
{
    if (mkdir(path_in(directory, name), 0755) < 0)
        abort();
}

static inline void make_link(const struct directory *directory, const char *name, const char *to)
{
    if (symlink(to, path_in(directory, name)) < 0)
        abort();
}

static inline struct directory directory_new(void)
{
    struct directory directory = {"/tmp/rhebok-files-XXXXXX"};
    if (mkdtemp(directory.path) == NULL)
        abort();
    return directory;
}

static inline int remove_one(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
    (void)status, (void)kind, (void)ftw;
    return remove(path);
}

static inline void directory_free(struct directory *directory)
{
    nftw(directory->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
