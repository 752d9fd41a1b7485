/*
 * grab.h - from a transport stream the one picture of each interval.
 *
 * An interval has the number floor(time / every), and its picture is the first
 * random access point in it, which is decoded alone; or where those are further
 * apart, or exact is asked for, the first picture, for which all are decoded.
 *
 * Time is UTC as epoch.h has it of a live stream, and counts from 0 at the first
 * picture of one that is not.
 *
 * Units    90 kHz ticks inside; ns outside.
 * Memory   grab_free() gives all back; a picture that is lent is good for the call.
 * Threads  Belongs to one thread; decoders may have some of their own.
 * Errors   -ENOMEM.  Damage is counted.
 */
#ifndef ENCODE_GRAB_H
#define ENCODE_GRAB_H

#include "encode/ahead.h"
#include "encode/decode.h"
#include "encode/epoch.h"
#include "encode/size.h"
#include "encode/still.h"
#include "lib/media/tsdemux.h"
#include "lib/media/video.h"

struct grab_config {
	int64_t	 every_ns;
	bool	 exact;
	uint16_t program;		/* 0: choose by size */
	struct size_spec size;
	bool	 arrival, recording;	/* --clock */
	bool	 regular;		/* the input is a file */
	/* A picture for this interval, which began at utc_ns. */
	void	(*picture)(void *arg, const AVFrame *f, int64_t slot, int64_t utc_ns);
	void	*arg;
};

/* What is known of a video stream before one is chosen. */
struct grab_video {
	struct tsdemux_stream *stream;	/* NULL: not in use */
	enum codec codec;
	bool	 sets;			/* video is in use: AVC, HEVC */
	struct video video;
	unsigned width, height;		/* 0: not known yet */
	bool	 interlaced;
};

struct grab {
	struct grab_config config;
	struct ahead ahead;
	uint8_t	*buf;
	size_t	 len, size;
	struct tsdemux demux;
	struct epoch epoch;
	struct epoch_stream place;
	bool	 began;			/* first_t is set */
	int64_t	 first_t;
	struct grab_video *video;	/* of the streams; PSI_STREAMS_MAX */
	int	 chosen;		/* of them, or -1 */
	int64_t	 choose_ns;		/* when to choose without knowing all */
	uint16_t program_number;
	/* key pictures */
	bool	 all;			/* all are decoded */
	int64_t	 key_t, key_before;	/* the last two, or PES_NO_TIME */
	unsigned close, known;		/* so many in a row were near enough; were seen */
	bool	 told;
	/* decoding */
	struct decoder decoder;
	bool	 open;
	bool	 windowed;		/* alone, with what helps to deinterlace it */
	unsigned left;			/* units that still belong to it */
	int64_t	 from_t;		/* pictures before this are broken */
	unsigned nframe;		/* the last ones */
	int	 due;			/* which is to be taken, or -1 */
	AVFrame	*frame[STILL_FRAMES];
	int64_t	 slot;			/* the last that has been taken */
	int64_t	 unit_ns;		/* when the last unit came: CLOCK_MONOTONIC */
	/* counters */
	uint64_t units, decoded, damaged, deinterlaced, taken, skipped;
	int	 error;
};

int grab_init(struct grab *g, const struct grab_config *c);

/* Take all of it; eof: no more will come.  Call it now and then without any. */
int grab_take(struct grab *g, const uint8_t *p, size_t len, bool eof);
void grab_free(struct grab *g);

/* Is the chosen stream without pictures, or is there none? */
bool grab_has_video(const struct grab *g);

#endif
