/*
 * avtrack.h - one stream of a container: its packets as units of a transport
 * stream, its times in 90 kHz.
 *
 * Containers that count in milliseconds (FLV, Matroska) get their times back on
 * the grid of pictures or samples where they are off it by no more than that.
 *
 * Units    90 kHz.
 * Memory   avtrack_free() gives all back; a unit borrows the packet or the track
 *          until the next call.
 * Errors   avtrack_unit() returns 0 for a packet that is no unit: it is left out.
 */
#ifndef AVTRACK_H
#define AVTRACK_H

#include <libavcodec/packet.h>
#include <libavformat/avformat.h>

#include "ingest/msgrid.h"
#include "ingest/source.h"
#include "ingest/stray.h"
#include "lib/media/audio.h"
#include "lib/media/video.h"

#define AVTRACK_REORDER_MAX	16

struct avtrack {
	AVStream *st;
	struct source_stream info;
	bool	 prefixed;		/* NAL units with lengths */
	struct video video;
	struct audio_info audio;

	bool	 by_order;		/* there are no decoding times: RTP */
	struct stray stray;
	bool	 restamped;		/* the last packet was a stray */
	int64_t	 last_pts;
	int64_t	 shown[AVTRACK_REORDER_MAX + 1];	/* the latest, the least first */

	bool	 coarse;		/* times in ms */
	struct msgrid grid;
	int64_t	 last_dts;
	uint8_t	*buf;
	size_t	 size;
};

/* False: a transport stream cannot carry it.  name is for messages. */
bool avtrack_init(struct avtrack *t, AVFormatContext *fmt, AVStream *st,
    const char *name);
void avtrack_free(struct avtrack *t);

/* The file begins again. */
void avtrack_restart(struct avtrack *t);

/* Times to 90 kHz, both set.  False: it has none. */
bool avtrack_time(struct avtrack *t, AVPacket *pkt);

/* 1 with *ev filled but for what and stream, 0 to leave it out, -ENOMEM. */
int avtrack_unit(struct avtrack *t, const AVPacket *pkt, struct source_event *ev);

#endif
