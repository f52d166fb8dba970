#include "file_path.h"
#include <stdbool.h>
#include <string.h>

static bool has_encoded_slash(const char *raw, size_t len)
{
    const char *end = raw + len, *at = raw;
    while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
        if (end - at >= 3 && at[1] == '2' && (at[2] | 0x20) == 'f')
            return true;
        at++;
    }
    return false;
}

/* One name, from `at` to the next slash or the end. */
static bool is_name(const char *at, size_t len)
{
    return len > 0 && at[0] != '.' && memchr(at, '\\', len) == NULL;
}

static bool are_names(const char *path, size_t len)
{
    const char *end = path + len;
    for (;;) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        if (!is_name(path, (size_t)((slash ? slash : end) - path)))
            return false;
        if (slash == NULL)
            return true;
        path = slash + 1;
    }
}

enum rhb_file_path rhb_file_path_check(const char *raw, size_t raw_len, const char *path,
                                       size_t len)
{
    if (memchr(path, '\0', len) != NULL)
        return RHB_PATH_BAD;
    if (!are_names(path, len) || has_encoded_slash(raw, raw_len))
        return RHB_PATH_NO_FILE;
    return RHB_PATH_NAMES;
}
