/* csrc/loop/mover.c: its thread, which ends at any moment and pauses while the process forks. */
#include "mover_scene.h"
#include <dirent.h>

static void the_mover_ends_at_any_moment(struct rhb_test *t)
{
    enum { TIMES = 50, CLIENTS = 8 };
    struct generation g;
    struct client c[CLIENTS];
    generation_new(&g, t, NULL);
    for (int i = 0; i < CLIENTS; i++)
        c[i] = kept_client(&g);
    for (int i = 0; i < CLIENTS; i++)
        client_send_text(&g.f[IDLE], &c[i], GET);
    idle(&g, true);
    for (int i = 0; i < TIMES; i++) {
        CHECK(rhb_mover_start(loop_of(&g)));
        atomic_store(&loop_of(&g)->lanes->score->busy, 1);
        poll(NULL, 0, i % 8);
        rhb_mover_stop(loop_of(&g));
        CHECK(loop_of(&g)->mover == NULL);
    }
    rhb_mover_stop(loop_of(&g)); /* again: nothing */
    idle(&g, false);
    for (int i = 0; i < CLIENTS; i++) {
        CHECK_INT(answer_from_any(&g, &c[i]), 200);
        client_close(&c[i]);
    }
    generation_end(&g);
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

/* A thread that has been joined is seen for a moment more. */
static void await_threads(struct rhb_test *t, unsigned count)
{
    uint64_t fails = rhb_now_exact() + 10 * RHB_NS_PER_SECOND;
    while (threads() != count && rhb_now_exact() < fails)
        poll(NULL, 0, 1);
    CHECK_INT(threads(), count);
}

/* As when the process forks, also in two threads at a time. */
static void in_a_pause_there_is_no_thread_and_afterwards_requests_go_again(struct rhb_test *t)
{
    struct generation g;
    scene_new(&g, t, NULL);
    struct client a = kept_client(&g), b = kept_client(&g);
    unsigned before = threads();
    hold(&g, &a, GET);
    busy(&g);
    idle(&g, true);
    rhb_mover_pause(loop_of(&g));
    await_threads(t, before - 1);
    rhb_mover_pause(loop_of(&g));
    client_send_text(&g.f[IDLE], &b, GET);
    CHECK(rhb_mover_resume(loop_of(&g)));
    CHECK_INT(threads(), before - 1);
    CHECK_INT(atomic_load(&score_of(&g, BUSY)->sent), 0);
    CHECK(rhb_mover_resume(loop_of(&g)));
    CHECK_INT(threads(), before);
    check_elsewhere(&g, &b);
    check_answers(&g, &a);
    client_close(&a);
    client_close(&b);
    scene_end(&g);
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(the_mover_ends_at_any_moment),
        RHB_CASE(in_a_pause_there_is_no_thread_and_afterwards_requests_go_again),
    };
    return RHB_RUN(cases);
}
