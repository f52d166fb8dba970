/* The entry points of one variant. The last include of each parse_*.c. */
#ifndef RHB_PHR_ENTRY_POINTS_H
#define RHB_PHR_ENTRY_POINTS_H

#include "lenient_heads.h"
#include "strict_request.h"

/* The scalar variant parses such an input, and is faster for it too. */
PHR_INLINE bool phr_is_short(size_t len)
{
    const size_t least = PHR_LEAST_INPUT;

    return PHR_UNLIKELY(len < least);
}

PHR_TARGET_ATTRIBUTE static int phr_enter_strict(const char *buf, size_t len,
                                                 const struct phr_limits *limits,
                                                 struct phr_request_head *head, size_t last_len)
{
    if (phr_is_short(len < limits->head ? len : limits->head))
        return phr_variant_scalar.request_strict(buf, len, limits, head, last_len);
    return phr_request_strict(buf, len, limits, head, last_len);
}

PHR_TARGET_ATTRIBUTE static int phr_enter_request(const char *buf, size_t len,
                                                  struct phr_request_head *head, size_t last_len)
{
    if (phr_is_short(len))
        return phr_variant_scalar.request(buf, len, head, last_len);
    return phr_request_lenient(buf, len, head, last_len);
}

PHR_TARGET_ATTRIBUTE static int phr_enter_response(const char *buf, size_t len,
                                                   struct phr_response_head *head, size_t last_len)
{
    if (phr_is_short(len))
        return phr_variant_scalar.response(buf, len, head, last_len);
    return phr_response_lenient(buf, len, head, last_len);
}

PHR_TARGET_ATTRIBUTE static int phr_enter_fields(const char *buf, size_t len,
                                                 struct phr_field_list *list, size_t last_len)
{
    if (phr_is_short(len))
        return phr_variant_scalar.fields(buf, len, list, last_len);
    return phr_fields_lenient(buf, len, list, last_len);
}

#define PHR_VARIANT(isa_name)                                                                      \
    {                                                                                              \
        .name = isa_name, .request_strict = phr_enter_strict, .request = phr_enter_request,        \
        .response = phr_enter_response, .fields = phr_enter_fields                                 \
    }

#endif
