/*
 * A capture, given whole and in pieces of the size in the first byte: both give the
 * same items, what they point to is inside of what was given, and each packet is in
 * one count.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/capture.c"
#include "transport/capturelink.c"
#include "transport/note.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct sum {
	uint64_t hash, items;
	int	 last;
	struct capture capture;
};

static void
add(struct sum *s, const uint8_t *p, size_t len, const uint8_t *from, size_t room)
{
	if (len > 0 && (p < from || p + len > from + room))
		abort();
	for (size_t i = 0; i < len; i++)
		s->hash = (s->hash ^ p[i]) * UINT64_C(0x100000001b3);
	s->hash = (s->hash ^ len) * UINT64_C(0x100000001b3);
}

static void
take(struct sum *s, const struct capture_item *item, const uint8_t *from, size_t room)
{
	size_t address = item->v6 ? 16 : 4;
	uint8_t back[NOTE_MOST];
	struct note n;

	s->items++;
	s->hash = (s->hash ^ item->kind) * UINT64_C(0x100000001b3);
	add(s, item->data, item->len, from, room);
	add(s, item->about, item->about_len, from, room);
	if (item->kind == CAPTURE_DATAGRAM) {
		add(s, item->from, address, from, room);
		add(s, item->to, address, from, room);
		s->hash ^= (uint64_t)item->utc_ns;
		if (item->utc_ns < 0 || item->interface >= CAPTURE_INTERFACES)
			abort();
	}
	if (item->kind == CAPTURE_LOCAL &&
	    note_parse(item->data, item->len, item->swapped, &n) == 0 &&
	    (note_put(&n, back) > item->len || (!item->swapped &&
	    memcmp(back, item->data, 24) != 0)))
		abort();
}

/* In pieces of so many bytes. */
static void
parse(struct sum *s, const uint8_t *data, size_t len, size_t piece)
{
	size_t pos = 0, given = 0, used;
	struct capture_item item;

	*s = (struct sum){ .hash = 1 };
	capture_init(&s->capture);
	while (given < len && s->last >= 0) {
		uint8_t *exact;
		size_t room;

		given = len - given > piece ? given + piece : len;
		room = given - pos;
		if ((exact = malloc(room + 1)) == NULL)
			abort();
		memcpy(exact, data + pos, room);
		for (size_t at = 0; ; at += used, pos += used) {
			s->last = capture_next(&s->capture, exact + at, room - at, &used, &item);
			if (used > room - at)
				abort();
			if (s->last != 1) {
				pos += used;
				break;
			}
			take(s, &item, exact, room);
		}
		free(exact);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct sum whole, pieces;
	const struct capture *c = &whole.capture, *d = &pieces.capture;

	if (len < 1)
		return 0;
	parse(&whole, data + 1, len - 1, len);
	parse(&pieces, data + 1, len - 1, (size_t)data[0] + 1);
	if (whole.hash != pieces.hash || whole.items != pieces.items ||
	    whole.last != pieces.last || c->datagrams != d->datagrams || c->cut != d->cut ||
	    c->fragments != d->fragments || c->passed_over != d->passed_over)
		abort();
	if (c->packets != c->datagrams + c->other + c->cut + c->fragments)
		abort();
	return 0;
}
