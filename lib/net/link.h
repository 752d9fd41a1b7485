/*
 * link.h - a doubly linked list through the things that are in it.
 *
 * Shape    A list is a link that points to itself; so is a thing in no list.
 * Threads  The caller's business.
 */
#ifndef LINK_H
#define LINK_H

#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next, *prev;
};

#define LINK_OF(p, type, member) \
	((type *)(void *)((char *)(p) - offsetof(type, member)))

static inline void
link_init(struct link *l)
{
	l->next = l->prev = l;
}

static inline bool
link_empty(const struct link *l)
{
	return l->next == l;
}

static inline void
link_remove(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	link_init(l);
}

static inline void
link_append(struct link *list, struct link *l)
{
	l->prev = list->prev;
	l->next = list;
	list->prev->next = l;
	list->prev = l;
}

/* All of from to the end of list; from is empty then. */
static inline void
link_move_all(struct link *list, struct link *from)
{
	if (link_empty(from))
		return;
	from->next->prev = list->prev;
	list->prev->next = from->next;
	from->prev->next = list;
	list->prev = from->prev;
	link_init(from);
}

#endif
