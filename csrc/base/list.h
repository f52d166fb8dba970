/* A doubly linked list whose links are part of the elements. A connection is in at most one list at
 * a time, so it has one link. */
#ifndef RHB_LIST_H
#define RHB_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct rhb_link {
    struct rhb_link *prev, *next; /* next is NULL when it is in no list */
};

static inline void rhb_list_init(struct rhb_link *head)
{
    head->prev = head->next = head;
}

static inline bool rhb_list_empty(const struct rhb_link *head)
{
    return head->next == head;
}

/* Appends at the end. */
static inline void rhb_list_push(struct rhb_link *head, struct rhb_link *link)
{
    link->prev = head->prev;
    link->next = head;
    head->prev->next = link;
    head->prev = link;
}

/* Has no effect on a link that is in no list. */
static inline void rhb_list_remove(struct rhb_link *link)
{
    if (link->next == NULL)
        return;
    link->prev->next = link->next;
    link->next->prev = link->prev;
    link->prev = link->next = NULL;
}

#endif
