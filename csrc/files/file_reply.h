/* The answer to a GET or HEAD for a file: which coding, which part, and with which status. */
#ifndef RHB_FILE_REPLY_H
#define RHB_FILE_REPLY_H

#include "file_entry.h"
#include "http/answer.h"

/* Takes over the caller's share of the entry. False when there is no memory: the share is the
 * caller's still. */
bool rhb_file_reply(struct rhb_file_entry *entry, const struct rhb_question *question,
                    struct rhb_answer *answer);

/* An answer without a file: 400, 404, 405 (with Allow), 503. */
bool rhb_file_reply_without(int status, const struct rhb_question *question,
                            struct rhb_answer *answer);

#endif
