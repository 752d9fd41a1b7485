/*
 * pushfeed.h - one program of a transport stream as tags of RTMP, in order of time.
 *
 * Its first video track (AVC or HEVC) and one of its audio tracks (AAC).  What comes
 * begins with a key picture at 0; time goes on over breaks of the source's clock.
 * Tracks are put in order as far as they are within a second of each other.
 *
 * Spec     flv.h; Adobe Flash Video File Format 10.1 E.5 (onMetaData).
 * Units    90 kHz ticks; ns on CLOCK_MONOTONIC.
 * Memory   pushfeed_free() gives all back.  An item that is lent is to be referred to by
 *          who keeps it.
 * Threads  Belongs to one thread.
 * Errors   -ENOMEM; -ENOTSUP the program has what RTMP does not carry: why says what.
 */
#ifndef ENCODE_PUSHFEED_H
#define ENCODE_PUSHFEED_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/epoch.h"
#include "encode/pushitem.h"
#include "lib/base/why.h"
#include "lib/media/audio.h"
#include "lib/media/tsdemux.h"
#include "lib/media/video.h"

/* Which audio track: the first of AAC, none, by number from 1, or by language. */
struct pushaudio {
	bool	 any, none;
	unsigned number;
	char	 language[4];
};

struct pushfeed_config {
	uint16_t program;		/* 0: the first with video, else with audio */
	struct pushaudio audio;
	void	(*item)(void *arg, struct pushitem *item);
	void	*arg;
};

struct pushlane {			/* what waits for the others */
	bool	 expected, idle;	/* idle: it is not waited for */
	bool	 has_last;
	int64_t	 last_t;
	struct pushitem *head, **tail;
};

enum { PUSHLANE_VIDEO, PUSHLANE_AUDIO, PUSHLANES };

struct pushfeed_counts {
	uint64_t video, audio;		/* tags */
	uint64_t skipped;		/* units before the first key picture */
	uint64_t damaged;		/* units, and bytes of audio that are no frame */
	uint64_t breaks;		/* of the source's clock */
};

struct pushfeed {
	struct pushfeed_counts counts;
	uint16_t program_number;	/* that in use, or 0 */
	char	 why[WHY_ROOM];
	/* private: */
	struct pushfeed_config config;
	const struct tsdemux_stream *video_stream, *audio_stream;
	uint16_t video_pid, audio_pid;
	enum codec video_codec;
	struct video video;
	struct hdr hdr;			/* of the heads */
	struct audio audio;
	bool	 has_audio;
	struct epoch epoch;
	struct epoch_stream video_place, audio_place;
	bool	 started, told_no_key;
	bool	 entered;		/* the video, by a key picture */
	int64_t	 base, newest_t, video_dts, frame;
	int64_t	 hold_ns, first_ns;
	struct pushlane lane[PUSHLANES];
	struct pushbody *video_config, *audio_config;
	struct pushheads *heads;
	uint32_t video_rate, audio_rate;	/* by the PMT, bit/s */
};

/* "first", "none", "2" or "deu".  Returns 0 or -EINVAL. */
int pushaudio_parse(struct pushaudio *a, const char *text);

void pushfeed_init(struct pushfeed *f, const struct pushfeed_config *config);
void pushfeed_free(struct pushfeed *f);

/* The programs and streams are other than before. */
int pushfeed_streams(struct pushfeed *f, const struct tsdemux *d);

/* A unit of any stream; what does not belong to the program is passed over. */
int pushfeed_unit(struct pushfeed *f, const struct tsdemux_event *ev);

/* Now and then: what waits for a track that does not come goes on without. */
void pushfeed_tick(struct pushfeed *f, int64_t now_ns);

/* No more will come. */
int pushfeed_end(struct pushfeed *f);

#endif
