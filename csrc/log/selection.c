#include "selection.h"
#include "base/clock.h"
#include "http/target.h"
#include <stdlib.h>
#include <unistd.h>

struct path {
    char *text;
    size_t len;
    bool is_prefix;
};

struct rhb_selection {
    uint64_t share; /* of 2^53 */
    uint64_t slow_ns;
    uint64_t random; /* the state of splitmix64 */
    struct path *excluded;
    size_t n_excluded;
};

#define ALL (UINT64_C(1) << 53)

struct rhb_selection *rhb_selection_new(double share, uint64_t slow_ns)
{
    struct rhb_selection *selection = calloc(1, sizeof *selection);
    if (selection == NULL)
        return NULL;
    selection->share = (uint64_t)(share * (double)ALL);
    selection->slow_ns = slow_ns;
    /* workers must not all choose the same */
    selection->random = rhb_now_exact() ^ (uint64_t)getpid() << 40 ^ (uint64_t)(uintptr_t)selection;
    return selection;
}

bool rhb_selection_exclude(struct rhb_selection *selection, const char *path)
{
    size_t count = selection->n_excluded, len = strlen(path);
    struct path *grown = realloc(selection->excluded, (count + 1) * sizeof *grown);
    if (grown == NULL)
        return false;
    selection->excluded = grown;
    grown[count] = (struct path){.text = strdup(path), .len = len};
    if (grown[count].text == NULL)
        return false;
    if (len > 0 && path[len - 1] == '*') {
        grown[count].is_prefix = true;
        grown[count].len--;
    }
    selection->n_excluded++;
    return true;
}

static bool is_excluded(const struct rhb_selection *selection, const struct phr_request_head *head)
{
    struct rhb_target target;
    if (selection->n_excluded == 0 || head == NULL ||
        rhb_target_split(&target, head->method, head->method_len, head->target, head->target_len) !=
            0)
        return false;
    for (size_t i = 0; i < selection->n_excluded; i++) {
        const struct path *path = &selection->excluded[i];
        if (target.path_len >= path->len && (path->is_prefix || target.path_len == path->len) &&
            memcmp(target.path, path->text, path->len) == 0)
            return true;
    }
    return false;
}

static bool is_drawn(struct rhb_selection *selection)
{
    if (selection->share >= ALL)
        return true;
    uint64_t mixed = selection->random += UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return (mixed ^ mixed >> 31) >> 11 < selection->share;
}

bool rhb_selection_has(struct rhb_selection *selection, const struct rhb_access_entry *entry)
{
    if (entry->status >= 500 || entry->duration_ns >= selection->slow_ns)
        return true;
    return !is_excluded(selection, entry->request) && is_drawn(selection);
}

void rhb_selection_free(struct rhb_selection *selection)
{
    if (selection == NULL)
        return;
    for (size_t i = 0; i < selection->n_excluded; i++)
        free(selection->excluded[i].text);
    free(selection->excluded);
    free(selection);
}
