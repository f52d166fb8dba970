#include "board.h"

static enum rhb_board_method method_of(const struct phr_request_head *head)
{
    static const struct {
        char name[8];
        size_t len;
    } names[] = {{"GET", 3},   {"HEAD", 4},   {"POST", 4},   {"PUT", 3},
                 {"PATCH", 5}, {"DELETE", 6}, {"OPTIONS", 7}};
    for (int i = 0; head != NULL && i < RHB_COUNTED_OTHER; i++)
        if (head->method_len == names[i].len &&
            memcmp(head->method, names[i].name, names[i].len) == 0)
            return (enum rhb_board_method)i;
    return RHB_COUNTED_OTHER;
}

void rhb_board_count(struct rhb_board *board, const struct phr_request_head *head, int status,
                     uint64_t bytes)
{
    unsigned digit = (unsigned)status / 100;
    board->requests[method_of(head)][digit < RHB_BOARD_CLASSES ? digit : 0]++;
    board->bytes_out += bytes;
}
