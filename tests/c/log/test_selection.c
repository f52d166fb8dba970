/* csrc/log/selection.c: which requests are logged. */
#include "harness.h"
#include "log/selection.h"

static struct rhb_access_entry entry_of(const char *target, struct phr_request_head *head)
{
    *head = (struct phr_request_head){
        .method = "GET", .method_len = 3, .target = target, .target_len = strlen(target)};
    return (struct rhb_access_entry){.request = head, .status = 200, .duration_ns = 5};
}

static bool has(struct rhb_selection *selection, const char *target)
{
    struct phr_request_head head;
    struct rhb_access_entry entry = entry_of(target, &head);
    return rhb_selection_has(selection, &entry);
}

static int count_of(double share, int tries)
{
    struct rhb_selection *selection = rhb_selection_new(share, UINT64_MAX);
    int count = 0;
    for (int i = 0; i < tries; i++)
        count += has(selection, "/");
    rhb_selection_free(selection);
    return count;
}

/* Within six standard deviations. */
static void the_share_is_that_of_the_requests(struct rhb_test *t)
{
    int tenth = count_of(0.1, 100000), most = count_of(0.9, 100000);
    CHECK(tenth > 9430 && tenth < 10570);
    CHECK(most > 89430 && most < 90570);
    CHECK_INT(count_of(1, 1000), 1000);
    CHECK(count_of(1e-9, 1000) <= 1);
}

static void errors_of_the_server_and_slow_requests_are_always_there(struct rhb_test *t)
{
    struct rhb_selection *selection = rhb_selection_new(0, 1000);
    struct phr_request_head head;
    struct rhb_access_entry entry = entry_of("/livez", &head);
    rhb_selection_exclude(selection, "/livez");
    for (int i = 0; i < 100; i++) {
        entry.status = 500;
        CHECK(rhb_selection_has(selection, &entry));
        entry.status = 499;
        CHECK(!rhb_selection_has(selection, &entry));
        entry.duration_ns = 1000;
        CHECK(rhb_selection_has(selection, &entry));
        entry.duration_ns = 999;
    }
    rhb_selection_free(selection);
}

static void an_excluded_path_is_left_out_whatever_its_query(struct rhb_test *t)
{
    struct rhb_selection *selection = rhb_selection_new(1, UINT64_MAX);
    CHECK(rhb_selection_exclude(selection, "/livez"));
    CHECK(rhb_selection_exclude(selection, "/static/*"));
    CHECK(!has(selection, "/livez"));
    CHECK(!has(selection, "/livez?a=/b"));
    CHECK(!has(selection, "http://example.com/livez"));
    CHECK(!has(selection, "/static/"));
    CHECK(!has(selection, "/static/a/b.css?v=1"));
    CHECK(has(selection, "/livez/"));
    CHECK(has(selection, "/live"));
    CHECK(has(selection, "/static"));
    CHECK(has(selection, "/?/livez"));
    rhb_selection_free(selection);
}

static void what_has_no_request_is_never_excluded(struct rhb_test *t)
{
    struct rhb_selection *selection = rhb_selection_new(1, UINT64_MAX);
    const struct rhb_access_entry nothing = {.status = 400};
    rhb_selection_exclude(selection, "/*");
    CHECK(rhb_selection_has(selection, &nothing));
    CHECK(!has(selection, "/"));
    CHECK(has(selection, "no target"));
    rhb_selection_free(selection);
    rhb_selection_free(NULL);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_share_is_that_of_the_requests),
        RHB_CASE(errors_of_the_server_and_slow_requests_are_always_there),
        RHB_CASE(an_excluded_path_is_left_out_whatever_its_query),
        RHB_CASE(what_has_no_request_is_never_excluded),
    };
    return RHB_RUN(cases);
}
