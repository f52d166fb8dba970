/*
 * The floor: the cost of the kernel alone for a request on this machine.
 *
 * It accepts, receives, answers with fixed bytes and closes, and parses nothing. So no server that
 * makes the same calls can cost less. bench/servers.py starts it like any other server, and divides
 * every figure by its figure.
 *
 *   floor close|keepalive 127.0.0.1:PORT|unix:PATH --answer FILE
 *         [--file FILE] [--body N] [--work US] [--wait WAY] [--end apart|together] [--workers N]
 *
 * --answer  the file whose bytes answer every request
 * --file    a file that is sent behind the answer with sendfile(2)
 * --body    bytes of body that follow each request's head; with 0 one recv(2) is one request
 * --work    microseconds of CPU spent between request and answer, as an application would
 * --wait    close mode only, how the listener is waited for: blocking (default), poll or epoll
 * --end     close mode over TCP: the FIN in a packet of its own (default), or in that of the
 *           answer
 * --workers processes that share the listener (default: 1)
 *
 * The accepted sockets block: a wait inside recv(2) or send(2) is cheaper than a registration.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 18, BACKLOG = 4096, EVENTS = 64 };

enum waiting { WAIT_BLOCKING, WAIT_POLL, WAIT_EPOLL };

enum received { REQUEST_COMPLETE, REQUEST_END, REQUEST_BROKEN };

struct floor {
    const char *address;
    bool keep_alive;
    enum waiting waiting;
    bool ends_together;
    size_t body_length; /* of each request */
    uint64_t work_ns;
    long workers;
    char *answer;
    size_t answer_length;
    int file; /* -1 without --file */
    off_t file_length;
    int listener;
    char *buffer;
};

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- listening ---- */

static int listen_on(const struct sockaddr *address, socklen_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int one = 1;

    if (fd < 0)
        die("socket");
    if (address->sa_family == AF_INET) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        /* In Linux accepted sockets inherit both, so they cost nothing per connection. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof(one));
    }
    if (bind(fd, address, length) < 0)
        die("bind");
    if (listen(fd, BACKLOG) < 0)
        die("listen");
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        fprintf(stderr, "floor: socket path too long: %s\n", path);
        exit(1);
    }
    strcpy(address.sun_path, path);
    unlink(path);
    return listen_on((struct sockaddr *)&address, sizeof(address));
}

static int listen_tcp(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN] = "";

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host)) {
        fprintf(stderr, "floor: expected HOST:PORT or unix:PATH, got %s\n", text);
        exit(1);
    }
    memcpy(host, text, (size_t)(colon - text));
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
        fprintf(stderr, "floor: not an IPv4 address: %s\n", host);
        exit(1);
    }
    return listen_on((struct sockaddr *)&address, sizeof(address));
}

/* ---- one request ---- */

/* Receives the rest of a body whose first bytes came with the head. */
static enum received receive_body(struct floor *floor, int fd, size_t have)
{
    while (have < floor->body_length) {
        size_t left = floor->body_length - have;
        ssize_t n = recv(fd, floor->buffer, left < BUFFER_SIZE ? left : BUFFER_SIZE, 0);

        if (n <= 0)
            return REQUEST_BROKEN;
        have += (size_t)n;
    }
    return REQUEST_COMPLETE;
}

/* The clients of the bench send a head in one write, and it is far smaller than the buffer. */
static enum received receive_request(struct floor *floor, int fd)
{
    ssize_t n = recv(fd, floor->buffer, BUFFER_SIZE, 0);
    const char *end;

    if (n <= 0)
        return n == 0 ? REQUEST_END : REQUEST_BROKEN;
    if (floor->body_length == 0)
        return REQUEST_COMPLETE;
    end = memmem(floor->buffer, (size_t)n, "\r\n\r\n", 4);
    if (end == NULL)
        return REQUEST_BROKEN;
    return receive_body(floor, fd, (size_t)(floor->buffer + n - (end + 4)));
}

static bool send_file(const struct floor *floor, int fd)
{
    off_t offset = 0;

    while (offset < floor->file_length)
        if (sendfile(fd, floor->file, &offset, (size_t)(floor->file_length - offset)) <= 0)
            return false;
    return true;
}

static bool send_answer(const struct floor *floor, int fd)
{
    size_t sent = 0;
    int flags = floor->file >= 0 || floor->ends_together ? MSG_MORE : 0;

    while (sent < floor->answer_length) {
        ssize_t n = send(fd, floor->answer + sent, floor->answer_length - sent, flags);

        if (n < 0)
            return false;
        sent += (size_t)n;
    }
    return floor->file < 0 || send_file(floor, fd);
}

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void work(const struct floor *floor)
{
    uint64_t until = now_ns() + floor->work_ns;

    while (now_ns() < until)
        ;
}

static bool answer_one(struct floor *floor, int fd)
{
    if (receive_request(floor, fd) != REQUEST_COMPLETE)
        return false;
    if (floor->work_ns > 0)
        work(floor);
    return send_answer(floor, fd);
}

/* ---- close mode ---- */

static void accept_all(struct floor *floor)
{
    int fd;

    while ((fd = accept4(floor->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        answer_one(floor, fd);
        if (floor->ends_together)
            shutdown(fd, SHUT_WR);
        close(fd);
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
        die("accept4");
}

static int epoll_with(int fd)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN | EPOLLEXCLUSIVE, .data.fd = fd};

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll");
    return epoll;
}

static void serve_closing(struct floor *floor)
{
    struct pollfd waited = {.fd = floor->listener, .events = POLLIN};
    struct epoll_event event;
    int epoll = floor->waiting == WAIT_EPOLL ? epoll_with(floor->listener) : -1;

    if (floor->waiting != WAIT_BLOCKING)
        fcntl(floor->listener, F_SETFL, O_NONBLOCK);
    for (;;) {
        if (floor->waiting == WAIT_POLL)
            poll(&waited, 1, -1);
        else if (floor->waiting == WAIT_EPOLL)
            epoll_wait(epoll, &event, 1, -1);
        accept_all(floor);
    }
}

/* ---- keep-alive mode ---- */

static void accept_into(struct floor *floor, int epoll)
{
    int fd = accept4(floor->listener, NULL, NULL, SOCK_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

    if (fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void serve_kept_alive(struct floor *floor)
{
    struct epoll_event events[EVENTS];
    int epoll = epoll_with(floor->listener);

    fcntl(floor->listener, F_SETFL, O_NONBLOCK); /* another worker may have accepted it */
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;

            if (fd == floor->listener)
                accept_into(floor, epoll);
            else if (!answer_one(floor, fd))
                close(fd);
        }
    }
}

/* ---- the command line ---- */

static void load_answer(struct floor *floor, const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;

    if (file == NULL || fstat(fileno(file), &status) < 0)
        die(path);
    floor->answer_length = (size_t)status.st_size;
    floor->answer = malloc(floor->answer_length);
    if (floor->answer == NULL ||
        fread(floor->answer, 1, floor->answer_length, file) != floor->answer_length)
        die(path);
    fclose(file);
}

static void open_file(struct floor *floor, const char *path)
{
    struct stat status;

    floor->file = open(path, O_RDONLY | O_CLOEXEC);
    if (floor->file < 0 || fstat(floor->file, &status) < 0)
        die(path);
    floor->file_length = status.st_size;
}

static enum waiting waiting_named(const char *name)
{
    if (strcmp(name, "poll") == 0)
        return WAIT_POLL;
    return strcmp(name, "epoll") == 0 ? WAIT_EPOLL : WAIT_BLOCKING;
}

static bool parse_options(struct floor *floor, int argc, char **argv)
{
    if (argc < 3)
        return false;
    floor->keep_alive = strcmp(argv[1], "keepalive") == 0;
    floor->address = argv[2];
    for (int i = 3; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--answer") == 0)
            load_answer(floor, argv[i + 1]);
        else if (strcmp(argv[i], "--file") == 0)
            open_file(floor, argv[i + 1]);
        else if (strcmp(argv[i], "--body") == 0)
            floor->body_length = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--work") == 0)
            floor->work_ns = strtoull(argv[i + 1], NULL, 10) * 1000;
        else if (strcmp(argv[i], "--wait") == 0)
            floor->waiting = waiting_named(argv[i + 1]);
        else if (strcmp(argv[i], "--end") == 0)
            floor->ends_together = strcmp(argv[i + 1], "together") == 0;
        else if (strcmp(argv[i], "--workers") == 0)
            floor->workers = strtol(argv[i + 1], NULL, 10);
        else
            return false;
    }
    return floor->answer != NULL;
}

/* The parent is one of them. */
static void fork_workers(long workers)
{
    for (long i = 1; i < workers; i++) {
        pid_t pid = fork();

        if (pid < 0)
            die("fork");
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGTERM);
            return;
        }
    }
}

int main(int argc, char **argv)
{
    struct floor floor = {.waiting = WAIT_BLOCKING, .file = -1, .workers = 1};

    if (!parse_options(&floor, argc, argv)) {
        fprintf(stderr, "usage: floor close|keepalive ADDRESS --answer FILE [--file FILE] "
                        "[--body N] [--work US] [--wait blocking|poll|epoll] "
                        "[--end apart|together] [--workers N]\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    floor.buffer = malloc(BUFFER_SIZE);
    if (floor.buffer == NULL)
        die("malloc");
    floor.listener = strncmp(floor.address, "unix:", 5) == 0 ? listen_unix(floor.address + 5)
                                                             : listen_tcp(floor.address);
    fork_workers(floor.workers);
    if (floor.keep_alive)
        serve_kept_alive(&floor);
    else
        serve_closing(&floor);
    return 0;
}
