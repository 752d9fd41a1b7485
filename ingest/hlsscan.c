#include "ingest/hlsmp4.h"
#include "ingest/hlsscan.h"
#include "ingest/hlsunits.h"
#include "lib/base/log.h"
#include "lib/media/tsdemux.h"

bool
hlsscan_begin(const struct hlstrack_segment *seg, int64_t *pts, int64_t *dts)
{
	switch (hlsunits_kind(seg)) {
	case HLS_KIND_TS:
		return hlsunits_scan(seg, pts, dts);
	case HLS_KIND_MP4:
		return hlsmp4_scan(seg, pts, dts);
	case HLS_KIND_PACKED:
		return hlsunits_packed_scan(seg, pts) && (*dts = *pts, true);
	case HLS_KIND_UNKNOWN:
		break;
	}
	return false;
}

static bool
lists_cues(const struct tsdemux *d)
{
	for (unsigned i = 0; i < d->nstream; i++)
		if (d->stream[i]->codec == CODEC_SCTE35 && !d->stream[i]->gone)
			return true;
	return false;
}

/* Demultiplex until the streams are known. */
static bool
find_cues(struct tsdemux *d, const uint8_t *p, size_t len)
{
	struct tsdemux_event ev;
	size_t used;

	while (tsdemux_next(d, p, len, &used, &ev) == 1) {
		p += used;
		len -= used;
		if (ev.type == TSDEMUX_STREAMS && d->nstream > 0)
			return lists_cues(d);
		if (ev.type == TSDEMUX_UNIT)
			break;
	}
	return false;
}

bool
hlsscan_has_cues(const struct hlstrack_segment *seg)
{
	struct tsdemux d;
	bool found;

	if (hlsunits_kind(seg) != HLS_KIND_TS)
		return false;
	if (tsdemux_init(&d) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	found = (seg->map != NULL && find_cues(&d, seg->map, seg->map_len)) ||
	    find_cues(&d, seg->data, seg->len);
	tsdemux_free(&d);
	return found;
}
