#include "format.h"
#include "atoms.h"
#include "json.h"
#include "own_atoms.h"
#include <stdlib.h>

/* Literals of up to so many bytes are copied with one copy of this fixed size; the text is padded
 * for that. */
#define SHORT_LITERAL 16

struct rhb_access_format {
    char *text; /* literals and names */
    const char **environ;
    size_t environ_count;
    bool json;
    struct rhb_access_item items[]; /* the last one is a literal without an atom */
};

/* The state of the compiler. */
struct source {
    const char *at; /* in the format, what is compiled next */
    struct rhb_access_format *format;
    struct rhb_access_item *item; /* that is being compiled */
    char *text;                   /* the end of format->text so far */
    const char *error;
    bool json;
    struct rhb_json_place place; /* in JSON */
};

static bool refuse(struct source *source, const char *error)
{
    source->error = error;
    return false;
}

static void add_literal(struct source *source, char c)
{
    *source->text++ = c;
    source->item->text_len++;
    rhb_json_step(&source->place, c);
}

/* The item has its atom. The literal of the next item starts at the end of the text. */
static void next_item(struct source *source, char letter)
{
    if (source->json)
        rhb_access_json_atom(source->item, letter, source->place.in_string);
    source->item++;
    source->item->text = source->text;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Appends a name to the text, with a NUL; folded: in lower case. */
static void add_name(struct source *source, const char *name, size_t len, bool folded)
{
    source->item->name = source->text;
    source->item->name_len = len;
    for (size_t i = 0; i < len; i++)
        *source->text++ = folded ? lower(name[i]) : name[i];
    *source->text++ = '\0';
}

/* The index of the variable, which is added if it is not in the list yet. */
static size_t environ_index(struct rhb_access_format *format, const char *name)
{
    size_t i = 0;
    while (i < format->environ_count && strcmp(format->environ[i], name) != 0)
        i++;
    if (i == format->environ_count)
        format->environ[format->environ_count++] = name;
    return i;
}

/* {name}x */
static bool compile_own(struct source *source, const char *name, size_t len)
{
    const struct rhb_access_own_atom *atom = rhb_access_own_atom(name, len);
    if (atom == NULL)
        return false;
    source->item->put = atom->put;
    next_item(source, atom->is_number ? 'L' : 'x');
    return true;
}

/* {name}letter, from the brace to before the closing parenthesis. */
static bool compile_named(struct source *source, const char *brace, const char *end)
{
    const char *name = brace + 1, *close = end - 2;
    if (close <= name || *close != '}')
        return false;
    if (end[-1] == 'x')
        return compile_own(source, name, (size_t)(close - name));
    source->item->put = rhb_access_named_atom(end[-1]);
    if (source->item->put == NULL)
        return false;
    if (end[-1] == 't' && !rhb_access_is_time(name, (size_t)(close - name)))
        return refuse(source, "a time can be named iso only");
    rhb_access_put *all = rhb_access_all_fields(name, (size_t)(close - name), end[-1]);
    if (all != NULL)
        source->item->put = all;
    add_name(source, name, (size_t)(close - name), end[-1] != 'e');
    if (end[-1] == 'e')
        source->item->index = environ_index(source->format, source->item->name);
    if (source->format->environ_count > RHB_ACCESS_VARIABLES)
        return refuse(source, "more environ variables than one format can have");
    next_item(source, end[-1]);
    return true;
}

/* Whether an atom here is a JSON value by itself, rather than a part of a string. */
static bool is_value(const struct source *source)
{
    return source->json && !source->place.in_string;
}

/* What is not known: "-", as gunicorn has it. */
static void add_nothing(struct source *source)
{
    for (const char *nothing = is_value(source) ? "null" : "-"; *nothing != '\0'; nothing++)
        add_literal(source, *nothing);
}

/* l, the user name from identd, is never known. JSON has numbers, so b is B there. */
static bool compile_plain(struct source *source, const char *letter, const char *end)
{
    if (end - letter != 1)
        return false;
    if (*letter == 'l') {
        add_nothing(source);
        return true;
    }
    char meant = source->json && *letter == 'b' ? 'B' : *letter;
    if (!rhb_access_atom(source->item, meant))
        return false;
    next_item(source, meant);
    return true;
}

static bool compile_atom(struct source *source)
{
    const char *inside = source->at + 2, *end = strchr(inside, ')');
    if (end == NULL)
        return refuse(source, "%( without its closing parenthesis");
    if (end[1] != 's')
        return refuse(source, "%(...) is to be followed by s");
    bool known =
        *inside == '{' ? compile_named(source, inside, end) : compile_plain(source, inside, end);
    if (!known && source->error != NULL)
        return false;
    if (!known)
        add_nothing(source);
    source->at = end + 2;
    return true;
}

static bool compile_percent(struct source *source)
{
    if (source->at[1] == '(')
        return compile_atom(source);
    if (source->at[1] != '%')
        return refuse(source, "a lone %, to be written as %%");
    add_literal(source, '%');
    source->at += 2;
    return true;
}

static bool compile(struct source *source)
{
    source->item->text = source->text;
    while (*source->at != '\0')
        if (*source->at != '%')
            add_literal(source, *source->at++);
        else if (!compile_percent(source))
            return false;
    add_literal(source, '\n');
    return true;
}

/* Literals and names are never longer than their source, except for the line end. */
static struct rhb_access_format *allocate(const char *source)
{
    size_t len = strlen(source), atoms = 0;
    for (const char *at = source; *at != '\0'; at++)
        atoms += *at == '%';
    struct rhb_access_format *format =
        calloc(1, sizeof *format + (atoms + 1) * sizeof *format->items);
    if (format == NULL)
        return NULL;
    format->text = calloc(1, len + 1 + SHORT_LITERAL);
    format->environ = calloc(atoms + 1, sizeof *format->environ);
    if (format->text != NULL && format->environ != NULL)
        return format;
    rhb_access_format_free(format);
    return NULL;
}

/* Whether the format is `json`, or follows `escape=json `. *text is put on what is to be compiled.
 */
static bool is_json(const char **text)
{
    static const char prefix[] = "escape=json ";
    if (strcmp(*text, "json") == 0)
        *text = rhb_access_json_format;
    else if (strncmp(*text, prefix, sizeof prefix - 1) == 0)
        *text += sizeof prefix - 1;
    else
        return false;
    return true;
}

struct rhb_access_format *rhb_access_format_new(const char *text, const char **error,
                                                size_t *error_at)
{
    const char *whole = text;
    bool json = is_json(&text);
    struct rhb_access_format *format = allocate(text);
    *error = NULL;
    *error_at = 0;
    if (format == NULL)
        return NULL;
    format->json = json;
    struct source source = {
        .at = text, .format = format, .item = format->items, .text = format->text, .json = json};
    if (compile(&source))
        return format;
    *error = source.error;
    *error_at = (size_t)(source.at - whole);
    rhb_access_format_free(format);
    return NULL;
}

const char *rhb_access_format_environ_key(const struct rhb_access_format *format, size_t index)
{
    return index < format->environ_count ? format->environ[index] : NULL;
}

bool rhb_access_format_is_json(const struct rhb_access_format *format)
{
    return format->json;
}

static bool put_literal(struct rhb_bytes *out, const char *text, size_t len)
{
    if (!rhb_access_reserve(out, len))
        return false;
    if (len <= SHORT_LITERAL)
        memcpy(out->data + out->len, text, SHORT_LITERAL);
    else
        memcpy(out->data + out->len, text, len);
    out->len += len;
    return true;
}

bool rhb_access_format_render(const struct rhb_access_format *format,
                              struct rhb_access_second *second, struct rhb_bytes *out,
                              const struct rhb_access_entry *entry)
{
    const struct rhb_access_line line = {.out = out, .entry = entry, .second = second};
    const struct rhb_access_item *item = format->items;
    for (; item->put != NULL; item++)
        if (!put_literal(out, item->text, item->text_len) || !item->put(&line, item))
            return false;
    return put_literal(out, item->text, item->text_len);
}

void rhb_access_format_free(struct rhb_access_format *format)
{
    if (format == NULL)
        return;
    free(format->environ);
    free(format->text);
    free(format);
}
