/*
 * source.h - what mlive-ingest reads from: one table entry for each kind.
 *
 * A source hands out events, one for each call of read(): transport stream
 * bytes as they came, or access units for us to multiplex, and between them
 * what there is to know about them (streams, clock, joins, breaks).  The tool
 * does the rest: packets, programs, restamping, pacing, clock packets, counting,
 * the warning and the note when a live source stops and goes on.
 *
 * Shape    A source gives SOURCE_BYTES only or SOURCE_UNIT only, never both.
 * Units    pts, dts: 90 kHz, unwrapped int64.  utc_ns since 1970; deadlines on
 *          CLOCK_MONOTONIC in ns.
 * Memory   open() gives the source, close() frees it.  What an event points to
 *          is borrowed until the next call of read().
 * Threads  All calls come from one thread; a source may have its own behind.
 * Errors   A source that cannot be used ends the tool with fatal(): status 2
 *          for a key or value of the URL, 3 for content, 1 for the system or a
 *          peer.  What may come back is no error but a warning and a wait.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/base/backoff.h"
#include "lib/base/rational.h"
#include "lib/base/url.h"
#include "lib/media/codec.h"

#define SOURCE_STREAMS_MAX	32
#define SOURCE_NO_TIME		INT64_MIN

/* What the command line says that a source may want to know. */
struct source_config {
	const char *name;	/* the source as it was given, for messages */
	bool	    realtime, loop, reopen, watch;
	bool	    whole;	/* a part of a list: as fast as it can be read */
	const char *program;	/* -P, as given, or NULL */
	int64_t	    duration_ns;	/* -t, or 0: without end */
};

/*
 * An elementary stream of a source that gives units.  The units are as they
 * stand in PES packets: AVC and HEVC in Annex B, each with its access unit
 * delimiter and with parameter sets at random access points, AAC in ADTS, Opus
 * with its control header; for CODEC_SCTE35 a section, whose times are on the
 * timeline of the units and whose dts says what it comes before.
 */
struct source_stream {
	enum codec	codec;
	uint8_t		stream_type;	/* of the PMT; 0: by the codec */
	bool		absent;		/* the place is kept, but nothing is there now */
	char		language[4];	/* ISO 639-2, "" if not known */
	struct rational rate;		/* pictures a second, or {0, 0} */
	int64_t		origin;		/* a pts that a picture has, or would have */
	size_t		desc_len;	/* descriptors for the PMT beyond those */
	uint8_t		desc[128];	/* that follow from codec and language */
};

enum source_what {
	SOURCE_NOTHING,		/* the deadline has come, or a stop was asked */
	SOURCE_BYTES,		/* data, len, utc_ns: of a transport stream */
	SOURCE_UNIT,		/* stream, data, len, pts, dts, random_access, utc_ns */
	SOURCE_STREAMS,		/* streams, nstream: before the first unit, and
				 * whenever they change.  A stream that stays keeps
				 * its place in the table. */
	SOURCE_CLOCK,		/* what has the timestamp pts was acquired at utc_ns:
				 * holds until the next one, or a break */
	SOURCE_CUE,		/* data, len: a section of SCTE-35 that is to go in here,
				 * its times as those of the bytes; of length 0:
				 * there will be some */
	SOURCE_JOIN,		/* the bytes that follow are of another file of the
				 * same stream: time goes on, continuity counters
				 * may not, and the tool makes them */
	SOURCE_BREAK,		/* what follows has nothing to do with what came
				 * before: another clock, other counters */
	SOURCE_END,		/* there will be no more */
};

struct source_event {
	enum source_what what;
	const uint8_t *data;
	size_t	len;
	int64_t	utc_ns;		/* arrival: when the bytes came off the network;
				 * 0 for what is not live */
	bool	more;		/* another event is ready without waiting: the
				 * tool may write both at once */
	unsigned stream;	/* place in the table of SOURCE_STREAMS */
	int64_t	pts, dts;
	bool	random_access;
	bool	restamped;	/* its own time was far from those around it */
	const struct source_stream *streams;
	unsigned nstream;
};

/* The first member of each kind's own struct. */
struct source {
	const struct source_type *type;
	const char *name;	/* as in source_config */
	bool live;		/* comes when it comes; false: we decide the pace
				 * and, without --realtime, there is no clock */
	bool keep_time;		/* units: timestamps go out as they are (modulo 2^33);
				 * false: the tool may add a constant after open()
				 * and each break */
	bool announce;		/* units: a break is the switch of a source */
	bool cues, only_cues;	/* bytes: SOURCE_CUE may come; and the stream's own are
				 * to be left out */
	bool own_program;	/* -P has been done */
	bool connected;		/* for the counters: the peer is there */
	uint64_t disconnections;
	int64_t patience_ns;	/* silence that is no news; 0: two seconds */
	size_t stride;		/* bytes from packet to packet; 0: 188 */
};

struct source_type {
	const char *schemes;	/* "udp rtp": of struct url, lower case */

	/* Never NULL: ends the tool if it cannot be.  Asks for all of its keys by
	 * url_get(); the tool refuses what is left.  Must not wait for a peer
	 * that may be away: that is for read().  May give a source of another
	 * type, which it sets. */
	struct source *(*open)(const struct source_config *cfg, struct url *url);

	/* Fill *ev, at the latest when deadline_ns has come or io_stopping(). */
	void (*read)(struct source *s, struct source_event *ev, int64_t deadline_ns);

	/* Begin again (--loop), after SOURCE_END; NULL: cannot.  0, -ENOTSUP for one that
	 * has ended for good, which its verdict tells of, or another -errno. */
	int (*rewind)(struct source *s);

	/* When all is over: what to end with, and why if not 0; may be NULL. */
	int (*verdict)(const struct source *s, char *why, size_t size);

	/* Add counters of its own to a line of --stats; may be NULL. */
	void (*stats)(const struct source *s, json_t *object);

	void (*close)(struct source *s);
};

/* Every kind there is, and the table of them, ended by NULL (sources.c). */
extern const struct source_type source_file, source_http, source_legs, source_object,
    source_udp, source_pull, source_test;

/* rtmp:// and rtmps:// without a host: one publisher (rtmplisten.c). */
extern const struct source_type source_rtmp_listen;
struct source *rtmp_listen_open(const struct source_config *cfg, struct url *url);
extern const struct source_type *const source_types[];

/* An address of SRT, RIST, or of RTP that says something of FEC (legs.c). */
struct source *legs_open(const struct source_config *cfg, struct url *url);

/* A file of a web server that does byte ranges (object.c); the strings are borrowed. */
struct source *object_open_http(const char *name, const char *url);

/* A playlist that is a file, with or without a fragment: NULL if path is none. */
struct source *http_open_playlist(const struct source_config *cfg, const char *path);

#endif
