/*
 * flvtrack.h - one track of a publisher: its configuration, and packets made units.
 *
 * Units    90 kHz.
 * Memory   flvtrack_free() gives all back; a unit borrows the packet or the track until
 *          the next call.
 * Errors   -EBADMSG damaged, -ENOTSUP, -ENOMEM.
 */
#ifndef FLVTRACK_H
#define FLVTRACK_H

#include "ingest/msgrid.h"
#include "ingest/source.h"
#include "lib/media/audio.h"
#include "lib/media/flv.h"
#include "lib/media/video.h"

struct flvtrack {
	bool	 is_video;
	unsigned id;
	uint32_t fourcc;
	bool	 configured;		/* info is right */
	bool	 announced;		/* it has a place in the table of streams */
	bool	 started;		/* video: a key picture has come */
	struct source_stream info;
	struct hdr hdr;			/* what is said beside the pictures, the caller's */

	/* private: */
	uint8_t	*config;		/* the last record */
	size_t	 config_len;
	struct video video;
	struct audio_info audio;
	struct audio parser;		/* of what describes itself */
	bool	 have_video, have_parser;
	struct msgrid grid;
	int64_t	 last_dts, lag;
	uint8_t	*buf;
	size_t	 size;
};

/* What onMetaData says: hints.  0: not said. */
struct flvtrack_hints {
	struct rational rate;
	uint32_t audio_rate, channels;
};

/* Which codec of ours it is; CODEC_UNKNOWN: none. */
enum codec flvtrack_codec(uint32_t fourcc);

void flvtrack_init(struct flvtrack *t, bool is_video, unsigned id, uint32_t fourcc);
void flvtrack_free(struct flvtrack *t);

/* A record: does it say something new?  -EBADMSG also for an empty one. */
bool flvtrack_is_new(const struct flvtrack *t, const uint8_t *p, size_t len);
int flvtrack_config(struct flvtrack *t, const uint8_t *p, size_t len,
    const struct flvtrack_hints *hints);

/* Without a record: from the packet itself, or as such streams usually are. */
int flvtrack_guess(struct flvtrack *t, const uint8_t *p, size_t len,
    const struct flvtrack_hints *hints);

/* A packet that will come: how much earlier than it says are pictures decoded? */
void flvtrack_foresee(struct flvtrack *t, const struct flv_packet *pkt);

/* 1 with *ev filled but for what, stream and utc_ns; 0: there is no unit in it. */
int flvtrack_unit(struct flvtrack *t, const struct flv_packet *pkt, int64_t time_90k,
    struct source_event *ev);

#endif
