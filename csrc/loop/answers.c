#include "answers.h"
#include "caching.h"
#include "http/saved_head.h"
#include "own_report.h"
#include "sending.h"
#include "socket_io.h"
#include <stdlib.h>

enum { AT_A_TIME = 32 /* answers; then the caller is asked whether it has something else to do */ };

/* ---- the end ---- */

static void report(struct rhb_loop *loop, const struct rhb_conn *conn,
                   const struct rhb_sending *sending, const struct rhb_lap *lap)
{
    struct rhb_access_entry entry = {
        .request = sending->request,
        .status = sending->answer.head.status,
        .body_bytes = sending->sent > sending->head_len ? sending->sent - sending->head_len : 0,
        .response_head = sending->out.data,
        .response_head_len = sending->head_len,
        .answered = true,
        .timed = true,
        .duration_ns = rhb_now_exact() - sending->started,
        .queue_ns = lap->began - lap->arrived,
        .away_ns = lap->away,
        .waited_ns = rhb_conn_waited_ns(conn),
    };
    if (sending->out.data != NULL && sending->id_len > 0) {
        entry.request_id = sending->out.data + sending->id_at;
        entry.request_id_len = sending->id_len;
    }
    rhb_report_own(loop, conn, &entry);
}

/* Counts and reports the answer, and releases what it holds. */
static void close_books(struct rhb_loop *loop, const struct rhb_conn *conn,
                        struct rhb_sending *sending, const struct rhb_lap *lap)
{
    int status = sending->answer.head.status;
    if (sending->request != NULL)
        rhb_board_count_usual(loop->board, sending->request, status, sending->sent);
    else
        rhb_board_count(loop->board, NULL, status, sending->sent);
    if (loop->reports != NULL)
        report(loop, conn, sending, lap);
    if (sending->answer.error != 0)
        loop->failed = sending->answer.error;
    rhb_answer_release(&sending->answer);
}

static void end(struct rhb_loop *loop, struct rhb_conn *conn, enum rhb_io io, bool keep)
{
    if (io == RHB_IO_OK)
        rhb_loop_done(loop, conn, keep);
    else
        rhb_loop_abort(loop, conn); /* the client sees that bytes are missing */
}

/* The caller has its turn now and then, also among nothing but answers. */
static enum rhb_event count_answer(struct rhb_loop *loop)
{
    if (loop->failed != 0) {
        loop->answer_error = loop->failed;
        loop->failed = 0;
        return RHB_EVENT_ANSWER_FAILED;
    }
    if (++loop->answered < AT_A_TIME)
        return RHB_EVENT_NONE;
    loop->answered = 0;
    return RHB_EVENT_ANSWERED;
}

/* ---- an answer that waits for its client ---- */

static void free_sending(struct rhb_loop *loop, struct rhb_sending *sending)
{
    rhb_score_sending(loop->lane->score, -1);
    rhb_bytes_free(&sending->out);
    free(sending->saved);
    free(sending);
}

/* Takes it off its connection, and counts the time that it has waited. */
static struct rhb_sending *take_off(struct rhb_conn *conn)
{
    struct rhb_sending *sending = conn->sending;
    conn->sending = NULL;
    sending->lap.away += rhb_now_exact() - sending->suspended_at;
    return sending;
}

static void end_suspended(struct rhb_loop *loop, struct rhb_conn *conn, struct rhb_sending *sending,
                          enum rhb_io io)
{
    bool keep = sending->keep;
    rhb_lap_add_answered(&sending->lap, loop->board, rhb_now_exact());
    close_books(loop, conn, sending, &sending->lap);
    free_sending(loop, sending);
    end(loop, conn, io, keep);
}

static bool park(struct rhb_loop *loop, struct rhb_conn *conn, struct rhb_sending *sending)
{
    sending->suspended_at = rhb_now_exact();
    conn->sending = sending;
    if (rhb_loop_suspend(loop, conn, NULL))
        return true;
    conn->sending = NULL;
    return false;
}

static void go_on(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_sending *sending = take_off(conn);
    loop->lane->due = RHB_LAP_READING;
    enum rhb_io io = rhb_sending_go_on(sending, conn->fd);
    if (io != RHB_IO_AGAIN || !park(loop, conn, sending))
        end_suspended(loop, conn, sending, io);
}

/* Keeps a copy of what is on the stack, with the lane's buffer and what is needed of the request.
 * False when there is no memory. */
static bool suspend(struct rhb_loop *loop, struct rhb_conn *conn, struct rhb_sending *sending)
{
    struct rhb_sending *kept = malloc(sizeof *kept);
    if (kept == NULL)
        return false;
    *kept = *sending;
    kept->lap = rhb_lap_of(loop, loop->lane);
    kept->request = kept->saved = rhb_head_save(sending->request);
    if (park(loop, conn, kept)) {
        loop->lane->out = (struct rhb_bytes){0};
        rhb_score_sending(loop->lane->score, 1);
        return true;
    }
    free(kept->saved);
    free(kept);
    return false;
}

void rhb_sending_drop(struct rhb_loop *loop, struct rhb_conn *conn)
{
    struct rhb_sending *sending = take_off(conn);
    close_books(loop, conn, sending, &sending->lap);
    free_sending(loop, sending);
}

/* ---- a request ---- */

/* As for the application's responses (--request-id). A stored one that has the field keeps it: the
 * application has set it. False when there is no memory. */
static bool put_request_id(struct rhb_loop *loop, const struct rhb_conn *conn,
                           struct rhb_sending *sending)
{
    const struct rhb_request_id_policy *policy = &loop->options.request_ids;
    const struct phr_request_head *request = &loop->lane->request.head;
    struct rhb_response_head *head = &sending->answer.head;
    char made[RHB_REQUEST_ID_MADE];
    const char *id = made;
    size_t len = sizeof made, before = head->out->len;
    if (rhb_head_has_field(head, policy->field, policy->field_len))
        return true;
    if (!rhb_request_id_find(policy, &conn->peer, request->fields, request->num_fields, &id, &len))
        rhb_request_id_make(policy->pool, made);
    if (rhb_head_field(head, policy->sent_as, policy->field_len, id, len) != RHB_HEAD_OK)
        return false;
    sending->id_at = before + policy->field_len + strlen(": ");
    sending->id_len = len;
    return true;
}

/* Completes the head. False when there is no memory. */
static bool end_head(struct rhb_loop *loop, struct rhb_conn *conn, struct rhb_sending *sending)
{
    struct rhb_lane *lane = loop->lane;
    const struct phr_request_head *request = &lane->request.head;
    struct rhb_head_context context = {
        .minor_version = request->minor_version,
        .is_head = request->method_len == 4 && memcmp(request->method, "HEAD", 4) == 0,
        .keep_alive = rhb_loop_may_keep(loop, conn),
        .body_length = -1,
        .date = rhb_clock_date(&loop->clock),
        .server = loop->options.server,
        .server_len = loop->options.server_len,
    };
    struct rhb_head_outcome outcome;
    if (loop->options.request_ids.field != NULL && !put_request_id(loop, conn, sending))
        return false;
    if (rhb_head_end(&sending->answer.head, &context, &outcome) != RHB_HEAD_OK)
        return false;
    sending->keep = outcome.keep_alive;
    sending->head_len = lane->out.len;
    if (outcome.framing == RHB_FRAME_NONE)
        sending->answer.len = sending->answer.file_left = 0;
    return true;
}

/* False: it is gone. */
static bool append_body(struct rhb_answer *answer, struct rhb_bytes *out)
{
    if (answer->append == NULL || answer->len == 0)
        return true;
    bool appended = answer->append(answer->held, out, answer->len);
    answer->len = 0;
    return appended;
}

/* Not inline: most requests are for the application, and only pass here. */
static __attribute__((noinline)) enum rhb_event send_answer(struct rhb_loop *loop,
                                                            struct rhb_conn *conn)
{
    struct rhb_lane *lane = loop->lane;
    struct rhb_sending sending = {.answer = lane->answer, .request = &lane->request.head};
    enum rhb_io io = RHB_IO_ERROR;
    if (loop->reports != NULL)
        sending.started = rhb_now_exact();
    bool ended = end_head(loop, conn, &sending);
    if (ended && !append_body(&sending.answer, &lane->out)) {
        rhb_answer_release(&sending.answer);
        return RHB_EVENT_REQUEST;
    }
    if (ended && rhb_sending_join(&sending, &lane->out))
        io = rhb_sending_go_on(&sending, conn->fd);
    if (io == RHB_IO_AGAIN && suspend(loop, conn, &sending)) {
        lane->due = RHB_LAP_READING;
        return count_answer(loop);
    }
    struct rhb_lap lap = rhb_lap_of(loop, lane);
    close_books(loop, conn, &sending, &lap);
    lane->due = RHB_LAP_ANSWERED; /* its time is known later */
    end(loop, conn, io, sending.keep);
    if (loop->shared)
        rhb_lap_read(loop, lane);
    return count_answer(loop);
}

void rhb_answers_add(struct rhb_loop *loop, const struct rhb_answerer *answerer)
{
    loop->answerers[loop->n_answerers++] = *answerer;
    for (size_t i = 0; i < sizeof loop->second; i++)
        loop->second[i] |= answerer->second == NULL || answerer->second[i];
}

void rhb_answers_tick(const struct rhb_loop *loop, uint64_t now)
{
    for (size_t i = 0; i < loop->n_answerers; i++)
        if (loop->answerers[i].tick != NULL)
            loop->answerers[i].tick(loop->answerers[i].state, now);
}

static __attribute__((noinline)) enum rhb_event
handle_suspended(struct rhb_loop *loop, enum rhb_event event, struct rhb_conn *conn)
{
    if (conn->sending == NULL)
        return event;
    if (event == RHB_EVENT_WRITABLE)
        go_on(loop, conn);
    else
        end_suspended(loop, conn, take_off(conn), RHB_IO_ERROR);
    return count_answer(loop);
}

static inline bool ask(const struct rhb_answerer *answerer, struct rhb_lane *lane)
{
    return answerer->answer(answerer->state, &lane->question, &lane->answer);
}

enum rhb_event rhb_answers_handle(struct rhb_loop *loop, enum rhb_event event,
                                  struct rhb_conn *conn)
{
    struct rhb_lane *lane = loop->lane;
    if (event != RHB_EVENT_REQUEST)
        return handle_suspended(loop, event, conn);
    lane->question.peer = &conn->peer;
    if (ask(&loop->answerers[0], lane))
        return send_answer(loop, conn);
    if (loop->n_answerers > 1 && ask(&loop->answerers[1], lane))
        return send_answer(loop, conn);
    return conn->waits ? rhb_caching_park(loop, conn) : RHB_EVENT_REQUEST;
}
