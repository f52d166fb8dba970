/* csrc/loop/board.h and lap.h: what is counted, and which histograms get the time of a request. */
#include "harness.h"
#include "loop/loop.h"

enum { US = 1000, MS = 1000 * US };

static struct rhb_board board;

static void begin(void)
{
    memset(&board, 0, sizeof board);
}

/* As the current request. */
static void count(const char *line, size_t len, int status, uint64_t bytes)
{
    struct phr_request_head head = {.method = line, .method_len = len};
    rhb_board_count_usual(&board, &head, status, bytes);
}

static uint64_t counted(const struct rhb_histogram *histogram)
{
    uint64_t sum = 0;
    for (int i = 0; i < RHB_HISTOGRAM_BUCKETS; i++)
        sum += histogram->counts[i];
    return sum;
}

static void methods_are_told_apart(struct rhb_test *t)
{
    static const struct {
        const char *line;
        size_t len;
        int method;
    } rows[] = {
        {"GET / HTTP", 3, RHB_COUNTED_GET},         {"HEAD / HTTP", 4, RHB_COUNTED_HEAD},
        {"POST / HTTP", 4, RHB_COUNTED_POST},       {"PUT / HTTP", 3, RHB_COUNTED_PUT},
        {"PATCH / HTTP", 5, RHB_COUNTED_PATCH},     {"DELETE / HTTP", 6, RHB_COUNTED_DELETE},
        {"OPTIONS * HTTP", 7, RHB_COUNTED_OPTIONS}, {"GETS / HTTP", 4, RHB_COUNTED_OTHER},
        {"get / HTTP", 3, RHB_COUNTED_OTHER},       {"HEADS / HTTP", 5, RHB_COUNTED_OTHER},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int digit = 1; digit < RHB_BOARD_CLASSES; digit++) {
            begin();
            count(rows[i].line, rows[i].len, 100 * digit + 7, 3);
            CHECK_INT(board.requests[rows[i].method][digit], 1);
            CHECK_INT(board.bytes_out, 3);
            begin();
            struct phr_request_head head = {.method = rows[i].line, .method_len = rows[i].len};
            rhb_board_count(&board, &head, 100 * digit + 7, 3);
            CHECK_INT(board.requests[rows[i].method][digit], 1);
        }
    begin();
    rhb_board_count(&board, NULL, 408, 0);
    CHECK_INT(board.requests[RHB_COUNTED_OTHER][4], 1);
}

static void a_request_is_counted_by_method_and_class(struct rhb_test *t)
{
    begin();
    count("GET /", 3, 200, 120);
    count("GET /", 3, 404, 30);
    count("POST /", 4, 299, 0);
    CHECK_INT(board.requests[RHB_COUNTED_GET][2], 1);
    CHECK_INT(board.requests[RHB_COUNTED_GET][4], 1);
    CHECK_INT(board.requests[RHB_COUNTED_POST][2], 1);
    CHECK_INT(board.bytes_out, 150);
}

static void a_strange_status_is_no_class(struct rhb_test *t)
{
    begin();
    count("GET /", 3, 0, 0);
    count("GET /", 3, 999, 0);
    count("GET /", 3, -5, 0);
    CHECK_INT(board.requests[RHB_COUNTED_GET][0], 3);
}

/* A loop with one lane, for its laps only. */
static struct rhb_loop loop;
static struct rhb_lane lane;

static void begin_lap(uint64_t arrived, uint64_t began, enum rhb_lap_due due)
{
    begin();
    memset(&loop, 0, sizeof loop);
    memset(&lane, 0, sizeof lane);
    loop.lane = loop.lanes = loop.alone = &lane;
    loop.board = &board;
    loop.timed = true;
    lane.due = due;
    loop.arrived = arrived;
    loop.read_at = began;
}

static void a_request_that_did_not_wait_is_in_one_histogram(struct rhb_test *t)
{
    static const uint64_t times[] = {0,      5 * US,   40 * US,
                                     2 * MS, 300 * MS, 2000 * (uint64_t)MS * MS};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        begin_lap(5 * MS, 5 * MS, RHB_LAP_END);
        rhb_lap_settle(&loop, &lane, 5 * MS + times[i]);
        rhb_lap_settle(&loop, &lane, 5 * MS + 2 * times[i]); /* only once */
        CHECK_INT(board.prompt.counts[rhb_histogram_bucket(times[i])], 1);
        CHECK_INT(counted(&board.prompt), 1);
        CHECK_INT(counted(&board.queue) + counted(&board.total), 0);
    }
}

static void a_request_that_waited_is_in_the_other_three(struct rhb_test *t)
{
    begin_lap(5 * MS, 8 * MS, RHB_LAP_END);
    rhb_lap_settle(&loop, &lane, 10 * MS);
    CHECK_INT(counted(&board.prompt), 0);
    CHECK_INT(board.queue.counts[rhb_histogram_bucket(3 * MS)], 1);
    CHECK_INT(board.application.counts[rhb_histogram_bucket(2 * MS)], 1);
    CHECK_INT(board.total.counts[rhb_histogram_bucket(5 * MS)], 1);
}

static void after_a_long_request_the_kernel_is_asked(struct rhb_test *t)
{
    begin_lap(5 * MS, 5 * MS, RHB_LAP_END);
    rhb_lap_settle(&loop, &lane, 9 * MS);
    CHECK(!loop.look_back);
    begin_lap(5 * MS, 5 * MS, RHB_LAP_END);
    rhb_lap_settle(&loop, &lane, 50 * MS);
    CHECK(loop.look_back);
}

static void the_time_of_the_client_is_not_that_of_the_application(struct rhb_test *t)
{
    begin();
    struct rhb_lap lap = {.arrived = 0, .began = 0, .away = 6 * MS};
    rhb_lap_add(&lap, &board, 10 * MS);
    CHECK_INT(board.application.counts[rhb_histogram_bucket(4 * MS)], 1);
    CHECK_INT(board.total.counts[rhb_histogram_bucket(10 * MS)], 1);
    lap.away = 11 * MS; /* a thread that waits on after the end */
    rhb_lap_add(&lap, &board, 10 * MS);
    CHECK_INT(board.application.counts[0], 1);
}

static void a_reading_that_is_due_counts_nothing(struct rhb_test *t)
{
    begin_lap(0, 0, RHB_LAP_READING);
    rhb_lap_settle(&loop, &lane, 2 * MS);
    CHECK_INT(lane.due, RHB_LAP_NOTHING);
    CHECK_INT(counted(&board.prompt) + counted(&board.total), 0);
}

/* As rhb_lap_front() gets it. */
static uint64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * RHB_NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void the_time_at_a_proxy_is_in_the_queue_only(struct rhb_test *t)
{
    uint64_t now = rhb_now_exact(), long_ago = 3000 * (uint64_t)MS;
    begin_lap(now, now, RHB_LAP_END);
    rhb_lap_front(&loop, &lane, wall_clock() - long_ago);
    rhb_lap_settle(&loop, &lane, now + 4 * MS);
    CHECK_INT(board.queue.counts[rhb_histogram_bucket(long_ago)], 1);
    CHECK_INT(board.total.counts[rhb_histogram_bucket(4 * MS)], 1);
    CHECK_INT(board.application.counts[rhb_histogram_bucket(4 * MS)], 1);
    CHECK_INT(counted(&board.prompt), 0);
    loop.arrived = loop.read_at = now; /* the next request has none */
    lane.due = RHB_LAP_END;
    rhb_lap_settle(&loop, &lane, now + 4 * MS);
    CHECK_INT(counted(&board.prompt), 1);
    CHECK_INT(lane.lap.front, 0);
}

static void a_proxy_that_is_ahead_is_not_believed(struct rhb_test *t)
{
    uint64_t now = rhb_now_exact();
    begin_lap(now, now, RHB_LAP_END);
    rhb_lap_front(&loop, &lane, wall_clock() + 1000 * (uint64_t)MS);
    rhb_lap_settle(&loop, &lane, now + 4 * MS);
    CHECK_INT(counted(&board.prompt), 1);
    CHECK_INT(counted(&board.queue), 0);
}

static void without_a_reader_nothing_is_counted_or_timed(struct rhb_test *t)
{
    begin_lap(0, 0, RHB_LAP_NOTHING);
    lane.request.head = (struct phr_request_head){.method = "GET /", .method_len = 3};
    loop.timed = false;
    rhb_lap_end(&loop, &lane, 200, 10);
    rhb_lap_front(&loop, &lane, 1);
    CHECK_INT(lane.due, RHB_LAP_NOTHING);
    CHECK_INT(board.requests[RHB_COUNTED_GET][2], 0);
    CHECK_INT(lane.lap.front, 0);
    loop.timed = true;
    rhb_lap_end(&loop, &lane, 200, 10);
    CHECK_INT(lane.due, RHB_LAP_END);
    CHECK_INT(board.requests[RHB_COUNTED_GET][2], 1);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(methods_are_told_apart),
        RHB_CASE(a_request_is_counted_by_method_and_class),
        RHB_CASE(a_strange_status_is_no_class),
        RHB_CASE(a_request_that_did_not_wait_is_in_one_histogram),
        RHB_CASE(a_request_that_waited_is_in_the_other_three),
        RHB_CASE(after_a_long_request_the_kernel_is_asked),
        RHB_CASE(the_time_of_the_client_is_not_that_of_the_application),
        RHB_CASE(a_reading_that_is_due_counts_nothing),
        RHB_CASE(the_time_at_a_proxy_is_in_the_queue_only),
        RHB_CASE(a_proxy_that_is_ahead_is_not_believed),
        RHB_CASE(without_a_reader_nothing_is_counted_or_timed),
    };
    return RHB_RUN(cases);
}
