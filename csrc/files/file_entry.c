#include "file_entry.h"
#include "base/clock.h"
#include "beneath.h"
#include "media_type.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { FIELDS = 512 /* bytes of all rendered fields, at most */ };

static const struct {
    const char *extension, *tag;
} forms[RHB_CODINGS + 1] = {
    [RHB_BROTLI] = {".br", "-br"},
    [RHB_ZSTD] = {".zst", "-zst"},
    [RHB_GZIP] = {".gz", "-gz"},
    [RHB_IDENTITY] = {"", ""},
};

/* ---- fields ---- */

static void put(struct rhb_bytes *out, const char *name, const char *value)
{
    rhb_bytes_put(out, name, strlen(name));
    rhb_bytes_put(out, ": ", 2);
    rhb_bytes_put(out, value, strlen(value));
    rhb_bytes_put(out, "\r\n", 2);
}

static void put_cache_control(struct rhb_bytes *out, const struct rhb_file_entry *entry)
{
    char value[64];
    if (entry->site->immutable && !entry->site->uploads &&
        rhb_name_has_hash(entry->path, entry->path_len)) {
        put(out, "Cache-Control", "public, max-age=31536000, immutable");
    } else if (entry->site->max_age >= 0) {
        snprintf(value, sizeof value, "public, max-age=%" PRId64, entry->site->max_age);
        put(out, "Cache-Control", value);
    }
}

static bool render(struct rhb_file_entry *entry, int coding)
{
    struct rhb_file_form *form = &entry->forms[coding];
    struct rhb_bytes *out = &form->fields;
    char date[RHB_DATE_LEN + 1];
    if (!rhb_bytes_reserve(out, FIELDS))
        return false;
    put(out, "Content-Type", rhb_media_type(entry->path, entry->path_len));
    if (coding != RHB_IDENTITY)
        put(out, "Content-Encoding", rhb_coding_names[coding]);
    if (form->file.validators.has_modified) {
        rhb_date_write(date, form->file.validators.modified);
        put(out, "Last-Modified", date);
    }
    put(out, "Accept-Ranges", "bytes");
    if (entry->site->uploads)
        put(out, "X-Content-Type-Options", "nosniff");
    form->kept = out->len;
    if (entry->there != 0)
        put(out, "Vary", "Accept-Encoding");
    put_cache_control(out, entry);
    put(out, "ETag", form->file.etag);
    return true;
}

/* ---- opening ---- */

/* The path of one form, with a NUL. */
static const char *path_of(const struct rhb_file_entry *entry, int coding, char *out, size_t cap)
{
    int len = snprintf(out, cap, "%s%s", entry->path, forms[coding].extension);
    return len > 0 && (size_t)len < cap ? out : NULL;
}

static int open_form(const struct rhb_file_entry *entry, int coding, bool supported,
                     struct stat *status)
{
    char path[4096];
    const char *found = path_of(entry, coding, path, sizeof path);
    if (coding != RHB_IDENTITY && entry->site->uploads)
        return -ENOENT;
    return found == NULL ? -ENOENT
                         : rhb_beneath_open(entry->site->directory, found, supported, status);
}

/* Returns 0, also when a coding is not there, or a negative errno. */
static int load_form(struct rhb_file_entry *entry, int coding, bool supported)
{
    struct rhb_file_form *form = &entry->forms[coding];
    struct stat status;
    int fd = open_form(entry, coding, supported, &status), error;
    if (fd == -ENOENT && coding != RHB_IDENTITY)
        return 0;
    if (fd < 0)
        return fd;
    error = rhb_open_file_init(&form->file, fd, &status, forms[coding].tag, RHB_FILE_IN_MEMORY);
    if (error != 0)
        return error;
    if (coding != RHB_IDENTITY)
        entry->there |= 1u << coding;
    entry->descriptors += form->file.fd >= 0;
    entry->bytes += form->file.data != NULL ? form->file.size : 0;
    return 0;
}

static int load(struct rhb_file_entry *entry, bool supported)
{
    int error = load_form(entry, RHB_IDENTITY, supported);
    for (int coding = 0; error == 0 && coding < RHB_CODINGS; coding++)
        error = load_form(entry, coding, supported);
    for (int coding = 0; error == 0 && coding <= RHB_CODINGS; coding++)
        if ((coding == RHB_IDENTITY || entry->there & 1u << coding) && !render(entry, coding))
            error = -ENOMEM;
    return error;
}

static struct rhb_file_entry *new_entry(const struct rhb_site *site, const char *path, size_t len)
{
    struct rhb_file_entry *entry = calloc(1, sizeof *entry + len + 1);
    if (entry == NULL)
        return NULL;
    entry->site = site;
    entry->answers = 1;
    entry->path_len = len;
    memcpy(entry->path, path, len);
    for (int coding = 0; coding <= RHB_CODINGS; coding++) {
        entry->forms[coding].file.fd = -1;
        entry->forms[coding].entry = entry;
    }
    return entry;
}

struct rhb_file_entry *rhb_file_entry_open(const struct rhb_site *site, const char *path,
                                           size_t len, bool supported, int *error)
{
    struct rhb_file_entry *entry = new_entry(site, path, len);
    *error = entry == NULL ? -ENOMEM : load(entry, supported);
    if (*error == 0)
        return entry;
    if (entry != NULL)
        rhb_file_entry_release(entry);
    return NULL;
}

static int check_form(const struct rhb_file_entry *entry, int coding, bool supported)
{
    bool was_there = coding == RHB_IDENTITY || entry->there & 1u << coding;
    struct stat status;
    int fd = open_form(entry, coding, supported, &status);
    if (fd == -ENOENT)
        return was_there ? -ENOENT : 0;
    if (fd < 0)
        return fd;
    close(fd);
    return was_there && rhb_open_file_is_current(&entry->forms[coding].file, &status) ? 0 : -ENOENT;
}

bool rhb_file_entry_is_current(const struct rhb_file_entry *entry, bool supported, int *error)
{
    *error = 0;
    for (int coding = 0; *error == 0 && coding <= RHB_CODINGS; coding++)
        *error = check_form(entry, coding, supported);
    return *error == 0;
}

/* ---- the end ---- */

/* Not while somebody has the entry who is still to choose a form. */
static void close_unused(struct rhb_file_entry *entry)
{
    unsigned sent = 0;
    for (int coding = 0; coding <= RHB_CODINGS; coding++)
        sent += entry->forms[coding].answers;
    if (sent < entry->answers)
        return;
    for (int coding = 0; coding <= RHB_CODINGS; coding++)
        if (entry->forms[coding].answers == 0)
            rhb_open_file_free(&entry->forms[coding].file);
}

void rhb_file_form_release(void *held)
{
    struct rhb_file_form *form = held;
    form->answers--;
    rhb_file_entry_release(form->entry);
}

void rhb_file_entry_leave(struct rhb_file_entry *entry)
{
    entry->left = true;
    rhb_file_entry_release(entry);
}

void rhb_file_entry_release(struct rhb_file_entry *entry)
{
    if (--entry->answers > 0) {
        if (entry->left)
            close_unused(entry);
        return;
    }
    for (int coding = 0; coding <= RHB_CODINGS; coding++) {
        rhb_open_file_free(&entry->forms[coding].file);
        rhb_bytes_free(&entry->forms[coding].fields);
    }
    free(entry);
}
