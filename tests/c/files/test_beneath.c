#define _GNU_SOURCE
/* csrc/files/beneath.c: what is opened below a directory, with openat2(2) and without. */
#include "directory.h"
#include "files/beneath.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

struct site {
    struct directory directory;
    int fd;
};

static struct site site_new(void)
{
    struct site site = {.directory = directory_new()};
    const struct directory *at = &site.directory;
    make_directory(at, "in");
    make_directory(at, "in/deep");
    make_text(at, "in/file", "1");
    make_text(at, "in/deep/file", "2");
    make_text(at, "secret", "3");
    make_link(at, "in/inside", "deep/file");
    make_link(at, "in/down", "deep");
    make_link(at, "in/outside", "../secret");
    make_link(at, "in/absolute", path_in(at, "in/file"));
    make_link(at, "in/up", "..");
    make_link(at, "in/magic", "/proc/self/root/etc/passwd");
    make_link(at, "in/loop", "loop");
    if (mkfifo(path_in(at, "in/fifo"), 0644) < 0)
        abort();
    site.fd = open(path_in(at, "in"), O_PATH | O_DIRECTORY | O_CLOEXEC);
    return site;
}

static void site_free(struct site *site)
{
    close(site->fd);
    directory_free(&site->directory);
}

/* The first byte of the file; 0 when it is not opened. */
static char first_byte(const struct site *site, const char *path, bool supported)
{
    struct stat status;
    char byte = 0;
    int fd = rhb_beneath_open(site->fd, path, supported, &status);
    if (fd < 0)
        return 0;
    if (read(fd, &byte, 1) < 1)
        byte = '?';
    close(fd);
    return byte;
}

static const struct {
    const char *path;
    char with, without; /* openat2 */
} paths[] = {
    {"file", '1', '1'},  {"deep/file", '2', '2'}, {"inside", '2', 0},  {"down/file", '2', 0},
    {"outside", 0, 0},   {"absolute", 0, 0},      {"up/secret", 0, 0}, {"magic", 0, 0},
    {"loop", 0, 0},      {"fifo", 0, 0},          {"deep", 0, 0},      {"nothing", 0, 0},
    {"file/file", 0, 0}, {"nothing/file", 0, 0},  {"down", 0, 0},      {"up/in/file", 0, 0},
};

static void only_regular_files_below_are_opened(struct rhb_test *t)
{
    struct site site = site_new();
    bool supported = rhb_beneath_is_supported();
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        bool held = CHECK_INT(first_byte(&site, paths[i].path, false), paths[i].without);
        if (supported)
            held &= CHECK_INT(first_byte(&site, paths[i].path, true), paths[i].with);
        if (!held)
            rhb_note(t, "%s", paths[i].path);
    }
    site_free(&site);
}

static void no_name_is_too_long_for_it(struct rhb_test *t)
{
    struct site site = site_new();
    char path[4096];
    memset(path, 'a', sizeof path);
    path[300] = '/';
    path[sizeof path - 1] = '\0';
    for (int supported = 0; supported < 2; supported++) {
        CHECK_INT(first_byte(&site, path, supported), 0);
        CHECK_INT(first_byte(&site, path + 301, supported), 0);
    }
    site_free(&site);
}

static void without_descriptors_it_does_not_say_that_there_is_no_file(struct rhb_test *t)
{
    struct site site = site_new();
    struct stat status;
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    for (int supported = rhb_beneath_is_supported(); supported >= 0; supported--) {
        setrlimit(RLIMIT_NOFILE, &none);
        int fd = rhb_beneath_open(site.fd, "deep/file", supported, &status);
        setrlimit(RLIMIT_NOFILE, &before);
        CHECK_INT(fd, -EMFILE);
    }
    site_free(&site);
}

/* Whether openat2 is there is a question to the kernel alone. */
static void its_support_does_not_depend_on_descriptors_or_the_directory(struct rhb_test *t)
{
    struct rlimit before, none;
    bool supported = rhb_beneath_is_supported();
    struct directory gone = directory_new();
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_INT(rhb_beneath_is_supported(), supported);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(chdir(gone.path), 0);
    directory_free(&gone);
    CHECK_INT(rhb_beneath_is_supported(), supported);
    CHECK_INT(fchdir(here), 0);
    close(here);
}

static bool forbid_openat2(unsigned error)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 437, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* As in containers: their filters of system calls give EPERM or ENOSYS for calls they do not know.
 */
static void a_filter_of_system_calls_is_noticed(struct rhb_test *t)
{
    static const unsigned errors[] = {EPERM, ENOSYS, EACCES};
    struct site site = site_new();
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        int status = -1;
        pid_t child = fork();
        if (child == 0)
            _exit(!forbid_openat2(errors[i])
                      ? 77
                      : rhb_beneath_is_supported() || first_byte(&site, "deep/file", false) != '2');
        CHECK_INT(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77));
    }
    site_free(&site);
}

/* The kernel asks who has the lease to give it back, and open(2) would wait for that. */
static void a_leased_file_is_not_said_to_be_absent(struct rhb_test *t)
{
    struct site site = site_new();
    struct stat status;
    int holder = open(path_in(&site.directory, "in/file"), O_RDWR | O_CLOEXEC);
    signal(SIGIO, SIG_IGN);
    if (fcntl(holder, F_SETLEASE, F_WRLCK) == 0) /* not every file system can */
        for (int supported = rhb_beneath_is_supported(); supported >= 0; supported--)
            CHECK_INT(rhb_beneath_open(site.fd, "file", supported, &status), -EAGAIN);
    close(holder);
    signal(SIGIO, SIG_DFL);
    CHECK_INT(first_byte(&site, "file", false), '1');
    site_free(&site);
}

static void some_errors_say_that_there_is_nothing(struct rhb_test *t)
{
    static const int absent[] = {ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG,
                                 EXDEV,  EINVAL,  ENXIO,  EBADF, EPERM};
    static const int unknown[] = {EMFILE, ENFILE, ENOMEM, EIO,      EAGAIN,
                                  EINTR,  ESTALE, EBUSY,  ENOTCONN, ETIMEDOUT};
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
        CHECK(rhb_beneath_is_absent(absent[i]));
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        CHECK(!rhb_beneath_is_absent(unknown[i]));
}

static const struct rhb_case cases[] = {
    RHB_CASE(only_regular_files_below_are_opened),
    RHB_CASE(no_name_is_too_long_for_it),
    RHB_CASE(without_descriptors_it_does_not_say_that_there_is_no_file),
    RHB_CASE(its_support_does_not_depend_on_descriptors_or_the_directory),
    RHB_CASE(a_filter_of_system_calls_is_noticed),
    RHB_CASE(a_leased_file_is_not_said_to_be_absent),
    RHB_CASE(some_errors_say_that_there_is_nothing),
};

int main(void)
{
    return RHB_RUN(cases);
}
