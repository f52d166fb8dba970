#define _GNU_SOURCE /* memrchr */
#include "media_type.h"
#include "http/field_name.h"
#include <stdlib.h>

struct row {
    const char *extension, *type;
};

/* Sorted by extension. */
static const struct row rows[] = {
    {"7z", "application/x-7z-compressed"},
    {"aac", "audio/aac"},
    {"apng", "image/apng"},
    {"atom", "application/atom+xml"},
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"},
    {"bz2", "application/x-bzip2"},
    {"cjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"doc", "application/msword"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"eot", "application/vnd.ms-fontobject"},
    {"epub", "application/epub+zip"},
    {"flac", "audio/flac"},
    {"geojson", "application/geo+json"},
    {"gif", "image/gif"},
    {"glb", "model/gltf-binary"},
    {"gltf", "model/gltf+json"},
    {"gz", "application/gzip"},
    {"heic", "image/heic"},
    {"heif", "image/heif"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/x-icon"},
    {"ics", "text/calendar; charset=utf-8"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"jsonld", "application/ld+json"},
    {"jxl", "image/jxl"},
    {"m3u8", "application/vnd.apple.mpegurl"},
    {"m4a", "audio/mp4"},
    {"m4v", "video/mp4"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mid", "audio/midi"},
    {"midi", "audio/midi"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mkv", "video/matroska"},
    {"mov", "video/quicktime"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"mpd", "application/dash+xml"},
    {"ndjson", "application/x-ndjson"},
    {"odp", "application/vnd.oasis.opendocument.presentation"},
    {"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    {"odt", "application/vnd.oasis.opendocument.text"},
    {"oga", "audio/ogg"},
    {"ogg", "audio/ogg"},
    {"ogv", "video/ogg"},
    {"opus", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"ppt", "application/vnd.ms-powerpoint"},
    {"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    {"rar", "application/vnd.rar"},
    {"rss", "application/rss+xml"},
    {"rtf", "application/rtf"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"tgz", "application/gzip"},
    {"tif", "image/tiff"},
    {"tiff", "image/tiff"},
    {"toml", "application/toml"},
    {"ts", "video/mp2t"},
    {"ttc", "font/collection"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"usdz", "model/vnd.usdz+zip"},
    {"vcf", "text/vcard; charset=utf-8"},
    {"vtt", "text/vtt; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"weba", "audio/webm"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xhtml", "application/xhtml+xml"},
    {"xls", "application/vnd.ms-excel"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"xsl", "application/xslt+xml"},
    {"xz", "application/x-xz"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
};

enum {
    LONGEST = 12, /* bytes of an extension, with its NUL */

    /* digits of a hash: behind a hyphen more, since UUIDs have such parts, and at the beginning
     * more than an identifier usually has */
    BETWEEN_DOTS = 8,
    ALONE = 16,
    BEHIND_HYPHEN = 32,
    LONGEST_HASH = 64
};

static int compare(const void *key, const void *row)
{
    return strcmp(key, ((const struct row *)row)->extension);
}

const char *rhb_media_type(const char *name, size_t len)
{
    char extension[LONGEST];
    const char *dot = memrchr(name, '.', len), *end = name + len;
    const struct row *row = NULL;
    if (dot != NULL && end - dot - 1 < LONGEST) {
        size_t size = (size_t)(end - dot - 1);
        for (size_t i = 0; i < size; i++) {
            char byte = dot[1 + i];
            extension[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
        }
        extension[size] = '\0';
        row = bsearch(extension, rows, sizeof rows / sizeof *rows, sizeof *rows, compare);
    }
    return row != NULL ? row->type : "application/octet-stream";
}

/* At least `least` hexadecimal digits, with a letter and a digit: a date has no letter, a word no
 * digit. */
static bool is_hash(const char *part, size_t len, size_t least)
{
    bool letters = false, digits = false;
    if (len < least || len > LONGEST_HASH)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool digit = part[i] >= '0' && part[i] <= '9', letter = part[i] >= 'a' && part[i] <= 'f';
        if (!digit && !letter)
            return false;
        letters |= letter;
        digits |= digit;
    }
    return letters && digits;
}

bool rhb_name_has_hash(const char *name, size_t len)
{
    const char *slash = memrchr(name, '/', len), *first = slash != NULL ? slash + 1 : name;
    const char *extension = memrchr(name, '.', len), *part = first;
    while (extension != NULL && part < extension) {
        const char *dot = memchr(part, '.', (size_t)(extension + 1 - part));
        const char *hyphen = memrchr(part, '-', (size_t)(dot - part));
        if (is_hash(part, (size_t)(dot - part), part == first ? ALONE : BETWEEN_DOTS))
            return true;
        if (hyphen != NULL && is_hash(hyphen + 1, (size_t)(dot - hyphen - 1), BEHIND_HYPHEN))
            return true;
        part = dot + 1;
    }
    return false;
}
