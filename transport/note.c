#include <errno.h>
#include <string.h>

#include "transport/note.h"

/* Also its version: what is not understood is not used. */
static const uint8_t magic[8] = { 'm', 'c', 'o', 'n', 'n', 'r', '0', '1' };

#define SHORT	24
#define LONG	48

enum { LIVE = 1, BARE = 2 };		/* flags of NOTE_START */

static uint32_t
host32(const uint8_t *p, bool swapped)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap32(v) : v;
}

static uint64_t
host64(const uint8_t *p, bool swapped)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return swapped ? __builtin_bswap64(v) : v;
}

size_t
note_put(const struct note *n, uint8_t p[static NOTE_MOST])
{
	uint32_t kind = n->kind, flags = (n->live ? LIVE : 0) | (n->bare ? BARE : 0);

	memcpy(p, magic, sizeof(magic));
	memcpy(p + 8, &kind, 4);
	memcpy(p + 12, &n->interface, 4);
	memcpy(p + 16, &n->time_ns, 8);
	if (n->kind != NOTE_START)
		return SHORT;
	memcpy(p + 24, &n->recording, 8);
	memcpy(p + 32, &n->offset_ns, 8);
	memcpy(p + 40, &n->piece, 4);
	memcpy(p + 44, &flags, 4);
	return LONG;
}

int
note_parse(const uint8_t *p, size_t len, bool swapped, struct note *n)
{
	uint32_t kind;

	if (len < SHORT || memcmp(p, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	kind = host32(p + 8, swapped);
	if (kind < NOTE_START || kind > NOTE_END || (kind == NOTE_START && len < LONG))
		return -EBADMSG;
	*n = (struct note){ .kind = (enum note_kind)kind, .interface = host32(p + 12, swapped),
	    .time_ns = (int64_t)host64(p + 16, swapped) };
	if (kind == NOTE_START) {
		n->recording = host64(p + 24, swapped);
		n->offset_ns = (int64_t)host64(p + 32, swapped);
		n->piece = host32(p + 40, swapped);
		n->live = (host32(p + 44, swapped) & LIVE) != 0;
		n->bare = (host32(p + 44, swapped) & BARE) != 0;
	}
	return 0;
}
