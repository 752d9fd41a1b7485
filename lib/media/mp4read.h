/*
 * mp4read.h - read fragmented MP4: tracks of the header, samples of segments.
 *
 * Spec     ISO/IEC 14496-12 8.3 to 8.8, 8.16.5 (prft); 14496-14, 14496-15; CMAF as
 *          in mp4mux.h, but several tracks, any order of boxes that 14496-12
 *          allows, and every form of tfhd and trun are read too.
 * Memory   Nothing allocates: everything borrows the bytes given.
 * Threads  Pure functions and caller's structs.
 * Errors   -EBADMSG damaged, -ENOTSUP a file this is not meant for (no mvex).
 */
#ifndef MP4READ_H
#define MP4READ_H

#include "lib/media/mp4.h"

#define MP4_TRACKS_MAX	32
#define MP4_FRAGMENT_MAX	(256u << 20)	/* a longer one is damage */

struct mp4_init {
	unsigned n;			/* tracks of unknown kind are among them */
	struct mp4_track track[MP4_TRACKS_MAX];
};

/* Read ftyp and moov; what follows in p is not looked at. */
int mp4_init_parse(const uint8_t *p, size_t len, struct mp4_init *init);

const struct mp4_track *mp4_init_find(const struct mp4_init *init,
    uint32_t track_id);

/* [styp|sidx|prft|emsg|...]* moof [...]* mdat */
struct mp4_fragment {
	const struct mp4_init *init;
	bool	 segment_start;		/* a styp or sidx is before it */
	uint32_t sequence_number;
	bool	 has_prft;
	struct mp4_prft prft;
	/* private: */
	const uint8_t *base;		/* the front: offsets count from here */
	size_t	 front_len, moof_start, moof_off, moof_len, mdat_off, mdat_len;
	size_t	 emsg_next, traf_next, traf_end, trun_next, trun_end, sample_pos;
	const struct mp4_track *track;
	uint32_t tfhd_duration, tfhd_size, tfhd_flags;
	uint32_t trun_flags, first_flags, left;
	bool	 first;
	uint64_t dts;
	size_t	 data_off, base_data;
};

/*
 * The next fragment at the front of p[0..len).  Returns 1 when all of it is
 * there, 0 when more is needed (*want: how long p must be at least, as far as is
 * known), -EBADMSG.  *used: bytes to drop; with 1 it is the whole fragment, which
 * must stay while it is read; with 0 or an error it is 0.
 */
int mp4_fragment_next(const struct mp4_init *init, const uint8_t *p, size_t len,
    size_t *used, size_t *want, struct mp4_fragment *f);

/*
 * The next sample, in file order, and its track.  Returns 1, 0 at the end,
 * -EBADMSG.  Samples of tracks not in init are passed over.
 */
int mp4_sample_next(struct mp4_fragment *f, const struct mp4_track **track,
    struct mp4_sample *s);

/* The next emsg before the moof.  Returns 1, 0, or -EBADMSG. */
int mp4_emsg_next(struct mp4_fragment *f, struct mp4_emsg *e);

#endif
