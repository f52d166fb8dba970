/* What C answers itself, before the application is asked: the contract between the loop, which asks
 * and sends (loop/answers.h), and those who answer (files/, for instance). An answerer knows
 * nothing of connections: it gets a question, and gives a head and a body, or nothing. */
#ifndef RHB_ANSWER_H
#define RHB_ANSWER_H

#include "base/peer.h"
#include "request.h"
#include "response_head.h"
#include <sys/types.h>

/* Bytes of a body that are cheaper copied behind the head than sent on their own. */
enum { RHB_SMALL_BODY = 8192 };

/* A request that is complete, its body too. Valid during the call. */
struct rhb_question {
    const struct rhb_request *request;
    const struct rhb_peer *peer; /* the other end, or what its PROXY header names */
    struct rhb_bytes *out;       /* where the head of an answer is written */
};

/* An answerer that has an answer begins with rhb_answer_begin. Then it writes the head
 * (rhb_head_begin and rhb_head_field, or by copying a status line and fields and setting
 * head.status), and sets head.has_length and head.content_length. The loop ends the head
 * (rhb_head_end), and leaves out the body where none is sent. */
struct rhb_answer {
    struct rhb_response_head head;

    /* the body: in memory, or in a regular file */
    const char *data;
    size_t len;
    int file; /* used when file_left > 0 */
    off_t file_at;
    uint64_t file_left;
    int error; /* errno, for the error log: why the answer is none, or ends in the middle; 0: all is
                  well */

    /* Of a small body, instead of data: appends its len bytes, when the head is complete. False: it
     * is gone, or there is no memory; then the application is asked. NULL: data has it. */
    bool (*append)(void *held, struct rhb_bytes *out, size_t len);

    /* keeps all of that: called once, in the thread that is in the loop then, when the body is sent
     * or given up. NULL: nothing to release. */
    void (*release)(void *held);
    void *held;
};

/* True: the answer is given. False: this answerer has none; *answer is not looked at. */
typedef bool rhb_answer_function(void *state, const struct rhb_question *question,
                                 struct rhb_answer *answer);

struct rhb_answerer {
    rhb_answer_function *answer;
    void *state;
    /* About once a second, in a loop that is idle too. now: exact ns. NULL: not needed. */
    void (*tick)(void *state, uint64_t now);
    /* Which bytes may follow the first one of a path that it answers: 256 of these. It need not be
     * asked for others. NULL: all. Not owned. */
    const bool *second;
};

static inline void rhb_answer_begin(struct rhb_answer *answer, const struct rhb_question *question)
{
    *answer = (struct rhb_answer){.head.out = question->out};
    question->out->len = 0;
}

static inline bool rhb_question_has_method(const struct rhb_question *question, const char *method)
{
    const struct phr_request_head *head = &question->request->head;
    return head->method_len == strlen(method) && memcmp(head->method, method, strlen(method)) == 0;
}

static inline void rhb_answer_release(struct rhb_answer *answer)
{
    if (answer->release != NULL)
        answer->release(answer->held);
    answer->release = NULL;
}

#endif
