#include <errno.h>

#include "encode/blank.h"
#include "encode/slate.h"
#include "lib/base/log.h"

#define EVENTS	256			/* breaks that are known of at a time */
#define AFTER	(INT64_C(60) * 90000)	/* sound may come so much later than pictures */

void
blank_init(struct blank *b, const char *slate)
{
	*b = (struct blank){ .on = slate != NULL };
	b->track.limit = BLANK_LIMIT;
	b->track.max = EVENTS;
	if (b->on)
		b->slate = slate_read(slate);
}

void
blank_take(struct blank *b, const uint8_t *section, size_t len, int64_t now)
{
	if (!b->on || scte35_parse(section, len, &b->section) < 0)
		return;
	cuetrack_forget(&b->track, now - AFTER);
	if (cuetrack_take(&b->track, &b->section, section, len, now) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold a cue");
}

static bool
is_blanked(uint16_t type)
{
	switch (type) {
	case CUE_SPLICE:
	case 0x30: case 0x32:		/* advertisements: provider's, distributor's */
	case 0x34: case 0x36:		/* opportunities */
	case 0x38: case 0x3a:		/* overlays */
	case 0x44: case 0x46:		/* blocks of advertisements */
		return true;
	default:
		return false;
	}
}

bool
blank_next(const struct blank *b, size_t *i, int64_t *from, int64_t *to)
{
	while (*i < b->track.n) {
		const struct cue *c = &b->track.cue[(*i)++];

		if (!is_blanked(c->type) || c->end <= c->start)
			continue;
		*from = c->start;
		*to = c->end;
		return true;
	}
	return false;
}

bool
blank_picture(const struct blank *b, const struct grid *g, int64_t k)
{
	int64_t from, to;

	for (size_t i = 0; blank_next(b, &i, &from, &to);)
		if (k >= grid_picture(g, from) &&
		    (to == CUE_NEVER || k < grid_picture(g, to)))
			return true;
	return false;
}

void
blank_free(struct blank *b)
{
	cuetrack_free(&b->track);
	av_frame_free(&b->slate);
}
