#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "package/pres.h"

#define SANE_RATE	400000000	/* a PMT that says more says nothing */
#define SERVICE		0x100		/* or a page of teletext; else one of CC1 to CC4 */
#define PAGE		0x1000

void
segment_free(struct segment *s)
{
	for (unsigned i = 0; i < s->npart; i++) {
		free(s->part[i].key);
		free(s->part[i].chunk);
	}
	free(s);
}

void
pres_free(struct pres *p)
{
	for (size_t i = 0; i < p->n; i++)
		segment_free(p->segment[i]);
	for (unsigned i = 0; i < p->ntrack; i++)
		free(p->track[i].init);
	cuetrack_free(&p->cues);
	free(p->segment);
	free(p->archive);
	free(p->open);
}

int
pres_add(struct pres *p, struct segment *s)
{
	if (p->n == p->cap) {
		size_t cap = p->cap * 2 + 16;
		struct segment **list = realloc(p->segment, cap * sizeof(struct segment *));

		if (list == NULL) {
			segment_free(s);
			return -ENOMEM;
		}
		p->segment = list;
		p->cap = cap;
	}
	p->segment[p->n++] = s;
	return 0;
}

bool
segment_has(const struct segment *s, unsigned track)
{
	return track < s->npart && s->part[track].present && !s->part[track].dropped;
}

bool
segment_is_lost(const struct segment *s)
{
	for (unsigned i = 0; i < s->npart; i++)
		if (segment_has(s, i))
			return false;
	return true;
}

const struct init *
ptrack_init(const struct ptrack *t, uint32_t number)
{
	for (unsigned i = 0; i < t->ninit; i++)
		if (t->init[i].number == number)
			return &t->init[i];
	return NULL;
}

const struct init *
ptrack_newest(const struct ptrack *t)
{
	return t->ninit > 0 ? &t->init[t->ninit - 1] : NULL;
}

void
init_name(uint32_t number, char name[static 24])
{
	if (number <= 1)
		snprintf(name, 24, "init.mp4");
	else
		snprintf(name, 24, "init-%u.mp4", number);
}

size_t
pres_window(const struct pres *p)
{
	int64_t sum = 0;
	size_t i = p->n;

	if (p->mode != PRES_WINDOW)
		return 0;
	while (i > 0 && (sum < p->window || p->n - i < 3))
		sum += p->segment[--i]->duration;
	return i;
}

size_t
pres_first(const struct pres *p, unsigned track)
{
	size_t i = pres_window(p);

	while (i < p->n && (track >= p->segment[i]->npart ||
	    !p->segment[i]->part[track].present))
		i++;
	return i;
}

int64_t
segment_date(const struct pres *p, const struct segment *s)
{
	if (s->utc_ns != 0 || !(p->has_cues || (p->has_id3 &&
	    (p->policy.ways & CUE_ID3_DATERANGE) != 0)))
		return s->utc_ns;
	return rescale_near(s->t, CLK_SECOND, CLK_90K);
}

uint64_t
pres_rate(uint64_t bytes, int64_t duration)
{
	return duration > 0 ? (uint64_t)rescale_near((int64_t)bytes * 8, CLK_90K,
	    duration) : 0;
}

uint64_t
pres_bandwidth(const struct pres *p, const struct ptrack *t)
{
	bool said = !p->ended && t->max_bitrate > t->peak && t->max_bitrate <= SANE_RATE;

	return said ? t->max_bitrate : t->peak;
}

/* ---- the channel of a text track */

uint16_t
text_channel(enum text_kind kind, unsigned n)
{
	return (uint16_t)(kind == TEXT_PAGE ? PAGE + n : kind == TEXT_SERVICE ? SERVICE + n : n);
}

bool
text_is_channel(int64_t channel)
{
	return (channel >= 1 && channel <= 4) ||
	    (channel > SERVICE && channel < SERVICE + 64) ||
	    (channel >= PAGE + 100 && channel < PAGE + 900);
}

enum text_kind
text_kind(uint16_t channel)
{
	return channel >= PAGE ? TEXT_PAGE : channel >= SERVICE ? TEXT_SERVICE : TEXT_CHANNEL;
}

unsigned
text_number(uint16_t channel)
{
	return channel >= PAGE ? channel - (unsigned)PAGE : channel & (SERVICE - 1u);
}
