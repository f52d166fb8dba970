/* csrc/loop/scoreboard.h: what a worker writes. rhebok/serving/scoreboard.py reads the same. */
#include "harness.h"
#include "loop/scoreboard.h"

static void a_request_that_begins_has_a_deadline_and_a_line(struct rhb_test *t)
{
    struct rhb_score score = {0};
    uint64_t before = rhb_now_coarse();
    rhb_score_begin(&score, "GET /path", 9, 5 * RHB_NS_PER_SECOND);
    CHECK(score.deadline >= before + 5 * RHB_NS_PER_SECOND);
    CHECK(score.deadline <= rhb_now_coarse() + 5 * RHB_NS_PER_SECOND);
    CHECK_INT(score.busy, 1);
    CHECK_INT(score.requests, 1);
    CHECK_INT(score.line_len, 9);
    CHECK(memcmp(score.line, "GET /path", 9) == 0);
}

static void without_a_limit_there_is_no_deadline(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, 0);
    CHECK_INT(score.deadline, 0);
    CHECK_INT(score.busy, 1);
}

static void at_its_end_nothing_is_late_and_the_line_stays(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, RHB_NS_PER_SECOND);
    rhb_score_end(&score);
    CHECK_INT(score.deadline, 0);
    CHECK_INT(score.busy, 0);
    CHECK_INT(score.line_len, 5);
}

static void a_long_line_is_cut(struct rhb_test *t)
{
    static char line[2 * RHB_SCORE_LINE];
    struct rhb_score score[2] = {0};
    memset(line, 'x', sizeof line);
    rhb_score_begin(&score[0], line, sizeof line, 0);
    CHECK_INT(score[0].line_len, RHB_SCORE_LINE);
    CHECK_INT(score[0].client[0], 0);
    CHECK_INT(score[1].line_len, 0);
}

static void resuming_a_response_does_not_count_a_request(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, RHB_NS_PER_SECOND);
    rhb_score_end(&score);
    rhb_score_resume(&score, "GET /", 5, RHB_NS_PER_SECOND);
    CHECK_INT(score.requests, 1);
    CHECK(score.deadline > 0);
}

static void progress_gives_the_whole_time_again(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, RHB_NS_PER_SECOND);
    rhb_score_progress(&score, 5 * RHB_NS_PER_SECOND);
    CHECK(score.deadline > rhb_now_coarse() + 4 * RHB_NS_PER_SECOND);
    CHECK_INT(score.requests, 1);
}

static void progress_limits_no_request_that_has_no_limit_now(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, RHB_NS_PER_SECOND);
    rhb_score_no_limit(&score);
    rhb_score_progress(&score, RHB_NS_PER_SECOND);
    CHECK_INT(score.deadline, 0);
}

static void progress_comes_too_late_for_a_late_request(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_begin(&score, "GET /", 5, RHB_NS_PER_SECOND);
    uint64_t deadline = score.deadline = rhb_now_coarse();
    rhb_score_progress(&score, RHB_NS_PER_SECOND);
    CHECK_INT(score.deadline, deadline);
}

static void responses_on_their_way_are_counted(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_sending(&score, 1);
    rhb_score_sending(&score, 1);
    rhb_score_sending(&score, -1);
    CHECK_INT(score.sending, 1);
}

static void the_bytes_that_they_hold_are_added_up(struct rhb_test *t)
{
    struct rhb_score score = {0};
    rhb_score_unsent(&score, 0, 1000);
    rhb_score_unsent(&score, 0, 5000);
    rhb_score_unsent(&score, 1000, 300);
    CHECK_INT(score.unsent, 5300);
    rhb_score_unsent(&score, 5000, 0);
    rhb_score_unsent(&score, 300, 0);
    CHECK_INT(score.unsent, 0);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(a_request_that_begins_has_a_deadline_and_a_line),
        RHB_CASE(without_a_limit_there_is_no_deadline),
        RHB_CASE(at_its_end_nothing_is_late_and_the_line_stays),
        RHB_CASE(a_long_line_is_cut),
        RHB_CASE(resuming_a_response_does_not_count_a_request),
        RHB_CASE(progress_gives_the_whole_time_again),
        RHB_CASE(progress_limits_no_request_that_has_no_limit_now),
        RHB_CASE(progress_comes_too_late_for_a_late_request),
        RHB_CASE(responses_on_their_way_are_counted),
        RHB_CASE(the_bytes_that_they_hold_are_added_up),
    };
    return RHB_RUN(cases);
}
