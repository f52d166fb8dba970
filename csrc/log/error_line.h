/* Lines of the error log that are written by C, in its two formats (rhebok/process/line.py). */
#ifndef RHB_ERROR_LINE_H
#define RHB_ERROR_LINE_H

#include <stdbool.h>

/* Writes a warning of this process to fd, with one write(2), since other processes write there too.
 * A message that is too long for PIPE_BUF is cut. */
void rhb_error_line(int fd, bool as_json, const char *message);

#endif
