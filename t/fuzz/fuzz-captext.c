/*
 * Captions of any bytes: cues are in order, lie between the cuts and hold no arrow nor
 * empty line; samples make up all of the time, and all of the bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/media/webvtt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
check(const struct captext_cues *cues, int64_t begin, int64_t end)
{
	struct mp4_sample *sample;
	struct text t = { .len = 0 };
	uint8_t *bytes;
	size_t size, sum = 0;
	int64_t time = 0, last = begin;
	unsigned n;

	for (size_t i = 0; i < cues->n; i++) {
		const struct captext_cue *c = &cues->cue[i];

		if (c->begin < last || c->end <= c->begin || c->end > end || c->text[0] == '\0' ||
		    strstr(c->text, "-->") != NULL || strstr(c->text, "\n\n") != NULL)
			abort();
		last = i + 1 < cues->n && cues->cue[i + 1].begin == c->begin ? c->begin : c->end;
	}
	webvtt_put(&t, cues, begin);
	text_free(&t);
	if (webvtt_samples_put(cues, begin, end, &sample, &n, &bytes, &size) < 0)
		abort();
	for (unsigned i = 0; i < n; i++) {
		time += sample[i].duration;
		sum += sample[i].len;
	}
	if (time != end - begin || sum != size)
		abort();
	free(sample);
	free(bytes);
}

/* A byte: which channel; then for each picture how many triplets, and these. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static struct captext c;
	struct captext_cues cues = { .n = 0 };
	int64_t t = 0, begin = 0;

	if (len == 0)
		return 0;
	captext_init(&c, (data[0] & 0x80) != 0, (data[0] & 0x80) != 0 ? (data[0] & 63u) + 1 :
	    (data[0] & 3u) + 1);
	for (size_t at = 1; at < len; ) {
		unsigned n = data[at] & 31u, step = data[at] >> 5;
		size_t left = (len - at - 1) / 3;

		at++;
		n = n < left ? n : (unsigned)left;
		t += 1500 * (1 + step * step);
		if (captext_put(&c, t, data + at, n, &cues) < 0)
			abort();
		at += (size_t)n * 3;
		if (n == 0 || t - begin > 300000) {
			if (captext_cut(&c, ++t, &cues) < 0)
				abort();
			check(&cues, begin, t);
			captext_cues_clear(&cues);
			begin = t;
		}
	}
	captext_cut(&c, ++t, &cues);
	check(&cues, begin, t);
	captext_cues_clear(&cues);
	return 0;
}
