#define _GNU_SOURCE /* O_PATH */
#include "site.h"
#include "base/clock.h"
#include "beneath.h"
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

void rhb_site_tick(struct rhb_site *site, uint64_t now)
{
    if (site->directory < 0 || now < site->opened_at || now - site->opened_at <= RHB_SITE_IDLE)
        return;
    close(site->directory);
    site->directory = -1;
    site->opened_at = 0;
}

/* Without a directory, and without knowing why, the next request asks again. */
static bool is_fresh(const struct rhb_site *site, uint64_t now)
{
    return site->opened_at != 0 && now - site->opened_at < RHB_NS_PER_SECOND &&
           (site->directory >= 0 || site->error == 0);
}

bool rhb_site_look(struct rhb_site *site, uint64_t now)
{
    if (is_fresh(site, now))
        return false;
    site->opened_at = now;
    int fd = open(site->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    site->error = fd < 0 && !rhb_beneath_is_absent(errno) ? errno : 0;
    if (site->error != 0)
        return false; /* no descriptor is left, for instance */
    if (fd < 0 && site->directory < 0)
        return false;
    if (fd >= 0 && is_same(site, fd)) {
        close(fd);
        return false;
    }
    replace(site, fd);
    return true;
}
