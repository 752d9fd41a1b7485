/*
 * Tags of FLV and what is made of them: the first byte chooses how the rest is cut into
 * tags.  Packets lie in their tag; units come with streams announced, in order of time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/flvcolour.c"
#include "ingest/flvtrack.c"
#include "ingest/flvunits.c"
#include "ingest/msgrid.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct seen {
	unsigned nstream;
	bool	 broken;
	int64_t	 dts[SOURCE_STREAMS_MAX];
};

static void
on_event(void *arg, const struct source_event *ev)
{
	struct seen *s = arg;
	volatile uint8_t sum = 0;

	if (ev->what == SOURCE_BREAK)
		s->broken = true;
	if (ev->what == SOURCE_STREAMS) {
		if (ev->nstream < s->nstream || ev->nstream == 0 || ev->nstream > TRACKS)
			abort();
		s->nstream = ev->nstream;
	}
	if (ev->what != SOURCE_UNIT)
		return;
	if (!s->broken || ev->stream >= s->nstream || ev->len == 0 || ev->dts > ev->pts)
		abort();
	for (size_t i = 0; i < ev->len; i++)
		sum = (uint8_t)(sum + ev->data[i]);
	s->dts[ev->stream] = ev->dts;
}

static void
check_packets(bool video, const uint8_t *p, size_t len)
{
	struct flv_packet pkt;
	struct flv f;
	size_t n = 0;
	int r = video ? flv_video(&f, p, len) : flv_audio(&f, p, len);

	while (r >= 0 && (r = flv_next(&f, &pkt)) > 0)
		if ((pkt.len > 0 && (pkt.data < p || pkt.data + pkt.len > p + len)) ||
		    pkt.nano > 999999 || pkt.track > 255 || ++n > len)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct flvunits_counts counts = { 0 };
	struct seen seen = { 0 };
	const struct flvunits_config cfg = {
		.name = "fuzz", .arg = &seen, .event = on_event, .counts = &counts,
	};
	struct flvunits *f;
	uint32_t ms = 0;
	char codec[5];

	log_verbose(-3);
	f = flvunits_new(&cfg);
	if (f == NULL)
		abort();
	/* kind, step of time, length (2), bytes */
	while (len >= 4) {
		size_t n = (size_t)data[2] << 8 | data[3];
		uint8_t *copy;

		n = n < len - 4 ? n : len - 4;
		copy = malloc(n + 1);
		if (copy == NULL)
			abort();
		memcpy(copy, data + 4, n);
		ms += data[0] < 0xf0 ? data[1] : (uint32_t)data[1] << 24;
		if ((data[0] & 3) < 2) {
			check_packets((data[0] & 1) != 0, copy, n);
			flvunits_tag(f, (data[0] & 1) != 0, ms, copy, n, 0, codec);
		} else if ((data[0] & 3) == 2) {
			flvunits_data(f, copy, n);
		} else {
			flvunits_tick(f, (int64_t)ms * 1000000);
		}
		free(copy);
		data += 4 + n;
		len -= 4 + n;
	}
	flvunits_free(f);
	return 0;
}
