#include "json.h"
#include "escape.h"

const char rhb_access_json_format[] =
    "{\"time\": %({iso}t)s, \"remote_addr\": %(h)s, \"user\": %(u)s, \"method\": %(m)s, "
    "\"path\": %(U)s, \"query\": %(q)s, \"protocol\": %(H)s, \"status\": %(s)s, \"bytes\": %(B)s, "
    "\"duration\": %(L)s, \"referer\": %(f)s, \"user_agent\": %(a)s, \"pid\": %(p)s, "
    "\"request_id\": %({request_id}x)s, \"trace_id\": %({trace_id}x)s, "
    "\"span_id\": %({span_id}x)s, \"front_time\": %({front_time}x)s, "
    "\"queue_time\": %({queue_time}x)s, \"app_time\": %({app_time}x)s}";

static size_t count(const char *from, size_t len, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < len; i++)
        found += from[i] == c;
    return found;
}

/* \xHH becomes \u00HH, from the end on, in place: a backslash is in the text only there. */
static bool widen_escapes(struct rhb_bytes *out, size_t start)
{
    size_t escapes = count(out->data + start, out->len - start, '\\'), from = out->len;
    if (escapes == 0)
        return true;
    if (!rhb_access_reserve(out, 2 * escapes))
        return false;
    out->len += 2 * escapes;
    for (size_t to = out->len; from > start;) {
        char c = out->data[--from];
        if (c != '\\') {
            out->data[--to] = c;
            continue;
        }
        to -= 3; /* the x was copied */
        memcpy(out->data + to, "\\u00", 4);
    }
    return true;
}

char *rhb_json_escape(char *to, const char *from, size_t len)
{
    struct rhb_bytes out = {.data = to, .cap = RHB_JSON_ESCAPED * len + RHB_ACCESS_SLACK};
    out.len = (size_t)(rhb_access_escape(to, from, len) - to);
    widen_escapes(&out, 0); /* there is space: it reserves nothing */
    return to + out.len;
}

static bool is_dash(const struct rhb_bytes *out, size_t start)
{
    return out->len == start + 1 && out->data[start] == '-';
}

static bool put_null(struct rhb_bytes *out, size_t start)
{
    if (!rhb_access_reserve(out, 4))
        return false;
    out->len = start;
    rhb_bytes_put(out, "null", 4);
    return true;
}

static bool quote(struct rhb_bytes *out, size_t start)
{
    if (!rhb_access_reserve(out, 2))
        return false;
    memmove(out->data + start + 1, out->data + start, out->len - start);
    out->data[start] = '"';
    out->data[out->len + 1] = '"';
    out->len += 2;
    return true;
}

static bool put_text(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_bytes *out = line->out;
    size_t start = out->len;
    if (!item->inner(line, item) || !widen_escapes(out, start))
        return false;
    if (item->in_string)
        return rhb_access_reserve(out, 0);
    return is_dash(out, start) ? put_null(out, start) : quote(out, start);
}

static bool put_number(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_bytes *out = line->out;
    size_t start = out->len;
    if (!item->inner(line, item))
        return false;
    if (is_dash(out, start) && !item->in_string)
        return put_null(out, start);
    if (out->data[start] == '<') { /* around the pid */
        out->len -= 2;
        memmove(out->data + start, out->data + start + 1, out->len - start);
    }
    return true;
}

void rhb_access_json_atom(struct rhb_access_item *item, char letter, bool in_string)
{
    item->inner = item->put;
    item->in_string = in_string;
    item->put = strchr("sBTMDLp", letter) != NULL ? put_number : put_text;
}

void rhb_json_step(struct rhb_json_place *place, char c)
{
    if (place->escaped)
        place->escaped = false;
    else if (c == '\\' && place->in_string)
        place->escaped = true;
    else if (c == '"')
        place->in_string = !place->in_string;
}
