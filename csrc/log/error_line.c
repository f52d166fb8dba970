#include "error_line.h"
#include "json.h"
#include "local_time.h"
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* Bytes of a message. */
enum { LONGEST_TEXT = PIPE_BUF - 160, LONGEST_JSON = LONGEST_TEXT / RHB_JSON_ESCAPED };

static int render_text(char *line, size_t cap, const char *message)
{
    char stamp[40] = "";
    time_t now = time(NULL);
    struct tm tm;
    if (localtime_r(&now, &tm) != NULL)
        strftime(stamp, sizeof stamp, "%Y-%m-%d %H:%M:%S %z", &tm);
    return snprintf(line, cap, "[%s] [%d] [WARNING] %.*s\n", stamp, (int)getpid(), LONGEST_TEXT,
                    message);
}

static int render_json(char *line, size_t cap, const char *message)
{
    char stamp[RHB_LOCAL_TIME], text[LONGEST_JSON * RHB_JSON_ESCAPED];
    struct rhb_bytes time_text = {.data = stamp, .cap = sizeof stamp};
    size_t len = strnlen(message, LONGEST_JSON);
    rhb_local_time_put_iso(&time_text, time(NULL));
    len = (size_t)(rhb_json_escape(text, message, len) - text);
    return snprintf(line, cap,
                    "{\"time\": \"%.*s\", \"level\": \"warning\", \"pid\": %d, "
                    "\"message\": \"%.*s\"}\n",
                    (int)time_text.len, stamp, (int)getpid(), (int)len, text);
}

static int render(char *line, size_t cap, enum rhb_error_form form, const char *message)
{
    if (form == RHB_ERROR_JSON)
        return render_json(line, cap, message);
    if (form == RHB_ERROR_PRIORITY)
        return snprintf(line, cap, "<4>%.*s\n", LONGEST_TEXT, message);
    return render_text(line, cap, message);
}

void rhb_error_line(int fd, enum rhb_error_form form, const char *message)
{
    char line[PIPE_BUF];
    int len = render(line, sizeof line, form, message);
    if (len > 0 && write(fd, line, (size_t)len) < 0)
        return; /* there is no other place for it */
}
