#include "atoms.h"
#include "base/decimal.h"
#include "escape.h"
#include "http/field_name.h"
#include "http/target.h"
#include "local_time.h"

/* ---- values ---- */

static void put_char(struct rhb_bytes *out, char c)
{
    out->data[out->len++] = c;
}

static void put_two(struct rhb_bytes *out, int value)
{
    put_char(out, (char)('0' + value / 10));
    put_char(out, (char)('0' + value % 10));
}

static void put_number(struct rhb_bytes *out, uint64_t number)
{
    out->len = (size_t)(rhb_decimal_write(out->data + out->len, number) - out->data);
}

/* The bytes are in memory, so four times their length cannot overflow. */
static bool put_escaped(struct rhb_bytes *out, const char *text, size_t len)
{
    if (!rhb_access_reserve(out, RHB_ACCESS_ESCAPED * len))
        return false;
    out->len = (size_t)(rhb_access_escape(out->data + out->len, text, len) - out->data);
    return true;
}

bool rhb_access_put_value(struct rhb_bytes *out, const char *text, size_t len)
{
    if (text != NULL && len > 0)
        return put_escaped(out, text, len);
    put_char(out, '-');
    return true;
}

static bool put_dash(struct rhb_bytes *out)
{
    return rhb_access_put_value(out, NULL, 0);
}

/* ---- the exchange ---- */

static bool put_peer(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    return rhb_access_put_value(line->out, line->entry->peer, line->entry->peer_len);
}

static bool put_status(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    if (line->entry->status <= 0)
        return put_dash(line->out);
    put_number(line->out, (uint64_t)line->entry->status);
    return true;
}

static bool put_body_bytes(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    put_number(line->out, line->entry->body_bytes);
    return true;
}

static bool put_body_or_dash(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    return line->entry->body_bytes > 0 ? put_body_bytes(line, item) : put_dash(line->out);
}

static bool put_pid(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    put_char(line->out, '<');
    put_number(line->out, (uint64_t)line->entry->pid);
    put_char(line->out, '>');
    return true;
}

static bool put_seconds(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    put_number(line->out, line->entry->duration_ns / 1000000000u);
    return true;
}

static bool put_milliseconds(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    put_number(line->out, line->entry->duration_ns / 1000000u);
    return true;
}

static bool put_microseconds(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    put_number(line->out, line->entry->duration_ns / 1000u);
    return true;
}

void rhb_access_put_duration(struct rhb_bytes *out, uint64_t ns)
{
    int micros = (int)(ns / 1000u % 1000000u);
    put_number(out, ns / 1000000000u);
    put_char(out, '.');
    put_two(out, micros / 10000);
    put_two(out, micros / 100 % 100);
    put_two(out, micros % 100);
}

static bool put_fraction(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    rhb_access_put_duration(line->out, line->entry->duration_ns);
    return true;
}

/* ---- the time ---- */

static void render_second(struct rhb_access_second *second, time_t now)
{
    struct rhb_bytes text = {.data = second->text, .cap = sizeof second->text};
    rhb_local_time_put(&text, now);
    second->second = now;
    second->len = text.len;
}

static bool put_iso_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    rhb_local_time_put_iso(line->out, line->entry->finished);
    return true;
}

bool rhb_access_is_time(const char *name, size_t len)
{
    return len == 3 && memcmp(name, "iso", 3) == 0;
}

static bool put_time(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_access_second *second = line->second;
    (void)item;
    if (second->len == 0 || second->second != line->entry->finished)
        render_second(second, line->entry->finished);
    memcpy(line->out->data + line->out->len, second->text, sizeof second->text);
    line->out->len += second->len;
    return true;
}

/* ---- the request ---- */

static bool put_method(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    const struct phr_request_head *head = line->entry->request;
    (void)item;
    return head == NULL ? put_dash(line->out)
                        : rhb_access_put_value(line->out, head->method, head->method_len);
}

static bool put_protocol(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    (void)item;
    if (line->entry->request == NULL)
        return put_dash(line->out);
    rhb_bytes_put(line->out, "HTTP/1.", 7);
    put_char(line->out, (char)('0' + line->entry->request->minor_version));
    return true;
}

static bool put_request_line(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    const struct phr_request_head *head = line->entry->request;
    if (head == NULL)
        return put_dash(line->out);
    if (!rhb_access_put_value(line->out, head->method, head->method_len))
        return false;
    put_char(line->out, ' ');
    if (!rhb_access_put_value(line->out, head->target, head->target_len))
        return false;
    put_char(line->out, ' ');
    return put_protocol(line, item);
}

static bool split(const struct rhb_access_line *line, struct rhb_target *target)
{
    const struct phr_request_head *head = line->entry->request;
    return head != NULL && rhb_target_split(target, head->method, head->method_len, head->target,
                                            head->target_len) == 0;
}

static bool put_path(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_target target;
    (void)item;
    return split(line, &target) ? rhb_access_put_value(line->out, target.path, target.path_len)
                                : put_dash(line->out);
}

/* Empty, not "-", if there is no query. */
static bool put_query(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    struct rhb_target target;
    (void)item;
    if (!split(line, &target))
        return put_dash(line->out);
    return target.query_len == 0 || put_escaped(line->out, target.query, target.query_len);
}

/* ---- fields and variables ---- */

static bool is_field(const struct phr_header *field, const struct rhb_access_item *item)
{
    return field->name_len == item->name_len &&
           rhb_same_name(field->name, item->name, item->name_len);
}

/* Repeated fields are joined, as in environ. There may be too many for the slack to hold their
 * separators. */
static bool put_joined(struct rhb_bytes *out, size_t start, const char *value, size_t len)
{
    if (out->len > start) {
        if (!rhb_access_reserve(out, 2))
            return false;
        rhb_bytes_put(out, ", ", 2);
    }
    return len == 0 || put_escaped(out, value, len);
}

static bool put_dash_if_empty(struct rhb_bytes *out, size_t start)
{
    return out->len > start || put_dash(out);
}

static bool put_request_field(const struct rhb_access_line *line,
                              const struct rhb_access_item *item)
{
    const struct phr_request_head *head = line->entry->request;
    size_t start = line->out->len, count = head == NULL ? 0 : head->num_fields;
    for (size_t i = 0; i < count; i++) {
        const struct phr_header *field = &head->fields[i];
        if (is_field(field, item) && !put_joined(line->out, start, field->value, field->value_len))
            return false;
    }
    return put_dash_if_empty(line->out, start);
}

/* Writes a value, which ends at end, without the white space around it. */
static bool put_trimmed(struct rhb_bytes *out, size_t start, const char *value, const char *end)
{
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return put_joined(out, start, value, (size_t)(end - value));
}

static bool put_response_field(const struct rhb_access_line *line,
                               const struct rhb_access_item *item)
{
    const char *at = line->entry->response_head;
    size_t left = at == NULL ? 0 : line->entry->response_head_len, start = line->out->len;
    while (left > 0) {
        const char *end = memchr(at, '\n', left);
        size_t len = end == NULL ? left : (size_t)(end - at);
        if (len > item->name_len && at[item->name_len] == ':' &&
            rhb_same_name(at, item->name, item->name_len) &&
            !put_trimmed(line->out, start, at + item->name_len + 1, at + len))
            return false;
        len += end != NULL;
        at += len;
        left -= len;
    }
    return put_dash_if_empty(line->out, start);
}

static bool put_environ(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    const struct rhb_access_entry *entry = line->entry;
    if (entry->environ == NULL || entry->environ_len == NULL)
        return put_dash(line->out);
    return rhb_access_put_value(line->out, entry->environ[item->index],
                                entry->environ_len[item->index]);
}

static const struct phr_header *authorization(const struct phr_request_head *head)
{
    for (size_t i = 0; head != NULL && i < head->num_fields; i++)
        if (rhb_name_is(head->fields[i].name, head->fields[i].name_len, "authorization"))
            return &head->fields[i];
    return NULL;
}

static bool put_user(const struct rhb_access_line *line, const struct rhb_access_item *item)
{
    const struct phr_header *field = authorization(line->entry->request);
    struct rhb_bytes *out = line->out;
    size_t start = out->len;
    (void)item;
    if (field == NULL)
        return put_dash(out);
    if (!rhb_access_reserve(out, RHB_ACCESS_ESCAPED * field->value_len))
        return false;
    char *end = rhb_access_escape_user(out->data + start, field->value, field->value_len);
    if (end != NULL)
        out->len = (size_t)(end - out->data);
    return put_dash_if_empty(out, start);
}

/* ---- the table of atoms ---- */

static const struct {
    char letter;
    rhb_access_put *put;
    const char *field;
} atoms[] = {
    {'h', put_peer, NULL},
    {'u', put_user, NULL},
    {'t', put_time, NULL},
    {'r', put_request_line, NULL},
    {'m', put_method, NULL},
    {'U', put_path, NULL},
    {'q', put_query, NULL},
    {'H', put_protocol, NULL},
    {'s', put_status, NULL},
    {'B', put_body_bytes, NULL},
    {'b', put_body_or_dash, NULL},
    {'f', put_request_field, "referer"},
    {'a', put_request_field, "user-agent"},
    {'T', put_seconds, NULL},
    {'M', put_milliseconds, NULL},
    {'D', put_microseconds, NULL},
    {'L', put_fraction, NULL},
    {'p', put_pid, NULL},
};

bool rhb_access_atom(struct rhb_access_item *item, char letter)
{
    for (size_t i = 0; i < sizeof atoms / sizeof *atoms; i++)
        if (atoms[i].letter == letter) {
            item->put = atoms[i].put;
            item->name = atoms[i].field;
            item->name_len = item->name == NULL ? 0 : strlen(item->name);
            return true;
        }
    return false;
}

rhb_access_put *rhb_access_named_atom(char letter)
{
    switch (letter) {
    case 'i':
        return put_request_field;
    case 'o':
        return put_response_field;
    case 'e':
        return put_environ;
    case 't':
        return put_iso_time;
    default:
        return NULL;
    }
}
