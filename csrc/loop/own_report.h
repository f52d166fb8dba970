/* Reports of requests that no application has had: refusals (refusal.c), and answers of C
 * (answers.c). */
#ifndef RHB_OWN_REPORT_H
#define RHB_OWN_REPORT_H

#include "loop.h"

/* Completes the entry, of which request (NULL if it is not known), status, sizes, response head,
 * times and the identifier of an answer are set, and reports it. loop->reports is not NULL. */
void rhb_report_own(struct rhb_loop *loop, const struct rhb_conn *conn,
                    struct rhb_access_entry *entry);

#endif
