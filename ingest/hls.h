/*
 * hls.h - HLS as a source: which playlists, in which order, at which pace.
 *
 * One variant of a multivariant playlist is chosen, with the audio renditions of
 * its group.  Transport stream segments without separate audio pass through as
 * bytes; all else becomes access units, merged by time.  What is live comes out
 * at the pace of its timestamps, HLSTRACK_HOLD target durations behind the end
 * of the playlist; with EXT-X-PROGRAM-DATE-TIME as its clock.
 *
 * Spec     draft-pantos-hls-rfc8216bis, mlive-ingest(1).
 * Memory   hls_pull_new() gives, hls_pull_free() frees.
 * Errors   As in source.h.
 */
#ifndef INGEST_HLS_H
#define INGEST_HLS_H

#include "ingest/source.h"
#include "lib/net/fetch.h"

enum hls_cues {				/* where cues come from */
	HLS_CUES_ANY,			/* the stream, else the playlist */
	HLS_CUES_STREAM, HLS_CUES_PLAYLIST,
};

struct hls_choice {			/* the fragment of the URL */
	int64_t	rate, height;		/* 0: the most there is */
	enum hls_cues cues;
	char	audio[64];		/* language or name; "": all */
};

struct hls_pull;

/* s: sets live, keep_time and the rest of it.  url without fragment. */
struct hls_pull *hls_pull_new(struct source *s, struct fetch *f, const char *url,
    const struct hls_choice *choice);
void hls_pull_free(struct hls_pull *h);
void hls_pull_read(struct hls_pull *h, struct source_event *ev, int64_t deadline_ns);
int hls_pull_verdict(const struct hls_pull *h, char *why, size_t size);
int hls_pull_rewind(struct hls_pull *h);
void hls_pull_stats(const struct hls_pull *h, json_t *object);

#endif
