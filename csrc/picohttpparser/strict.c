#include "strict.h"
#include "variants.h"

int phr_parse_request_strict(const char *buf, size_t len, const struct phr_limits *limits,
                             struct phr_request_head *head, size_t last_len)
{
    return phr_best_variant()->request_strict(buf, len, limits, head, last_len);
}
