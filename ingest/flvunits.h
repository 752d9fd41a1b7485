/*
 * flvunits.h - what a publisher of RTMP sends, as the units of a transport stream.
 *
 * AVC and HEVC in Annex B, AAC in ADTS, AC-3, E-AC-3, MPEG audio and Opus; several audio
 * tracks, and of several video tracks the first.  Nothing goes out until picture and
 * sound are known, or one of them has been alone for a second; what comes later is
 * announced then.  A sequence header that says the same again changes nothing; one that
 * says something else holds from the next unit on.
 *
 * Spec     As flv.h; the hints of onMetaData: FLV 10.1 E.5.
 * Shape    Tags go in, events of source.h come out by a callback, SOURCE_BREAK first.
 * Units    Timestamps of tags in ms modulo 2^32; of events 90 kHz; utc in ns.
 * Memory   flvunits_new() gives, flvunits_free() frees; an event borrows until the
 *          callback returns.  What is held back at the start has a limit.
 * Threads  One.
 * Errors   -ENOTSUP video of a codec that a transport stream cannot carry; -ENOMEM.
 *          Damage is counted.
 */
#ifndef FLVUNITS_H
#define FLVUNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ingest/source.h"

struct flvunits_counts {
	uint64_t video, audio;		/* tags */
	uint64_t damaged;		/* tags, or packets in them */
	uint64_t unconfigured;		/* units before their sequence header, or the first */
					/* key picture */
	uint64_t left_out;		/* of codecs and tracks that are not taken */
	uint64_t configs;		/* sequence headers that changed something */
	uint64_t colours;		/* messages with HDR metadata beside the pictures */
};

struct flvunits_config {
	const char *name;		/* for messages */
	void *arg;
	void (*event)(void *arg, const struct source_event *ev);
	bool (*may_tell)(void *arg);	/* asked before each message; NULL: always */
	struct flvunits_counts *counts;
};

struct flvunits;

struct flvunits *flvunits_new(const struct flvunits_config *cfg);	/* NULL: no memory */
void flvunits_free(struct flvunits *f);

/* One tag, of audio or of video.  codec: for -ENOTSUP, its name. */
int flvunits_tag(struct flvunits *f, bool video, uint32_t timestamp, const uint8_t *p,
    size_t len, int64_t utc_ns, char codec[static 5]);

/* The values of a data message in AMF 0: onMetaData, or @setDataFrame with it. */
void flvunits_data(struct flvunits *f, const uint8_t *p, size_t len);

/* Now and then: the second may be over.  0 or -ENOMEM. */
int flvunits_tick(struct flvunits *f, int64_t utc_ns);

#endif
