#include <stdlib.h>
#include <unistd.h>

#include "lib/net/object.h"
#include "lib/net/wire.h"

struct object *
object_new(int fd, struct budget *budget)
{
	struct object *o = calloc(1, sizeof(*o));

	if (o == NULL)
		return NULL;
	atomic_init(&o->refs, 1);
	pthread_mutex_init(&o->lock, NULL);
	o->fd = fd;
	o->budget = budget;
	return o;
}

bool
object_take(struct object *o, uint64_t n)
{
	if (!budget_take(o->budget, n))
		return false;
	o->taken += n;
	return true;
}

struct object *
object_ref(struct object *o)
{
	atomic_fetch_add_explicit(&o->refs, 1, memory_order_relaxed);
	return o;
}

void
object_unref(struct object **at)
{
	struct object *o = *at;

	*at = NULL;
	if (o == NULL || atomic_fetch_sub(&o->refs, 1) != 1)
		return;
	if (o->note != NULL)
		o->note_free(o->note);
	if (o->fd >= 0)
		close(o->fd);
	wire_free(o->wire);
	budget_give(o->budget, o->taken);
	pthread_mutex_destroy(&o->lock);
	free(o->waiting);
	free(o->mem);
	free(o->gzip);
	free(o);
}
