/* csrc/files/media_type.c: media types, and names with a hash. */
#include "files/media_type.h"
#include "harness.h"

static const struct {
    const char *name, *type;
} types[] = {
    {"app.css", "text/css; charset=utf-8"},
    {"a/b/App.JS", "text/javascript; charset=utf-8"},
    {"x.7z", "application/x-7z-compressed"},
    {"x.zst", "application/zstd"},
    {"x.tar.gz", "application/gzip"},
    {"font.woff2", "font/woff2"},
    {"site.webmanifest", "application/manifest+json"},
    {"x.cjs", "text/javascript; charset=utf-8"},
    {"x.mkv", "video/matroska"},
    {"x.usdz", "model/vnd.usdz+zip"},
    {"x.xz", "application/x-xz"},
    {"x.unknown", "application/octet-stream"},
    {"x.averylongextension", "application/octet-stream"},
    {"README", "application/octet-stream"},
    {"x.", "application/octet-stream"},
    {"a.css/b", "application/octet-stream"},
    {"", "application/octet-stream"},
};

static void a_type_is_found_by_the_extension(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(64);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t len = strlen(types[i].name);
        const char *found = rhb_media_type(rhb_guard_put(&guard, types[i].name, len), len);
        if (!CHECK_STR(found, strlen(found), types[i].type))
            rhb_note(t, "%s", types[i].name);
    }
    rhb_guard_free(&guard);
}

static const struct {
    const char *name;
    bool has_hash;
} names[] = {
    {"css/app.3f2a1b4c5d6e.css", true},   /* Django's manifest storage */
    {"main.8e6b3f0a.js", true},           /* webpack, 8 digits */
    {"8e6b3f0a.chunk.js", false},         /* at the beginning an identifier, perhaps */
    {"3f2a1b4c5d6e7f809a1b.woff2", true}, /* webpack: [contenthash][ext] */
    {"assets/js/3f2a1b4c5d6e7f809a1b.js", true},
    {"assets/8e6b3f0a.chunk.js", false},
    {"v1.3f2a1b4c5d6e.d/app.css", false}, /* of a directory */
    {"v1.3f2a1b4c5d6e.d/app", false},
    {"787.8e6b3f0a.chunk.js", true},
    {"main.8e6b3f0a.js.map", true},
    {"app-0123456789abcdef0123456789abcdef.css", true}, /* Sprockets */
    {"app.css", false},
    {"jquery-3.7.1.min.js", false},
    {"report.20240101.pdf", false},                      /* a date */
    {"a.deadbeef.css", false},                           /* a word */
    {"a.3f2a1b4.css", false},                            /* too short */
    {"a.3F2A1B4C5D6E.css", false},                       /* tools write lower case */
    {"550e8400-e29b-41d4-a716-44665544abcd.jpg", false}, /* a UUID */
    {"3f2a1b4c5d6e", false},                             /* no extension */
    {"a.3f2a1b4c5d6e", false},                           /* the extension itself */
    {".", false},
    {"", false},
};

static void a_hash_is_told_from_other_parts_of_a_name(struct rhb_test *t)
{
    struct rhb_guard guard = rhb_guard_new(64);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i].name);
        if (!CHECK_INT(rhb_name_has_hash(rhb_guard_put(&guard, names[i].name, len), len),
                       names[i].has_hash))
            rhb_note(t, "%s", names[i].name);
    }
    rhb_guard_free(&guard);
}

static const struct rhb_case cases[] = {
    RHB_CASE(a_type_is_found_by_the_extension),
    RHB_CASE(a_hash_is_told_from_other_parts_of_a_name),
};

int main(void)
{
    return RHB_RUN(cases);
}
