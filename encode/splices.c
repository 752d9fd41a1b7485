#include <stddef.h>

#include "encode/splices.h"

static bool
same(struct splice_key a, struct splice_key b)
{
	return a.role == b.role && a.type == b.type && a.num == b.num && a.id == b.id;
}

/* Its place, or n. */
static unsigned
place(const struct splices *s, struct splice_key key)
{
	unsigned i = 0;

	while (i < s->n && !same(s->at[i].key, key))
		i++;
	return i;
}

const struct splice *
splices_find(const struct splices *s, struct splice_key key)
{
	unsigned i = place(s, key);

	return i < s->n ? &s->at[i] : NULL;
}

static struct splice *
last(struct splices *s)
{
	struct splice *l = &s->at[0];

	for (unsigned i = 1; i < s->n; i++)
		if (s->at[i].t > l->t)
			l = &s->at[i];
	return l;
}

bool
splices_put(struct splices *s, const struct splice *one)
{
	unsigned i = place(s, one->key);
	struct splice *at;

	if (i == SPLICES_MAX) {
		s->overflow++;
		at = last(s);
		if (at->t <= one->t)
			return false;
	} else {
		at = &s->at[i];
		s->n += i == s->n;
	}
	*at = *one;
	return true;
}

void
splices_drop(struct splices *s, struct splice_key key)
{
	unsigned i = place(s, key);

	if (i < s->n)
		s->at[i] = s->at[--s->n];
}

void
splices_cancel(struct splices *s, bool insert, uint32_t id)
{
	for (unsigned i = s->n; i-- > 0;)
		if (s->at[i].key.id == id && (insert ?
		    s->at[i].key.type == CUE_SPLICE :
		    s->at[i].key.type < CUE_SPLICE))
			s->at[i] = s->at[--s->n];
}

void
splices_forget(struct splices *s, int64_t now)
{
	for (unsigned i = s->n; i-- > 0;)
		if (s->at[i].t < now - SPLICES_KEEP)
			s->at[i] = s->at[--s->n];
}

bool
splices_at(const struct splices *s, const struct grid *g, int64_t k)
{
	int64_t from = grid_time(g, k - 1), to = grid_time(g, k + 1);

	for (unsigned i = 0; i < s->n; i++)
		if (s->at[i].t > from && s->at[i].t < to &&
		    grid_picture(g, s->at[i].t) == k)
			return true;
	return false;
}

bool
splices_within(const struct splices *s, const struct grid *g, int64_t from, int64_t k)
{
	for (unsigned i = 0; i < s->n; i++) {
		int64_t at = grid_picture(g, s->at[i].t);

		if (at > from && at <= k)
			return true;
	}
	return false;
}
