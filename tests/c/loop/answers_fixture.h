/* For the tests of what C answers: a loop with an answerer. _GNU_SOURCE is defined. */
#ifndef RHB_TEST_ANSWERS_FIXTURE_H
#define RHB_TEST_ANSWERS_FIXTURE_H

#include "loop/answers.h"
#include "loop_fixture.h"
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
enum { LONG = 8 << 20 };

/* An answerer for /memory, /file, /empty, and for /later, whose body is appended. */
struct answerer {
    char *bytes;
    size_t len;
    int file;
    uint64_t claimed; /* bytes of the file that are promised */
    bool is_gone;     /* the body of /later */
    int appended;
    int held; /* answers that are not released */
    unsigned asked;
};

static inline void let_go(void *held)
{
    struct answerer *a = held;
    a->held--;
}

static inline bool append_later(void *held, struct rhb_bytes *out, size_t len)
{
    struct answerer *a = held;
    a->appended++;
    return !a->is_gone && rhb_bytes_append(out, a->bytes, len);
}

static inline bool path_is(const struct rhb_question *question, const char *path)
{
    return question->request->path_len == strlen(path) &&
           memcmp(question->request->path, path, strlen(path)) == 0;
}

static inline bool give(void *state, const struct rhb_question *question, struct rhb_answer *answer)
{
    struct answerer *a = state;
    bool later = path_is(question, "/later"), memory = later || path_is(question, "/memory"),
         file = path_is(question, "/file");
    a->asked++;
    if (!memory && !file && !path_is(question, "/empty"))
        return false;
    rhb_answer_begin(answer, question);
    rhb_head_begin(&answer->head, question->out, "200 OK", 6);
    answer->head.has_length = true;
    answer->head.content_length = memory ? a->len : file ? a->claimed : 0;
    answer->data = later ? NULL : a->bytes;
    answer->len = memory ? a->len : 0;
    answer->file = a->file;
    answer->file_left = file ? a->claimed : 0;
    answer->append = later ? append_later : NULL;
    answer->release = let_go;
    answer->held = a;
    a->held++;
    return true;
}

static inline void set_up_answers(struct fixture *f, struct answerer *a, struct rhb_test *t,
                                  size_t len)
{
    set_up_and_start(f, t);
    *a = (struct answerer){.bytes = pattern_new(len), .len = len, .claimed = len};
    a->file = memfd_create("answer", MFD_CLOEXEC);
    CHECK_INT(write(a->file, a->bytes, len), len);
    f->fds++;
    rhb_answers_add(f->loop, &(struct rhb_answerer){.answer = give, .state = a});
}

static inline void tear_down_answers(struct fixture *f, struct answerer *a)
{
    struct rhb_test *t = f->t;
    tear_down(f);
    CHECK_INT(a->held, 0);
    close(a->file);
    free(a->bytes);
}

#endif
