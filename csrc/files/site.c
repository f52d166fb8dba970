#define _GNU_SOURCE /* O_PATH */
#include "site.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_same(const struct rhb_site *site, int fd)
{
    struct stat status;
    return site->directory >= 0 && fstat(fd, &status) == 0 && status.st_dev == site->device &&
           status.st_ino == site->inode;
}

static void replace(struct rhb_site *site, int fd)
{
    struct stat status = {0};
    if (site->directory >= 0)
        close(site->directory);
    site->directory = fd;
    if (fd < 0 || fstat(fd, &status) < 0)
        return;
    site->device = status.st_dev;
    site->inode = status.st_ino;
}

bool rhb_site_look(struct rhb_site *site, uint64_t now)
{
    if (site->opened_at != 0 && now - site->opened_at < RHB_NS_PER_SECOND)
        return false;
    site->opened_at = now;
    int fd = open(site->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR)
        return false; /* not known: no descriptor is left, for instance */
    if (fd < 0 && site->directory < 0)
        return false;
    if (fd >= 0 && is_same(site, fd)) {
        close(fd);
        return false;
    }
    replace(site, fd);
    return true;
}
