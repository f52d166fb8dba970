#include "transfer_coding.h"
#include "field_name.h"
#include "picohttpparser/char_class.h"

/* Each of these functions returns the position behind what it reads; NULL when that is not there.
 */

static const char *read_blanks(const char *at, const char *end)
{
    while (at < end && phr_is_blank(*at))
        at++;
    return at;
}

static const char *read_token(const char *start, const char *end)
{
    const char *at = start;
    while (at < end && phr_is(*at, PHR_TOKEN))
        at++;
    return at > start ? at : NULL;
}

/* RFC 9110 section 5.6.4 */
static const char *read_quoted(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (at == end || !phr_is(*at, PHR_TEXT))
            return NULL;
    }
    return at < end ? at + 1 : NULL;
}

/* RFC 9112 section 7: token BWS "=" BWS ( token / quoted-string ) */
static const char *read_parameter(const char *at, const char *end)
{
    at = read_token(at, end);
    if (at != NULL)
        at = read_blanks(at, end);
    if (at == NULL || at == end || *at != '=')
        return NULL;
    at = read_blanks(at + 1, end);
    return at < end && *at == '"' ? read_quoted(at, end) : read_token(at, end);
}

/* A coding with its parameters and the white space behind it. chunked has no parameters. */
static const char *read_coding(const char *start, const char *end, bool *is_chunked)
{
    const char *at = read_token(start, end);
    if (at == NULL)
        return NULL;
    *is_chunked = rhb_name_is(start, (size_t)(at - start), "chunked");
    at = read_blanks(at, end);
    while (at != NULL && at < end && *at == ';' && !*is_chunked) {
        at = read_parameter(read_blanks(at + 1, end), end);
        if (at != NULL)
            at = read_blanks(at, end);
    }
    return at;
}

enum rhb_coding rhb_transfer_coding(const char *value, size_t len)
{
    const char *at = value, *end = value + len;
    bool is_chunked, is_first = true;
    if (rhb_name_is(value, len, "chunked"))
        return RHB_CODING_CHUNKED;
    for (;;) {
        at = read_coding(at, end, &is_chunked);
        if (at == NULL)
            return RHB_CODING_BAD;
        if (at == end)
            return is_chunked && is_first ? RHB_CODING_BAD : RHB_CODING_OTHER;
        if (*at != ',' || is_chunked)
            return RHB_CODING_BAD;
        at = read_blanks(at + 1, end);
        is_first = false;
    }
}
