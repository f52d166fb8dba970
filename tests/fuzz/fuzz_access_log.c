/* The access log: compiles a format and renders a line. Invariants: the offset of an error is
 * inside the format; a line is one line, and has, besides the text of the format, only printable
 * ASCII without quotes, and backslashes only in escapes; rendering again gives the same line.
 *
 * Input, separated by 0xFF: the format, a request head, a response head, the values of all
 * variables, numbers. */
#include "fuzz.h"
#include "log/format.h"

enum { SEPARATOR = 0xff, MAX_FIELDS = 16, MAX_VARIABLES = 64 };

/* An entry, and the data that it points to. */
struct exchange {
    struct rhb_access_entry entry;
    struct phr_request_head head;
    struct phr_header fields[MAX_FIELDS];
    const char *environ[MAX_VARIABLES];
    size_t environ_len[MAX_VARIABLES];
    char *response_head, *variable;
};

static uint64_t number(struct fuzz_input *in)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | fuzz_byte(in);
    return value;
}

static void check_request(struct exchange *all, struct fuzz_input *in)
{
    static const struct phr_limits limits = {.line = 4096, .head = 65536, .field = 4096};
    size_t len;
    const char *text = fuzz_until(in, SEPARATOR, &len);
    all->head = (struct phr_request_head){.fields = all->fields, .num_fields = MAX_FIELDS};
    if (phr_parse_request_strict(text, len, &limits, &all->head, 0) <= 0)
        return;
    fuzz_isolate(&all->head);
    all->entry.request = &all->head;
}

static void take_numbers(struct rhb_access_entry *entry, struct fuzz_input *in)
{
    entry->status = (int)(fuzz_byte(in) * 4u);
    entry->body_bytes = number(in);
    entry->duration_ns = number(in);
    entry->finished = (time_t)number(in);
    entry->pid = (pid_t)(number(in) & INT32_MAX);
}

static void exchange_take(struct exchange *all, struct fuzz_input *in)
{
    size_t len;
    *all = (struct exchange){0};
    check_request(all, in);
    const char *text = fuzz_until(in, SEPARATOR, &all->entry.response_head_len);
    all->response_head = fuzz_copy(text, all->entry.response_head_len);
    text = fuzz_until(in, SEPARATOR, &len);
    all->variable = fuzz_copy(text, len);
    for (size_t i = 0; i < MAX_VARIABLES; i++) {
        all->environ[i] = i % 2 ? NULL : all->variable;
        all->environ_len[i] = i % 2 ? 0 : len;
    }
    all->entry.response_head = all->response_head;
    all->entry.environ = all->environ;
    all->entry.environ_len = all->environ_len;
    all->entry.peer = all->variable;
    all->entry.peer_len = len;
    take_numbers(&all->entry, in);
}

static void exchange_free(struct exchange *all)
{
    if (all->entry.request != NULL)
        fuzz_free_isolated(&all->head);
    free(all->response_head);
    free(all->variable);
}

static bool is_json(const char *format)
{
    return strcmp(format, "json") == 0 || strncmp(format, "escape=json ", 12) == 0;
}

static bool is_plain(const char *format)
{
    for (; *format != '\0'; format++)
        if (*format < 0x20 || *format > 0x7e || *format == '"' || *format == '\\')
            return false;
    return true;
}

/* For a format without quotes and backslashes: the line must have none but those of escapes. */
static void check_line(const char *line, size_t len)
{
    MUST(len > 0 && line[len - 1] == '\n');
    for (size_t i = 0; i + 1 < len; i++) {
        MUST(line[i] >= 0x20 && line[i] <= 0x7e && line[i] != '"');
        MUST(line[i] != '\\' || (i + 3 < len && line[i + 1] == 'x'));
    }
}

/* What the format `json` brings in is known; clients must not be able to end a string. */
static void check_json(const char *line, size_t len)
{
    bool in_string = false;
    MUST(len > 2 && line[0] == '{' && line[len - 2] == '}' && line[len - 1] == '\n');
    for (size_t i = 0; i + 1 < len; i++) {
        MUST(line[i] >= 0x20 && line[i] <= 0x7e);
        in_string ^= line[i] == '"';
        MUST(line[i] != '\\' || (in_string && memcmp(line + i, "\\u00", 4) == 0));
    }
    MUST(!in_string);
}

static void render(const struct rhb_access_format *compiled, const char *format,
                   const struct rhb_access_entry *entry)
{
    struct rhb_access_second second = {0};
    struct rhb_bytes out = {0};
    MUST(rhb_access_format_render(compiled, &second, &out, entry));
    size_t len = out.len;
    MUST(rhb_access_format_render(compiled, &second, &out, entry));
    MUST(out.len == 2 * len && memcmp(out.data, out.data + len, len) == 0);
    if (strcmp(format, "json") == 0)
        check_json(out.data, len);
    else if (is_plain(format) && !is_json(format))
        check_line(out.data, len);
    rhb_bytes_free(&out);
}

static size_t count_variables(const struct rhb_access_format *compiled)
{
    size_t count = 0;
    while (rhb_access_format_environ_key(compiled, count) != NULL)
        count++;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {.at = data, .len = size};
    const char *error;
    size_t len, error_at;
    const char *text = fuzz_until(&in, SEPARATOR, &len);
    char *format = strndup(text, len);
    struct rhb_access_format *compiled = rhb_access_format_new(format, &error, &error_at);
    MUST((compiled == NULL) == (error != NULL) && error_at <= strlen(format));
    if (compiled != NULL && count_variables(compiled) <= MAX_VARIABLES) {
        struct exchange all;
        exchange_take(&all, &in);
        render(compiled, format, &all.entry);
        exchange_free(&all);
    }
    rhb_access_format_free(compiled);
    free(format);
    return 0;
}
