#include "lane.h"
#include "loop.h"
#include <errno.h>
#include <stdlib.h>

void rhb_lane_free(struct rhb_lane *lane)
{
    rhb_bytes_free(&lane->out);
    free(lane->held_input);
    free(lane->buffer);
    free(lane->path);
    free(lane->request.head.fields);
    free(lane);
}

void rhb_lane_enter(struct rhb_lane *lane, _Atomic uint32_t *presence)
{
    lane->inside = true;
    rhb_presence_enter(presence);
}

void rhb_lane_leave(struct rhb_lane *lane, _Atomic uint32_t *presence)
{
    lane->inside = false;
    rhb_presence_leave(presence);
}

struct rhb_lane *rhb_loop_add_lane(struct rhb_loop *loop)
{
    struct rhb_lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return NULL;
    lane->buffer = malloc(RHB_READ_SIZE);
    lane->path = malloc(loop->options.limits.line);
    lane->request.head.fields = calloc(loop->options.max_fields, sizeof(struct phr_header));
    lane->score = &lane->no_score;
    lane->question = (struct rhb_question){.request = &lane->request, .out = &lane->out};
    if (!lane->buffer || !lane->path || !lane->request.head.fields) {
        rhb_lane_free(lane);
        errno = ENOMEM;
        return NULL;
    }
    loop->shared = loop->lanes != NULL;
    loop->alone = loop->shared ? &loop->nobody : lane;
    loop->look_back = loop->shared; /* then each request reads the clock */
    lane->next = loop->lanes;
    loop->lanes = lane;
    return lane;
}
