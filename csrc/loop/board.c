#include "board.h"

static enum rhb_board_method method_of(const char *method, size_t len)
{
    static const struct {
        char name[8];
        size_t len;
    } names[] = {{"GET", 3},   {"HEAD", 4},   {"POST", 4},   {"PUT", 3},
                 {"PATCH", 5}, {"DELETE", 6}, {"OPTIONS", 7}};
    for (int i = 0; i < RHB_COUNTED_OTHER; i++)
        if (len == names[i].len && memcmp(method, names[i].name, len) == 0)
            return (enum rhb_board_method)i;
    return RHB_COUNTED_OTHER;
}

void rhb_board_count_other(struct rhb_board *board, const char *method, size_t len, int status)
{
    unsigned class = (unsigned)status / 100;
    board->requests[method_of(method, len)][class < RHB_BOARD_CLASSES ? class : 0]++;
}
