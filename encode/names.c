#include <stdlib.h>
#include <string.h>

#include "encode/names.h"
#include "lib/base/hash.h"

static uint64_t
hash_of(const char *name)
{
	uint64_t h = hash_add(HASH_START, name, strlen(name));

	return h != 0 ? h : 1;
}

/* Where it is, or belongs. */
static uint64_t *
find(uint64_t *slot, size_t size, uint64_t h)
{
	size_t at = h & (size - 1);

	while (slot[at] != 0 && slot[at] != h)
		at = (at + 1) & (size - 1);
	return &slot[at];
}

static bool
grow(struct names *s)
{
	size_t size = s->size > 0 ? 2 * s->size : 256;
	uint64_t *slot = calloc(size, sizeof(*slot));

	if (slot == NULL)
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (s->slot[i] != 0)
			*find(slot, size, s->slot[i]) = s->slot[i];
	free(s->slot);
	s->slot = slot;
	s->size = size;
	return true;
}

void
names_add(struct names *s, const char *name)
{
	uint64_t h = hash_of(name), *at;

	if (s->n == NAMES_MOST || (2 * s->n >= s->size && !grow(s)))
		return;
	at = find(s->slot, s->size, h);
	s->n += *at == 0;
	*at = h;
}

bool
names_has(const struct names *s, const char *name)
{
	uint64_t h = hash_of(name);

	return s->size > 0 && *find(s->slot, s->size, h) == h;
}

void
names_free(struct names *s)
{
	free(s->slot);
	*s = (struct names){ .n = 0 };
}
