#include "file_reply.h"
#include "http/content.h"

/* ---- heads ---- */

static bool begin(struct rhb_answer *answer, const char *status, uint64_t length)
{
    if (rhb_head_begin(&answer->head, answer->head.out, status, strlen(status)) != RHB_HEAD_OK)
        return false;
    answer->head.has_length = true;
    answer->head.content_length = length;
    return true;
}

/* A field that is ours, and so needs no check. */
static bool put_field(struct rhb_answer *answer, const char *line)
{
    return rhb_bytes_append(answer->head.out, line, strlen(line));
}

static bool put_fields(struct rhb_answer *answer, const struct rhb_file_form *form, size_t from)
{
    return rhb_bytes_append(answer->head.out, form->fields.data + from, form->fields.len - from);
}

/* ---- without a file ---- */

static const struct {
    int status;
    const char *line, *body;
} texts[] = {
    {400, "400 Bad Request", "Bad Request\n"},
    {404, "404 Not Found", "Not Found\n"},
    {405, "405 Method Not Allowed", "Method Not Allowed\n"},
    {412, "412 Precondition Failed", "Precondition Failed\n"},
    {416, "416 Range Not Satisfiable", "Range Not Satisfiable\n"},
    {503, "503 Service Unavailable", "Service Unavailable\n"},
};

static bool begin_text(int status, struct rhb_answer *answer)
{
    size_t row = 0;
    while (texts[row].status != status)
        row++;
    answer->data = texts[row].body;
    answer->len = strlen(texts[row].body);
    return begin(answer, texts[row].line, answer->len) &&
           put_field(answer, "Content-Type: text/plain; charset=utf-8\r\n") &&
           (status != 405 || put_field(answer, "Allow: GET, HEAD\r\n"));
}

bool rhb_file_reply_without(int status, const struct rhb_question *question,
                            struct rhb_answer *answer)
{
    rhb_answer_begin(answer, question);
    return begin_text(status, answer);
}

/* ---- with a file ---- */

static bool reply_whole(const struct rhb_file_form *form, struct rhb_answer *answer)
{
    answer->data = form->file.data;
    answer->len = form->file.data != NULL ? (size_t)form->file.size : 0;
    answer->file = form->file.fd;
    answer->file_left = form->file.data != NULL ? 0 : form->file.size;
    return begin(answer, "200 OK", form->file.size) && put_fields(answer, form, 0);
}

static bool reply_part(const struct rhb_file_form *form, const struct rhb_part *part,
                       struct rhb_answer *answer)
{
    if (form->file.data != NULL) {
        answer->data = form->file.data + part->first;
        answer->len = (size_t)part->length;
    } else {
        answer->file = form->file.fd;
        answer->file_at = (off_t)part->first;
        answer->file_left = part->length;
    }
    return begin(answer, "206 Partial Content", part->length) && put_fields(answer, form, 0) &&
           rhb_content_range_put(answer->head.out, part, form->file.size);
}

static bool reply_unsatisfiable(const struct rhb_file_form *form, struct rhb_answer *answer)
{
    return begin_text(416, answer) &&
           rhb_content_range_put(answer->head.out, NULL, form->file.size);
}

static bool reply_not_modified(const struct rhb_file_form *form, struct rhb_answer *answer)
{
    if (!begin(answer, "304 Not Modified", 0))
        return false;
    answer->head.has_length = false;
    return put_fields(answer, form, form->kept);
}

static bool reply_with(const struct rhb_file_form *form, const struct rhb_question *question,
                       struct rhb_answer *answer)
{
    struct rhb_part part;
    switch (rhb_content_status(&form->file.validators, form->file.size, &question->request->head,
                               &part)) {
    case 206:
        return reply_part(form, &part, answer);
    case 304:
        return reply_not_modified(form, answer);
    case 412:
        return begin_text(412, answer);
    case 416:
        return reply_unsatisfiable(form, answer);
    default:
        return reply_whole(form, answer);
    }
}

static struct rhb_file_form *choose_form(struct rhb_file_entry *entry,
                                         const struct phr_request_head *head)
{
    return &entry->forms[rhb_coding_choose(head->fields, head->num_fields, entry->there)];
}

bool rhb_file_reply(struct rhb_file_entry *entry, const struct rhb_question *question,
                    struct rhb_answer *answer)
{
    const struct phr_request_head *head = &question->request->head;
    struct rhb_file_form *form = choose_form(entry, head);
    rhb_answer_begin(answer, question);
    if (!reply_with(form, question, answer))
        return false;
    rhb_file_form_take(form);
    answer->release = rhb_file_form_release;
    answer->held = form;
    return true;
}
