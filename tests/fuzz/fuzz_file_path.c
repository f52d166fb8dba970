/* The paths of files. Invariant: what may name a file is, read in the simplest way, names below a
 * directory, none of them hidden.
 *
 * Input: the path as it is sent, behind the prefix of the directory. */
#include "files/file_path.h"
#include "files/media_type.h"
#include "fuzz.h"
#include "http/target.h"

static bool is_plain_name(const char *name, size_t len)
{
    return len > 0 && name[0] != '.' && memchr(name, '\\', len) == NULL &&
           memchr(name, '\0', len) == NULL;
}

static bool are_plain_names(const char *path, size_t len)
{
    size_t start = 0;
    for (size_t at = 0; at <= len; at++) {
        if (at < len && path[at] != '/')
            continue;
        if (!is_plain_name(path + start, at - start))
            return false;
        start = at + 1;
    }
    return true;
}

static bool has_escaped_slash(const char *raw, size_t len)
{
    for (size_t at = 0; at + 3 <= len; at++)
        if (memcmp(raw + at, "%2f", 3) == 0 || memcmp(raw + at, "%2F", 3) == 0)
            return true;
    return false;
}

static void check_names(const char *path, size_t len)
{
    const char *type = rhb_media_type(path, len);
    MUST(strchr(type, '/') != NULL);
    if (rhb_name_has_hash(path, len))
        MUST(memchr(path, '.', len) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *raw = fuzz_copy((const char *)data, size), *decoded = malloc(size + 1);
    ssize_t len = rhb_percent_decode(decoded, raw, size);
    if (len >= 0) {
        char *path = fuzz_copy(decoded, (size_t)len);
        enum rhb_file_path kind = rhb_file_path_check(raw, size, path, (size_t)len);
        bool has_nul = len > 0 && memchr(path, '\0', (size_t)len) != NULL;
        MUST((kind == RHB_PATH_BAD) == has_nul);
        MUST((kind == RHB_PATH_NAMES) ==
             (are_plain_names(path, (size_t)len) && !has_escaped_slash(raw, size)));
        if (kind == RHB_PATH_NAMES)
            check_names(path, (size_t)len);
        free(path);
    }
    free(raw);
    free(decoded);
    return 0;
}
