#include "accept_encoding.h"
#include "token_list.h"

const char *const rhb_coding_names[RHB_CODINGS] = {"br", "zstd", "gzip"};

enum { UNSET = -1, FULL = 1000 /* quality values in thousandths */ };

struct wishes {
    int quality[RHB_CODINGS + 1];
    int others; /* of "*" */
};

/* qvalue: 0 to 1 with three decimals at most (section 12.4.2); UNSET for anything else. */
static int read_qvalue(const char *at, const char *end)
{
    if (at == end || (*at != '0' && *at != '1'))
        return UNSET;
    int value = (*at++ - '0') * FULL, weight = FULL / 10;
    if (at < end && *at++ != '.')
        return UNSET;
    for (; at < end; at++, weight /= 10) {
        if (*at < '0' || *at > '9' || weight == 0)
            return UNSET;
        value += (*at - '0') * weight;
    }
    return value <= FULL ? value : UNSET;
}

/* What is behind the name: nothing, or ";q=". */
static int read_weight(const char *at, const char *end)
{
    while (at < end && rhb_is_ows(*at))
        at++;
    if (at == end)
        return FULL;
    if (*at++ != ';')
        return UNSET;
    while (at < end && rhb_is_ows(*at))
        at++;
    if (end - at < 2 || (at[0] | 0x20) != 'q' || at[1] != '=')
        return UNSET;
    return read_qvalue(at + 2, end);
}

static int *place_of(struct wishes *wishes, const char *name, size_t len)
{
    for (int i = 0; i < RHB_CODINGS; i++)
        if (rhb_name_is(name, len, rhb_coding_names[i]))
            return &wishes->quality[i];
    if (rhb_name_is(name, len, "x-gzip")) /* section 8.4.1.3 */
        return &wishes->quality[RHB_GZIP];
    if (rhb_name_is(name, len, "identity"))
        return &wishes->quality[RHB_IDENTITY];
    return len == 1 && name[0] == '*' ? &wishes->others : NULL;
}

static void read_field(struct wishes *wishes, const struct phr_header *field)
{
    struct rhb_token_list list = {.next = field->value, .end = field->value + field->value_len};
    while (rhb_token_next(&list)) {
        const char *at = list.token, *end = at + list.len;
        while (at < end && *at != ';' && !rhb_is_ows(*at))
            at++;
        int *place = place_of(wishes, list.token, (size_t)(at - list.token));
        int weight = read_weight(at, end);
        if (place != NULL && weight != UNSET)
            *place = weight;
    }
}

static int quality_of(const struct wishes *wishes, enum rhb_coding coding)
{
    int own = wishes->quality[coding];
    if (own != UNSET)
        return own;
    if (wishes->others != UNSET)
        return wishes->others;
    return coding == RHB_IDENTITY ? 1 : 0; /* acceptable, but last */
}

enum rhb_coding rhb_coding_choose(const struct phr_header *fields, size_t count, unsigned there)
{
    struct wishes wishes = {.quality = {UNSET, UNSET, UNSET, UNSET}, .others = UNSET};
    if (there == 0)
        return RHB_IDENTITY;
    for (size_t i = 0; i < count; i++)
        if (rhb_name_is(fields[i].name, fields[i].name_len, "accept-encoding"))
            read_field(&wishes, &fields[i]);
    enum rhb_coding best = RHB_IDENTITY;
    int most = quality_of(&wishes, RHB_IDENTITY);
    for (int i = RHB_CODINGS - 1; i >= 0; i--) {
        int quality = there & 1u << i ? quality_of(&wishes, (enum rhb_coding)i) : 0;
        if (quality > 0 && quality >= most) {
            best = (enum rhb_coding)i;
            most = quality;
        }
    }
    return best;
}
