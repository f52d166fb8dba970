/* Lines of the error log that are written by C, in its formats (rhebok/process/error_writer.py). */
#ifndef RHB_ERROR_LINE_H
#define RHB_ERROR_LINE_H

enum rhb_error_form {
    RHB_ERROR_TEXT,
    RHB_ERROR_JSON,
    RHB_ERROR_PRIORITY /* with <4> in front, for stderr that is systemd's journal */
};

/* Writes a warning of this process to fd, with one write(2), since other processes write there too.
 * A message that is too long for PIPE_BUF is cut. */
void rhb_error_line(int fd, enum rhb_error_form form, const char *message);

#endif
