#include "ingest/unitgate.h"

void
unitgate_streams(struct unitgate *g, const struct source_event *ev)
{
	g->has_video = false;
	for (unsigned i = 0; i < ev->nstream && i < SOURCE_STREAMS_MAX; i++) {
		g->video[i] = codec_kind(ev->streams[i].codec) == KIND_VIDEO;
		g->has_video |= g->video[i];
	}
}

bool
unitgate_pass(struct unitgate *g, const struct source_event *ev, bool full,
    bool roomy, bool *begins)
{
	bool start = !g->has_video || (g->video[ev->stream] && ev->random_access);

	*begins = false;
	if (full && !g->shut) {
		g->shut = true;
		g->gaps++;
	}
	if (g->shut && (!start || full || !roomy)) {
		g->dropped++;
		return false;
	}
	*begins = g->shut;
	g->shut = false;
	return true;
}
