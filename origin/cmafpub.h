/*
 * cmafpub.h - the playlists and the manifest of a channel that is ingested.
 *
 * Spec     draft-pantos-hls-rfc8216bis 4.4; ISO/IEC 23009-1 5.3, annex on
 *          SegmentTimeline with $Time$; DASH-IF IOP, low latency.
 * Shape    CHANNEL/index.m3u8, CHANNEL/manifest.mpd, CHANNEL/TRACK/index.m3u8,
 *          written whole through the store.
 * Threads  Under the channel's lock.
 * Errors   Negative errno of the store.
 */
#ifndef CMAFPUB_H
#define CMAFPUB_H

#include "lib/base/text.h"
#include "origin/cmaf.h"

/* What is below the channel's folder; false when the name is too long. */
bool cmafpub_path(const struct cmaf_channel *ch, char out[static HTTP_PATH_MAX],
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Names within the track's folder. */
void cmafpub_init_name(unsigned version, char out[static 32]);
void cmafpub_segment_name(unsigned version, uint64_t t, char out[static 48]);

/* Write bytes as an object, at once. */
int cmafpub_write(struct cmaf *m, const char *path, const void *data, size_t len);

/* The track's own playlist. */
int cmafpub_media(struct cmaf_track *t);

/* The manifest, and the multivariant playlist if what it says has changed. */
int cmafpub_channel(struct cmaf_channel *ch);

/* Texts, for those. */
void cmafhls_media(const struct cmaf_track *t, struct text *out);
void cmafhls_index(struct cmaf_channel *ch, struct text *out);
void cmafdash_put(const struct cmaf_channel *ch, struct text *out);

/* bit/s to say; ns of media time. */
uint64_t cmafpub_rate(const struct cmaf_track *t);

static inline int64_t
cmafpub_ns(const struct cmaf_track *t, uint64_t v)
{
	return (int64_t)((__int128)v * 1000000000 / t->header.timescale);
}

static inline bool
cmafpub_listed(const struct cmaf_track *t)
{
	return t->sequence >= 0 && t->n > 0 && t->header.kind != CMAF_OTHER &&
	    t->header.codecs[0] != '\0';
}

#endif
