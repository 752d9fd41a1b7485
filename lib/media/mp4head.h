/*
 * mp4head.h - boxes that the headers of all files have: with fragments, mp4mux.h, or
 * without, mp4file.h.
 *
 * Spec     ISO/IEC 14496-12 8.2, 8.3, 8.4, 8.5.2 (sample entries: see mp4mux.h), 8.7.2;
 *          23001-18 7 (evte).
 * Units    The timescale given; created: seconds since 1904, 0 is not said.
 * Memory   As box.h.
 */
#ifndef MP4HEAD_H
#define MP4HEAD_H

#include "lib/media/box.h"
#include "lib/media/mp4.h"

/* Is there a place for its codec? */
bool mp4_can_hold(const struct mp4_track *t);

void mp4_mvhd_put(struct box *b, uint32_t timescale, uint64_t duration, uint64_t created,
    uint32_t next_track_id);
void mp4_tkhd_put(struct box *b, const struct mp4_track *t, enum codec_kind kind,
    uint64_t duration);
void mp4_mdhd_put(struct box *b, const struct mp4_track *t, uint64_t duration);
void mp4_hdlr_put(struct box *b, enum codec_kind kind);

/* Begins it, with its header and dinf: stbl follows, and box_end(). */
size_t mp4_minf_start(struct box *b, enum codec_kind kind);

/* A sample entry, in stsd.  KIND_DATA: of events. */
void mp4_entry_put(struct box *b, const struct mp4_track *t, enum codec_kind kind);

#endif
