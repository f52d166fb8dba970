/* csrc/files/file_path.c: which paths may name a file. */
#include "files/file_path.h"
#include "harness.h"
#include "http/target.h"

static const struct {
    const char *raw; /* behind the prefix, as it is sent */
    enum rhb_file_path kind;
} paths[] = {
    {"app.css", RHB_PATH_NAMES},
    {"a/b/c.js", RHB_PATH_NAMES},
    {"a.b..c", RHB_PATH_NAMES},
    {"a...", RHB_PATH_NAMES},
    {"~a", RHB_PATH_NAMES},
    {"a b", RHB_PATH_NAMES},
    {"a%20b", RHB_PATH_NAMES},
    {"%61.css", RHB_PATH_NAMES},
    {"a%25.css", RHB_PATH_NAMES},
    {"a%252f..%252fb", RHB_PATH_NAMES}, /* decoded once only: a name with percent signs */
    {"\xc3\xa9.css", RHB_PATH_NAMES},
    {"%c3%a9.css", RHB_PATH_NAMES},
    {"a\x01", RHB_PATH_NAMES},
    {"", RHB_PATH_NO_FILE},
    {"/", RHB_PATH_NO_FILE},
    {"/a", RHB_PATH_NO_FILE},
    {"a/", RHB_PATH_NO_FILE},
    {"a//b", RHB_PATH_NO_FILE},
    {".", RHB_PATH_NO_FILE},
    {"..", RHB_PATH_NO_FILE},
    {"../a", RHB_PATH_NO_FILE},
    {"a/..", RHB_PATH_NO_FILE},
    {"a/../b", RHB_PATH_NO_FILE},
    {"a/./b", RHB_PATH_NO_FILE},
    {"%2e%2e/a", RHB_PATH_NO_FILE},
    {"%2E./a", RHB_PATH_NO_FILE},
    {".%2e/a", RHB_PATH_NO_FILE},
    {".git/config", RHB_PATH_NO_FILE},
    {"a/.htaccess", RHB_PATH_NO_FILE},
    {"%2egit", RHB_PATH_NO_FILE},
    {"a%2fb", RHB_PATH_NO_FILE},
    {"a%2Fb", RHB_PATH_NO_FILE},
    {"..%2fa", RHB_PATH_NO_FILE},
    {"..\\a", RHB_PATH_NO_FILE},
    {"a\\b", RHB_PATH_NO_FILE},
    {"a%5cb", RHB_PATH_NO_FILE},
    {"%00", RHB_PATH_BAD},
    {"a.css%00.png", RHB_PATH_BAD},
    {"../%00", RHB_PATH_BAD},
};

static enum rhb_file_path kind_of(const char *raw)
{
    struct rhb_guard sent = rhb_guard_new(64), below = rhb_guard_new(64);
    char decoded[64];
    size_t raw_len = strlen(raw);
    ssize_t len = rhb_percent_decode(decoded, raw, raw_len);
    enum rhb_file_path kind =
        rhb_file_path_check(rhb_guard_put(&sent, raw, raw_len), raw_len,
                            rhb_guard_put(&below, decoded, (size_t)len), (size_t)len);
    rhb_guard_free(&sent);
    rhb_guard_free(&below);
    return kind;
}

static void a_path_names_a_file_or_it_does_not(struct rhb_test *t)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (!CHECK_INT(kind_of(paths[i].raw), paths[i].kind))
            rhb_note(t, "%s", paths[i].raw);
}

static const struct rhb_case cases[] = {
    RHB_CASE(a_path_names_a_file_or_it_does_not),
};

int main(void)
{
    return RHB_RUN(cases);
}
