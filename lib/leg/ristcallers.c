#include <stddef.h>

#include "lib/leg/ristcallers.h"

static bool
same(const struct ristfilter_source *a, const struct ristfilter_source *b)
{
	return a->address == b->address && a->port == b->port;
}

/* Does all that is there come from here? */
static bool
alone(const struct ristcallers *c, const struct ristfilter_source *source)
{
	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		if (c->slot[i].peer != NULL && !same(&c->slot[i].source, source))
			return false;
	return true;
}

/* Has it called at that port? */
static bool
known(const struct ristcallers *c, const struct ristfilter_source *source, bool odd)
{
	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		if (c->slot[i].peer != NULL && c->slot[i].odd == odd &&
		    same(&c->slot[i].source, source))
			return true;
	return false;
}

bool
ristcallers_add(struct ristcallers *c, const void *peer,
    const struct ristfilter_source *source, bool odd)
{
	if (known(c, source, !odd) && !alone(c, source))
		return false;
	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		if (c->slot[i].peer == NULL) {
			c->slot[i] = (struct ristcaller){ peer, *source, odd };
			return true;
		}
	return false;
}

bool
ristcallers_remove(struct ristcallers *c, const void *peer)
{
	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++)
		if (c->slot[i].peer == peer) {
			c->slot[i].peer = NULL;
			return true;
		}
	return false;
}

unsigned
ristcallers_apart(const struct ristcallers *c, bool odd,
    struct ristfilter_source list[RISTFILTER_SOURCES])
{
	unsigned n = 0;

	for (unsigned i = 0; i < RISTFILTER_SOURCES; i++) {
		const struct ristcaller *s = &c->slot[i];

		if (s->peer != NULL && s->odd != odd && !alone(c, &s->source))
			list[n++] = s->source;
	}
	return n;
}
