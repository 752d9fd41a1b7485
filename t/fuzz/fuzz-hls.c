/* Any text: no crash, and what comes out is whole and points to what is there. */
#include <stdlib.h>
#include <string.h>

#include "lib/media/hls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
must(bool good)
{
	if (!good)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hls h;
	size_t strings = 0;
	int probe = hls_probe(data, len);

	if (hls_parse_at(&h, data, len, "http://h/i.m3u8?a=b&c=%41%42", NULL) < 0)
		return 0;
	must(probe >= 0);
	must(h.multivariant == (h.nvariant + h.nrendition > 0));
	must(!h.multivariant || h.nsegment == 0);
	for (size_t i = 0; i < h.nvariant; i++) {
		const struct hls_variant *v = &h.variant[i];

		must(*v->uri != '\0' && v->rate.den > 0);
		strings += strlen(v->uri) + strlen(v->codecs) + strlen(v->audio) +
		    strlen(v->video) + strlen(v->subtitles) +
		    strlen(v->closed_captions) + strlen(v->video_range);
	}
	for (size_t i = 0; i < h.nrendition; i++) {
		const struct hls_rendition *m = &h.rendition[i];

		strings += (m->uri != NULL ? strlen(m->uri) : 0) + strlen(m->group) +
		    strlen(m->name) + strlen(m->language) + strlen(m->channels) +
		    strlen(m->characteristics) + strlen(m->instream_id);
	}
	for (size_t i = 0; i < h.nsegment; i++) {
		const struct hls_segment *s = &h.segment[i];

		must(*s->uri != '\0' && s->duration_ns >= 0);
		must(s->number == h.media_sequence + h.skipped + (int64_t)i);
		must(s->map == HLS_NONE || s->map < h.nmap);
		must(s->key == HLS_NONE || s->key < h.nkey);
		must(s->range.offset >= 0 && s->range.len >= -1);
		must(!s->dated || s->date_ns != HLS_NO_DATE);
		must(i == 0 || s->discontinuity_sequence - s[-1].discontinuity_sequence >=
		    s->discontinuity);
		strings += strlen(s->uri);
	}
	for (size_t i = 0; i < h.nmap; i++)
		must(h.map[i].key == HLS_NONE || h.map[i].key < h.nkey);
	for (size_t i = 0; i < h.nkey; i++)
		must(h.key[i].method != HLS_METHOD_NONE && *h.key[i].uri != '\0' &&
		    *h.key[i].keyformat != 1);
	for (size_t i = 0; i < h.ndaterange; i++) {
		const char *list = h.daterange[i].attrs;
		struct hls_attr a;

		must(h.daterange[i].segment <= h.nsegment);
		while (hls_attr_next(&list, &a) > 0)
			strings += a.len;
	}
	for (size_t i = 0; i < h.nmarker; i++) {
		static struct hlscue cue;

		must(h.marker[i].segment <= h.nsegment);
		must(i == 0 || h.marker[i].segment >= h.marker[i - 1].segment);
		strings += strlen(h.marker[i].value);
		if (hlscue_parse(h.marker[i].tag, h.marker[i].value, &cue) < 0)
			continue;
		must(cue.len <= sizeof(cue.section) && cue.elapsed_ns >= -1 &&
		    cue.duration_ns >= -1);
		must(cue.id_len == 0 || (cue.id >= h.marker[i].value && cue.id +
		    cue.id_len <= h.marker[i].value + strlen(h.marker[i].value)));
	}
	/* Each is a part of the text of its own, or has variables in it. */
	must(strings <= (h.nextra > 0 ? HLS_TEXT_MAX : 0) + len);
	must(h.line <= len + 1);
	hls_free(&h);
	return 0;
}
