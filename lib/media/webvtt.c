#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/box.h"
#include "lib/media/pes.h"
#include "lib/media/webvtt.h"

/* ---- text */

static int64_t
milliseconds(int64_t t)
{
	return rescale_near(t, 1000, CLK_90K);
}

static void
put_time(struct text *t, int64_t ms)
{
	text_add(t, "%02lld:%02lld:%02lld.%03lld", (long long)(ms / 3600000),
	    (long long)(ms / 60000 % 60), (long long)(ms / 1000 % 60), (long long)(ms % 1000));
}

void
webvtt_put(struct text *t, const struct captext_cues *cues, int64_t begin)
{
	text_add(t, "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:%lld,LOCAL:00:00:00.000\n",
	    (long long)(begin & (PES_WRAP - 1)));
	for (size_t i = 0; i < cues->n; i++) {
		const struct captext_cue *c = &cues->cue[i];
		int64_t from = milliseconds(c->begin - begin), to = milliseconds(c->end - begin);

		if (to <= from)
			continue;
		text_add(t, "\n");
		put_time(t, from);
		text_add(t, " --> ");
		put_time(t, to);
		text_add(t, " %s\n%s\n", c->settings, c->text);
	}
}

/* ---- samples */

static void
put_box(struct box *b, const char *type, const char *text)
{
	size_t at = box_start(b, type);

	box_bytes(b, text, strlen(text));
	box_end(b, at);
}

static void
put_cue(struct box *b, const struct captext_cue *c)
{
	size_t at = box_start(b, "vttc");

	put_box(b, "sttg", c->settings);
	put_box(b, "payl", c->text);
	box_end(b, at);
}

/* What is shown from the i-th cue on, until something else is; returns the next. */
static size_t
put_sample(struct box *b, const struct captext_cues *cues, size_t i)
{
	int64_t begin = cues->cue[i].begin;

	do
		put_cue(b, &cues->cue[i++]);
	while (i < cues->n && cues->cue[i].begin == begin);
	return i;
}

int
webvtt_samples_put(const struct captext_cues *cues, int64_t begin, int64_t end,
    struct mp4_sample **sample, unsigned *n, uint8_t **bytes, size_t *len)
{
	struct box b = { .size = 8 };
	int64_t at = begin;

	for (size_t i = 0; i < cues->n; i++)
		b.size += 8 + 3 * 8 + strlen(cues->cue[i].settings) + strlen(cues->cue[i].text);
	*sample = calloc(2 * cues->n + 1, sizeof(**sample));
	*bytes = b.p = malloc(b.size);
	if (*sample == NULL || b.p == NULL) {
		free(*sample);
		free(b.p);
		return -ENOMEM;
	}
	*n = 0;
	for (size_t i = 0; at < end; ) {
		struct mp4_sample *s = &(*sample)[(*n)++];
		size_t from = b.len;
		int64_t to = i < cues->n ? cues->cue[i].begin : end;

		if (to > at) {
			box_end(&b, box_start(&b, "vtte"));
		} else {
			to = cues->cue[i].end;
			i = put_sample(&b, cues, i);
		}
		*s = (struct mp4_sample){
			.len = b.len - from, .duration = (uint32_t)(to - at), .sync = true,
		};
		at = to;
	}
	*len = b.len;
	return 0;
}
