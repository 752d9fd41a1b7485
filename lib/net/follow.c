/* Those who follow an object that grows, on whichever loop: woken when it has. */
#include <errno.h>
#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/net/conn.h"

#define MORE_SOON	(2 * CLK_SECOND / 1000)

int
httpd_can_grow(struct httpd *s, struct object *o)
{
	o->waiting = calloc(1, sizeof(*o->waiting));
	if (o->waiting == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < s->config.threads; i++)
		link_init(&o->waiting->local[i]);
	link_init(&o->waiting->grown);
	return 0;
}

static void
wake_followers(struct httpd_loop *l, struct object *o)
{
	struct link *local = &o->waiting->local[l->index], list;

	link_init(&list);
	link_move_all(&list, local);
	while (!link_empty(&list)) {
		struct httpd_conn *c = LINK_OF(list.next, struct httpd_conn, wait_link);

		link_remove(&c->wait_link);
		conn_run(c);
	}
}

struct grew_msg {
	struct httpd_msg msg;
	struct object *object;
};

static void
on_grew(struct httpd_loop *l, struct httpd_msg *m)
{
	struct grew_msg *g = (struct grew_msg *)m;

	atomic_fetch_and(&g->object->waiting->posted, ~(1u << l->index));
	wake_followers(l, g->object);
	object_unref(&g->object);
	free(g);
}

void
httpd_grew(struct httpd_loop *current, struct object *o, bool more_soon)
{
	struct wait_queue *q = o->waiting;
	struct httpd *s;
	unsigned loops;

	if (q == NULL || (loops = atomic_load(&q->loops)) == 0)
		return;
	s = current->server;
	for (unsigned i = 0; i < s->config.threads; i++) {
		struct grew_msg *g;

		if ((loops & 1u << i) == 0)
			continue;
		if (&s->loop[i] == current) {
			if (!more_soon)
				q->due_ns = 0;
			if (!link_empty(&q->grown))
				continue;
			/* At the end of this turn, once for all that came in it. */
			if (more_soon)
				q->due_ns = current->now_ns + MORE_SOON;
			object_ref(o);
			q->object = o;
			link_append(&current->grown, &q->grown);
			continue;
		}
		if ((atomic_fetch_or(&q->posted, 1u << i) & 1u << i) != 0)
			continue;
		g = malloc(sizeof(*g));
		if (g == NULL) {
			atomic_fetch_and(&q->posted, ~(1u << i));
			continue;
		}
		*g = (struct grew_msg){ .msg.run = on_grew, .object = object_ref(o) };
		httpd_post(&s->loop[i], &g->msg);
	}
}

void
follow_run(struct httpd_loop *l)
{
	struct link list;

	link_init(&list);
	link_move_all(&list, &l->grown);
	while (!link_empty(&list)) {
		struct wait_queue *q = LINK_OF(list.next, struct wait_queue, grown);
		struct object *o = q->object;

		link_remove(&q->grown);
		if (q->due_ns > l->now_ns) {
			link_append(&l->grown, &q->grown);
			continue;
		}
		wake_followers(l, o);
		object_unref(&o);
	}
}
