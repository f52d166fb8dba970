#define _GNU_SOURCE
/* csrc/files/static_files.c and file_reply.c: requests for files, and their answers. */
#include "directory.h"
#include "files/static_files.h"
#include "http/date.h"
#include <errno.h>
#include <sys/resource.h>

enum { BIG = RHB_FILE_IN_MEMORY + 1000 };

struct scene {
    struct directory directory;
    struct rhb_static_files *files;
    struct rhb_bytes out;
    struct phr_header fields[16];
    char path[4096];
    struct rhb_answer answer;
    bool answered;
};

static void scene_new(struct scene *s, const char *index)
{
    *s = (struct scene){.directory = directory_new()};
    const struct directory *at = &s->directory;
    char *big = calloc(1, BIG);
    make_text(at, "app.css", "0123456789");
    make_text(at, "app.css.gz", "zipped");
    make_text(at, "app.3f2a1b4c5d6e.css", "hashed");
    make_text(at, "empty.txt", "");
    make_file(at, "big.bin", big, BIG);
    make_text(at, ".hidden", "x");
    make_text(at, "index.html", "index");
    make_directory(at, "sub");
    make_text(at, "sub/index.html", "sub");
    make_text(at, "sub/only.txt", "of the inner mount");
    free(big);
    char *sub = strdup(path_in(at, "sub"));
    struct rhb_static_mount mounts[] = {{"/static/", at->path, 60, true, false, false},
                                        {"/media/", at->path, 60, true, false, true},
                                        {"/static/only/", sub, -1, true, true, false}};
    struct rhb_file_cache_limits limits = {100, 10, 1 << 20};
    s->files = rhb_static_files_new(mounts, 3, index, &limits);
    free(sub);
}

static void let_go(struct scene *s)
{
    if (s->answered)
        rhb_answer_release(&s->answer);
    s->answered = false;
}

static void scene_free(struct scene *s)
{
    let_go(s);
    rhb_static_files_free(s->files);
    rhb_bytes_free(&s->out);
    directory_free(&s->directory);
}

/* Its status; 0 when the request is for the application. head: request line and fields. */
static int ask(struct scene *s, const char *format, const char *argument)
{
    static const struct phr_limits limits = {4096, 16384, 8192};
    static char head[5000];
    struct rhb_request request = {.head = {.fields = s->fields, .num_fields = 16}};
    int len = snprintf(head, sizeof head, format, argument);
    let_go(s);
    if (phr_parse_request_strict(head, (size_t)len, &limits, &request.head, 0) != len)
        abort();
    if (rhb_target_split(&request.target, request.head.method, request.head.method_len,
                         request.head.target, request.head.target_len) != 0)
        abort();
    ssize_t path_len = rhb_percent_decode(s->path, request.target.path, request.target.path_len);
    request.path = s->path;
    request.path_len = (size_t)path_len;
    struct rhb_question question = {.request = &request, .out = &s->out};
    struct rhb_answerer answerer = rhb_static_files_answerer(s->files);
    s->answered = answerer.answer(answerer.state, &question, &s->answer);
    return s->answered ? s->answer.head.status : 0;
}

static int get(struct scene *s, const char *path)
{
    return ask(s, "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", path);
}

/* With one more field. */
static int get_with(struct scene *s, const char *field)
{
    return ask(s, "GET /static/app.css HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", field);
}

static bool head_has(const struct scene *s, const char *line)
{
    return memmem(s->out.data, s->out.len, line, strlen(line)) != NULL;
}

static bool body_is(const struct scene *s, const char *text)
{
    return s->answer.len == strlen(text) && memcmp(s->answer.data, text, strlen(text)) == 0 &&
           s->answer.head.content_length == strlen(text);
}

/* The value of a field of the last answer, in memory that the next call uses again. */
static const char *value_of(const struct scene *s, const char *name)
{
    static char value[200];
    const char *at = memmem(s->out.data, s->out.len, name, strlen(name));
    size_t len = 0;
    if (at != NULL) {
        at += strlen(name);
        len = (size_t)((const char *)memchr(at, '\r', 190) - at);
        memcpy(value, at, len);
    }
    value[len] = '\0';
    return value;
}

static const struct {
    const char *path;
    int status; /* 0: for the application */
} paths[] = {
    {"/static/app.css", 200},
    {"/static/app.css?v=1", 200},
    {"http://a/static/app.css", 200},
    {"/%73tatic/app%2ecss", 200},
    {"/static/", 0},
    {"/static", 0},
    {"/static/none.css", 0},
    {"/static/sub", 0},
    {"/static/sub/", 0},
    {"/static/.hidden", 0},
    {"/static/%2ehidden", 0},
    {"/static/../static/app.css", 0},
    {"/static/%2e%2e/secret", 0},
    {"/static/sub%2fonly.txt", 0},
    {"/static//app.css", 0},
    {"//static/app.css", 0},
    {"/static/app.css/", 0},
    {"/static/app.css%00", 0},
    {"/static/app.css\\", 0},
    {"/staticapp.css", 0},
    {"/Static/app.css", 0},
    {"/", 0},
    {"/static/only/only.txt", 200},
    {"/static/only/app.css", 404}, /* the longer prefix alone counts */
    {"/static/only/", 404},
    {"/static/only/..", 404},
    {"/static/only/a%2fb", 404},
    {"/static/only/%00", 400},
};

static void a_path_is_answered_or_left_to_the_application(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!CHECK_INT(get(&s, paths[i].path), paths[i].status))
            rhb_note(t, "%s", paths[i].path);
    scene_free(&s);
}

static void a_file_has_its_fields(struct rhb_test *t)
{
    struct scene s;
    time_t modified;
    scene_new(&s, NULL);
    CHECK_INT(get(&s, "/static/app.css"), 200);
    CHECK(body_is(&s, "0123456789"));
    CHECK(head_has(&s, "HTTP/1.1 200 OK\r\nContent-Type: text/css; charset=utf-8\r\n"));
    CHECK(head_has(&s, "Accept-Ranges: bytes\r\n"));
    CHECK(head_has(&s, "Vary: Accept-Encoding\r\n"));
    CHECK(head_has(&s, "Cache-Control: public, max-age=60\r\n"));
    const char *date = value_of(&s, "Last-Modified: ");
    CHECK(rhb_date_read(date, strlen(date), time(NULL), &modified));
    CHECK(head_has(&s, "\r\nETag: \""));
    CHECK(!head_has(&s, "nosniff"));
    CHECK_INT(get(&s, "/static/app.3f2a1b4c5d6e.css"), 200);
    CHECK(head_has(&s, "Cache-Control: public, max-age=31536000, immutable\r\n"));
    CHECK(!head_has(&s, "Vary"));
    CHECK_INT(get(&s, "/static/only/only.txt"), 200);
    CHECK(!head_has(&s, "Cache-Control"));
    CHECK_INT(get(&s, "/static/empty.txt"), 200);
    CHECK(body_is(&s, ""));
    CHECK_INT(get(&s, "/static/big.bin"), 200);
    CHECK_INT(s.answer.file_left, BIG);
    CHECK(s.answer.file >= 0);
    scene_free(&s);
}

/* Otherwise who uploads app.css.gz decides what others get as app.css. */
static void of_uploads_no_name_is_believed(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s, NULL);
    CHECK_INT(
        ask(&s, "GET %s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n", "/media/app.css"),
        200);
    CHECK(body_is(&s, "0123456789"));
    CHECK(!head_has(&s, "Vary"));
    CHECK(head_has(&s, "X-Content-Type-Options: nosniff\r\n"));
    CHECK_INT(get(&s, "/media/app.css.gz"), 200);
    CHECK(head_has(&s, "Content-Type: application/gzip\r\n"));
    CHECK_INT(get(&s, "/media/app.3f2a1b4c5d6e.css"), 200);
    CHECK(head_has(&s, "Cache-Control: public, max-age=60\r\n"));
    scene_free(&s);
}

static const struct {
    const char *field;
    int status;
    const char *body, *line; /* that the head has */
} parts[] = {
    {"Range: bytes=0-3", 206, "0123", "Content-Range: bytes 0-3/10\r\n"},
    {"Range: bytes=8-", 206, "89", "Content-Range: bytes 8-9/10\r\n"},
    {"Range: bytes=-3", 206, "789", "Content-Range: bytes 7-9/10\r\n"},
    {"range: bytes=9-99", 206, "9", "Content-Range: bytes 9-9/10\r\n"},
    {"Range: bytes=0-3,5-6", 200, "0123456789", ""},
    {"Range: lines=0-3", 200, "0123456789", ""},
    {"Range: bytes=10-", 416, "Range Not Satisfiable\n", "Content-Range: bytes */10\r\n"},
    {"Range: bytes=-0", 416, "Range Not Satisfiable\n", "Content-Range: bytes */10\r\n"},
    {"If-None-Match: *", 304, NULL, "Vary: Accept-Encoding\r\n"},
    {"If-Match: \"other\"", 412, "Precondition Failed\n", ""},
    {"If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 304, NULL, "Cache-Control: "},
    {"If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", 412, "Precondition Failed\n", ""},
    {"Range: bytes=0-3\r\nIf-Range: \"other\"", 200, "0123456789", ""},
    {"Range: bytes=10-\r\nIf-None-Match: *", 304, NULL, ""}, /* conditions come first */
    {"Range: bytes=10-\r\nIf-Match: \"other\"", 412, "Precondition Failed\n", ""},
    {"Accept-Encoding: gzip", 200, "zipped", "Content-Encoding: gzip\r\n"},
    {"Accept-Encoding: gzip\r\nRange: bytes=0-1", 206, "zi", "Content-Range: bytes 0-1/6\r\n"},
    {"Accept-Encoding: br", 200, "0123456789", "Vary: Accept-Encoding\r\n"},
};

static void conditions_ranges_and_codings_are_applied(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s, NULL);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        bool held = CHECK_INT(get_with(&s, parts[i].field), parts[i].status) &
                    CHECK(head_has(&s, parts[i].line));
        held &= parts[i].body != NULL ? CHECK(body_is(&s, parts[i].body))
                                      : CHECK(s.answer.len == 0 && !s.answer.head.has_length &&
                                              !head_has(&s, "Content-Type"));
        if (!held)
            rhb_note(t, "%s", parts[i].field);
    }
    scene_free(&s);
}

static void the_validators_that_are_sent_are_the_current_ones(struct rhb_test *t)
{
    struct scene s;
    char field[300];
    scene_new(&s, NULL);
    CHECK_INT(get(&s, "/static/app.css"), 200);
    snprintf(field, sizeof field, "If-None-Match: %s", value_of(&s, "ETag: "));
    CHECK_INT(get_with(&s, field), 304);
    strcat(field, "\r\nAccept-Encoding: gzip"); /* the tag of another coding */
    CHECK_INT(get_with(&s, field), 200);
    CHECK(head_has(&s, "-gz\"\r\n"));
    CHECK_INT(get(&s, "/static/app.css"), 200);
    snprintf(field, sizeof field, "Range: bytes=0-0\r\nIf-Range: %s", value_of(&s, "ETag: "));
    CHECK_INT(get_with(&s, field), 206);
    CHECK_INT(get(&s, "/static/app.css"), 200);
    snprintf(field, sizeof field, "Range: bytes=0-0\r\nIf-Range: %s",
             value_of(&s, "Last-Modified: "));
    CHECK_INT(get_with(&s, field), 206);
    CHECK_INT(get(&s, "/static/app.css"), 200);
    snprintf(field, sizeof field, "If-Modified-Since: %s", value_of(&s, "Last-Modified: "));
    CHECK_INT(get_with(&s, field), 304);
    scene_free(&s);
}

static void other_methods_are_not_allowed(struct rhb_test *t)
{
    struct scene s;
    static const char *const methods[] = {"POST", "PUT",  "DELETE", "OPTIONS",
                                          "get",  "GETS", "PATCH"};
    scene_new(&s, NULL);
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        CHECK_INT(ask(&s, "%s /static/app.css HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]), 405);
        CHECK(head_has(&s, "Allow: GET, HEAD\r\n"));
        CHECK_INT(ask(&s, "%s /static/none HTTP/1.1\r\nHost: a\r\n\r\n", methods[i]), 0);
    }
    CHECK_INT(ask(&s, "HEAD %s HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n", "/static/app.css"),
              200); /* ranges are for GET alone */
    CHECK_INT(s.answer.head.content_length, 10);
    scene_free(&s);
}

static void an_index_stands_for_a_directory_if_one_is_named(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s, "index.html");
    CHECK_INT(get(&s, "/static/"), 200);
    CHECK(body_is(&s, "index"));
    CHECK(head_has(&s, "Content-Type: text/html; charset=utf-8\r\n"));
    CHECK_INT(get(&s, "/static/sub/"), 200);
    CHECK(body_is(&s, "sub"));
    CHECK_INT(get(&s, "/static/sub"), 0);
    CHECK_INT(get(&s, "/static/.hidden/"), 0);
    scene_free(&s);
}

static void a_path_of_any_length_is_survived(struct rhb_test *t)
{
    struct scene s;
    char path[4060] = "/static/only/";
    scene_new(&s, "index.html");
    for (size_t len = strlen(path); len < sizeof path - 1; len++) {
        path[len] = len % 200 == 0 ? '/' : 'a';
        if (len > 4000 || len % 97 == 0)
            CHECK_INT(get(&s, path), 404);
    }
    scene_free(&s);
}

static void a_file_may_be_larger_than_32_bits(struct rhb_test *t)
{
    struct scene s;
    scene_new(&s, NULL);
    make_text(&s.directory, "huge.iso", "");
    CHECK_INT(truncate(path_in(&s.directory, "huge.iso"), INT64_C(5) << 30), 0);
    CHECK_INT(get(&s, "/static/huge.iso"), 200);
    CHECK(s.answer.file_left == UINT64_C(5) << 30);
    CHECK_INT(ask(&s,
                  "GET /static/huge.iso HTTP/1.1\r\nHost: a\r\nRange: bytes=4294967296-%s"
                  "\r\n\r\n",
                  "4294967305"),
              206);
    CHECK(head_has(&s, "Content-Range: bytes 4294967296-4294967305/5368709120\r\n"));
    CHECK_INT(s.answer.file_at, INT64_C(1) << 32);
    CHECK_INT(s.answer.file_left, 10);
    scene_free(&s);
}

/* The directory itself cannot be opened: that it is not there is not known. */
static void without_descriptors_the_first_request_is_refused(struct rhb_test *t)
{
    struct scene s;
    struct rlimit before, none;
    scene_new(&s, NULL);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 0;
    setrlimit(RLIMIT_NOFILE, &none);
    CHECK_INT(get(&s, "/static/app.css"), 503);
    CHECK_INT(s.answer.error, EMFILE);
    CHECK_INT(get(&s, "/static/only/only.txt"), 503);
    setrlimit(RLIMIT_NOFILE, &before);
    CHECK_INT(get(&s, "/static/app.css"), 200); /* at once */
    CHECK_INT(s.answer.error, 0);
    CHECK_INT(get(&s, "/static/only/only.txt"), 200);
    scene_free(&s);
}

/* A directory that has not been asked for yet. */
static void kept_files_are_closed_for_a_directory_that_is_to_be_opened(struct rhb_test *t)
{
    struct scene s;
    struct rlimit before, full;
    scene_new(&s, NULL);
    CHECK_INT(get(&s, "/static/big.bin"), 200);
    CHECK_INT(get(&s, "/media/big.bin"), 200); /* two descriptors: for a directory and a file */
    let_go(&s);
    getrlimit(RLIMIT_NOFILE, &before);
    full = before;
    full.rlim_cur = (rlim_t)dup(STDIN_FILENO); /* the lowest that is free: and so none is */
    close((int)full.rlim_cur);
    setrlimit(RLIMIT_NOFILE, &full);
    CHECK_INT(get(&s, "/static/only/only.txt"), 200);
    setrlimit(RLIMIT_NOFILE, &before);
    scene_free(&s);
}

static const struct rhb_case cases[] = {
    RHB_CASE(a_path_is_answered_or_left_to_the_application),
    RHB_CASE(a_file_has_its_fields),
    RHB_CASE(of_uploads_no_name_is_believed),
    RHB_CASE(conditions_ranges_and_codings_are_applied),
    RHB_CASE(the_validators_that_are_sent_are_the_current_ones),
    RHB_CASE(other_methods_are_not_allowed),
    RHB_CASE(an_index_stands_for_a_directory_if_one_is_named),
    RHB_CASE(a_path_of_any_length_is_survived),
    RHB_CASE(a_file_may_be_larger_than_32_bits),
    RHB_CASE(without_descriptors_the_first_request_is_refused),
    RHB_CASE(kept_files_are_closed_for_a_directory_that_is_to_be_opened),
};

int main(void)
{
    return RHB_RUN(cases);
}
