/*
 * feed.h - one of several inputs: a mlive-ingest of its own, and what came of it.
 *
 * Each input is read by a process of its own, this same program with the one
 * source, whose output comes through a pipe.  So none can stall or end another,
 * each has its own pace, and whatever ends by itself is started again.  What it
 * brings is taken apart into units, and those since a random access point that
 * lies far enough back are kept, for a switch to begin with.
 *
 * Units    pts, dts: 90 kHz, unwrapped, on the input's own clock.  ns of
 *          CLOCK_MONOTONIC, utc_ns since 1970.
 * Memory   feed_free() gives all back, and ends the process.  What is kept is at
 *          most keep_ns and a group of pictures long, and FEED_BYTES.
 * Threads  One.
 * Errors   The system: fatal(), but for what may pass: no process to be had now.
 */
#ifndef FEED_H
#define FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "ingest/failon.h"
#include "ingest/feedwatch.h"
#include "ingest/source.h"
#include "lib/media/tsdemux.h"
#include "lib/media/video.h"

#define FEED_STREAMS	SOURCE_STREAMS_MAX
#define FEED_BYTES	(96u << 20)
#define FEED_ARGS	16
#define FEED_PROGRAM	"mlive-ingest-input"	/* argv[0] of its process */
#define FEED_PREROLL	(10 * INT64_C(90000))	/* that readers of mts(7) take for such */

struct feed_stream {
	bool	 present;		/* in the program now */
	uint16_t pid;
	uint8_t	 stream_type;
	enum codec codec;
	enum codec_kind kind;
	struct source_stream info;
	int64_t	 dts, gap;		/* the last one; from the one before it */
};

/* One unit, or a section, in the order in which they came. */
struct feed_unit {
	struct feed_unit *next;
	unsigned stream;
	bool	 main;			/* of the stream that decides: the first video,
					 * or without any the first audio */
	bool	 random_access, damaged, section;
	bool	 untimed;		/* no pts of its own; dts is that of the video before it */
	bool	 breaks;		/* has nothing to do with what came before */
	uint32_t tables;		/* of the feed, when it came */
	int64_t	 pts, dts;		/* of a section: those of the video before it */
	int64_t	 mono_ns, utc_ns;	/* arrival; utc 0: not known */
	size_t	 len;
	uint8_t	 data[];
};

struct feed {
	const char *name;
	char	*argv[FEED_ARGS];
	unsigned argc;
	bool	 uses_stdin;
	int64_t	 keep_ns;

	pid_t	 pid;			/* 0: none now */
	int64_t	 asked_ns;		/* when it was asked to end; 0: it was not */
	int	 fd;			/* -1: none */
	struct backoff backoff;
	bool	 ended;			/* it came to its end */
	bool	 brought;		/* the process has brought units */
	bool	 told;			/* that it fails */
	uint64_t ends;			/* times that it ended otherwise, */
	int	 status;		/* the last time with this */
	bool	 once;			/* it is not started again */
	uint64_t bytes;

	bool	 demuxing;
	struct tsdemux demux;
	int	 program;		/* index in demux; -1: none yet */
	struct video scan;		/* of the main stream, if that says nothing itself */
	bool	 scanning, flagged;
	size_t	 len;
	uint8_t	 buf[64 * 1024];
	uint64_t cc_errors;		/* of earlier processes; see feed_cc_errors() */

	unsigned nstream;
	struct feed_stream stream[FEED_STREAMS];
	uint32_t tables;		/* goes up with each change of them */
	bool	 broken;		/* the next unit of the main stream breaks */
	int64_t	 last_pts;		/* of the main stream */
	int64_t	 newest_pts, newest_ns;	/* the latest picture since the last break */
	int64_t	 unit_ns;		/* when the last unit of the main stream came */
	int64_t	 sound_ns;		/* and of any audio */
	int64_t	 access_pts;		/* of the last random access point */
	const struct failon *failon;
	struct feedwatch *watch;	/* or NULL: no condition needs it */
	bool	 has_clock;
	int64_t	 clock_pts, clock_utc_ns;	/* the last PCR with a time of arrival */

	struct feed_unit *first, **tail;
	struct feed_unit *next;		/* that the tool is to take; NULL: none yet */
	bool	 used;			/* it takes them */
	size_t	 kept;			/* bytes */
	uint64_t overruns;		/* times that too much had to be kept */
};

/* The process gets those of our options that are of use to this source. */
void feed_init(struct feed *f, const struct source_config *cfg, const char *name,
    const char *program, const struct failon *failon, int64_t keep_ns);

/* Start the process if there is none and it is time to. */
void feed_start(struct feed *f, int64_t now_ns);

/*
 * Its pipe has something: take it, or its end.  If it could not even begin, because
 * of its address, that is fatal().
 */
void feed_read(struct feed *f, int64_t now_ns);

/* It is silent, or bad: what comes next begins anew, at a random access point. */
void feed_break(struct feed *f);

/* Take the unit at f->next, which stays with the feed until feed_read(). */
struct feed_unit *feed_take(struct feed *f);

/*
 * Where to begin so that pictures from pts on can be shown: the last random access
 * point not after pts, else the first after it; with no damage behind it, unless any
 * will do.  NULL: there is none.
 */
struct feed_unit *feed_find(const struct feed *f, int64_t pts, bool any);

/*
 * The tool takes units from u on, and those of other streams that came before it and
 * are not earlier than pts, and all sections: these may speak of what is to come.  All
 * others are dropped.
 */
void feed_use(struct feed *f, struct feed_unit *u, int64_t pts);
void feed_unuse(struct feed *f);

/* The stream that decides, or NULL. */
const struct feed_stream *feed_main(const struct feed *f);

/* For how long no sound has come, though there is some in the program; ns. */
int64_t feed_soundless_ns(const struct feed *f);
uint64_t feed_cc_errors(const struct feed *f);

/* Ask its process to end, for feed_free(), which gives it a second from then on. */
void feed_end(struct feed *f);
void feed_free(struct feed *f);

#endif
