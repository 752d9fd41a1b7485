/*
 * cmaf.h - CMAF ingest: tracks that encoders send, made into channels that
 * players can play.
 *
 * Spec     DASH-IF Live Media Ingest Protocol 1.2, interface 1.
 * Shape    A channel is a folder, a track a folder in it.  Chunks are cut into
 *          segments, objects that grow chunk by chunk; cmafpub.h writes the
 *          playlists and the manifest.  A segment is named by its time, so that
 *          redundant encoders, and origins, name it alike.
 *          Every request is a sender.  Of what several send of one track
 *          each chunk is taken once, from whoever is first with it; within a
 *          segment only from one encoder, or from others that have sent
 *          the same bytes so far.  What cannot be taken yet waits, bounded.
 * Units    Media time in the track's timescale; ns for the rest.
 * Memory   Channels live until they are idle for CMAF_FORGET_NS.
 * Threads  Any loop; each channel has a lock.
 * Errors   Negative errno: -EBADMSG and -EFBIG of what was sent, -ENODATA media
 *          before a header, -ENOTSUP no single track, -EEXIST another header while
 *          another encoder sends, -ENOBUFS too many channels or tracks.
 */
#ifndef CMAF_H
#define CMAF_H

#include <pthread.h>

#include "lib/media/cmafbox.h"
#include "lib/media/cmafinfo.h"
#include "lib/net/httpd.h"
#include "origin/store.h"
#include "origin/work.h"

#define CMAF_CHANNELS	64
#define CMAF_TRACKS	32
#define CMAF_NAME	64
#define CMAF_PERIODS	32
#define CMAF_PARTS	512		/* of one segment that are listed */
#define CMAF_SEGMENTS	8192
#define CMAF_CHUNK_MAX	(16u << 20)
#define CMAF_WAIT_MAX	(16u << 20)	/* what waits of one sender */
#define CMAF_LATE_NS	(30 * INT64_C(1000000000))	/* what left the list stays so long */
#define CMAF_FORGET_NS	(600 * INT64_C(1000000000))

struct cmaf_part {
	uint64_t t, duration, hash;
	uint64_t pos;
	uint32_t len;
	bool	 independent;
};

struct cmaf_segment {
	uint64_t t, duration, bytes;
	unsigned version;		/* of the track's header */
	unsigned period;		/* number of it */
	bool	 whole, gap, discontinuity;
	struct cmaf_part *part;		/* of the newest ones only */
	unsigned npart;
};

struct cmaf_sender;

struct cmaf_track {
	struct cmaf_channel *channel;
	char	 name[CMAF_NAME];
	uint8_t	*head;			/* ftyp and moov */
	size_t	 head_len;
	struct cmaf_header header;
	unsigned version;		/* of header and timeline; 0: none yet */
	unsigned period;
	int64_t	 offset_ns;		/* of media time to UTC */
	struct cmaf_segment *seg;	/* the last may be open */
	unsigned n, nsize, first;	/* first: that is listed */
	int64_t	 sequence;		/* of seg[0]; -1: not known yet */
	int64_t	 breaks;		/* discontinuities before seg[0] */
	uint64_t next;			/* media time that is expected */
	bool	 counted;		/* not on a grid */
	bool	 fresh;			/* the header is new, and not written yet */
	bool	 chunked, ended, told_ended;
	uint64_t longest, part_longest;	/* segment, part */
	uint64_t peak, told_peak;	/* bit/s */
	struct upload *upload;		/* of the open segment */
	struct httpd_loop *loop;	/* that wakes its readers */
	struct cmaf_sender *owner;	/* of the open segment, or NULL */
	int64_t	 last_ns, taken_ns;	/* something came, was taken */
	int64_t	 idle_ns;		/* between that and what was taken before */
	int64_t	 clean_ns;		/* when to look for what earlier runs left */
	uint64_t dropped, gaps;
	int	 refused;		/* why a segment was not kept, until it is told */
};

struct cmaf_period {
	unsigned number;
	int64_t	 start_ns;		/* UTC */
	int64_t	 offset_ns;		/* of media time in it */
};

struct cmaf_channel {
	struct cmaf *cmaf;
	pthread_mutex_t lock;
	char	 path[HTTP_PATH_MAX];
	unsigned senders;		/* under the lock of struct cmaf */
	unsigned ntrack, nperiod;
	struct cmaf_track *track[CMAF_TRACKS];
	struct cmaf_period period[CMAF_PERIODS];
	bool	 epoch;			/* media time is UTC */
	uint64_t grid_num, grid_den;	/* a segment is num/den s; 0: not known */
	struct cmaf_sender *sender;	/* all of them */
	int64_t	 last_ns;
};

struct cmaf {
	struct store *store;
	struct httpd *httpd;
	struct work *work;
	int64_t	 window_ns;
	const char *pattern;		/* of paths for PUT as well, or NULL */
	pthread_mutex_t lock;
	unsigned n;
	struct cmaf_channel *channel[CMAF_CHANNELS];
};

struct cmaf_waiting {
	struct cmaf_waiting *next;
	struct cmaf_chunk chunk;
	size_t	 len;
	uint8_t	 data[];
};

struct cmaf_sender {
	struct cmaf_sender *next;
	struct cmaf_track *track;
	struct httpd_loop *loop;
	struct cmafbox box;
	struct cmaf_waiting *first, **end;
	size_t	 waiting;		/* bytes */
	unsigned segments;		/* that it began */
	uint64_t max_object;		/* of a segment; set by who opened it */
	bool	 header, differs, finished, begun;
	int64_t	 opened_ns, last_ns;
};

int cmaf_start(struct cmaf *m, struct store *s, struct httpd *h, struct work *w);

/* After the loops have ended: what is open is kept. */
void cmaf_stop(struct cmaf *m);

/* A request begins: gives a sender. */
int cmaf_open(struct cmaf *m, struct httpd_loop *l, const char *channel,
    const char *track, struct cmaf_sender **out);

int cmaf_data(struct cmaf_sender *s, const void *data, size_t len);

/* The request is over; clean: as the sender meant it to end. */
int cmaf_close(struct cmaf_sender **s, bool clean);

/* About once a second, on one loop: what nobody goes on with ends. */
void cmaf_tick(struct cmaf *m, struct httpd_loop *l);

#endif
