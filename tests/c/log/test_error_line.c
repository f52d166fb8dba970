/* csrc/log/error_line.c: one line in one write, in either format, whatever is in the message. */
#include "harness.h"
#include "log/error_line.h"
#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <unistd.h>

/* What is written to a pipe for the message. */
static size_t written(struct rhb_test *t, char *to, size_t cap, enum rhb_error_form form,
                      const char *message)
{
    int ends[2];
    if (!CHECK_INT(pipe(ends), 0))
        return 0;
    rhb_error_line(ends[1], form, message);
    ssize_t got = read(ends[0], to, cap - 1);
    close(ends[0]);
    close(ends[1]);
    to[got > 0 ? got : 0] = '\0';
    return got > 0 ? (size_t)got : 0;
}

static void check_matches(struct rhb_test *t, const char *text, const char *pattern)
{
    regex_t compiled;
    if (!CHECK_INT(regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB), 0))
        return;
    if (!CHECK_INT(regexec(&compiled, text, 0, NULL, 0), 0))
        rhb_note(t, "%s does not match %s", text, pattern);
    regfree(&compiled);
}

static void text_has_the_columns_of_the_error_log(struct rhb_test *t)
{
    char line[PIPE_BUF + 1];
    written(t, line, sizeof line, RHB_ERROR_TEXT, "a \"b\"");
    check_matches(t, line,
                  "^\\[[-0-9]{10} [:0-9]{8} [-+][0-9]{4}\\] \\[[0-9]+\\] \\[WARNING\\] "
                  "a \"b\"\n$");
}

static void json_has_the_members_of_the_error_log(struct rhb_test *t)
{
    char line[PIPE_BUF + 1];
    written(t, line, sizeof line, RHB_ERROR_JSON, "a \"b\"\\\n\xff");
    check_matches(t, line,
                  "^\\{\"time\": \"[-0-9]{10}T[:0-9]{8}[-+][0-9]{2}:[0-9]{2}\", \"level\": "
                  "\"warning\", \"pid\": [0-9]+, \"message\": "
                  "\"a \\\\u0022b\\\\u0022\\\\u005C\\\\u000A\\\\u00FF\"\\}\n$");
}

static void for_the_journal_the_priority_is_in_front(struct rhb_test *t)
{
    char line[PIPE_BUF + 1];
    size_t len = written(t, line, sizeof line, RHB_ERROR_PRIORITY, "a \"b\"");
    CHECK_STR(line, len, "<4>a \"b\"\n");
}

static void a_long_message_is_cut_and_its_line_is_whole(struct rhb_test *t)
{
    char line[2 * PIPE_BUF], message[2 * PIPE_BUF];
    memset(message, '"', sizeof message);
    message[sizeof message - 1] = '\0';
    for (int form = RHB_ERROR_TEXT; form <= RHB_ERROR_PRIORITY; form++) {
        size_t len = written(t, line, sizeof line, (enum rhb_error_form)form, message);
        CHECK(len > PIPE_BUF - 200 && len <= PIPE_BUF);
        CHECK_INT(line[len - 1], '\n');
        CHECK(form != RHB_ERROR_JSON || strcmp(line + len - 3, "\"}\n") == 0);
    }
}

int main(void)
{
    static const struct rhb_case cases[] = {
        RHB_CASE(text_has_the_columns_of_the_error_log),
        RHB_CASE(json_has_the_members_of_the_error_log),
        RHB_CASE(for_the_journal_the_priority_is_in_front),
        RHB_CASE(a_long_message_is_cut_and_its_line_is_whole),
    };
    return RHB_RUN(cases);
}
