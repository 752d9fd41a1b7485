/*
 * hlsplan.h - what the ad markers of a playlist mean: a message for each thing that
 * happens, once.
 *
 * The markers of a segment are taken together: those that speak of one break become
 * one message.  Binary SCTE-35 gives the command, its ids, types and UPIDs; if it has
 * no duration, that of EXT-X-CUE-OUT is put in.  Where there is none, a splice_insert
 * is made: event ids and avail_num from 1, auto_return where the duration is known.
 * A break that began before we joined is announced with what is left of it.
 *
 * Spec     ANSI/SCTE 35 2022b; markers: hlscue.h.
 * Units    ns in the playlist, 90 kHz in messages.
 * Memory   hlsplan_new() gives, hlsplan_free() frees.
 * Errors   None: what cannot be understood is left out, counted, and said once.
 */
#ifndef INGEST_HLSPLAN_H
#define INGEST_HLSPLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/hls.h"

struct hlsplan_message {
	int64_t	 number;		/* of the segment at whose first picture it is */
	int64_t	 offset;		/* or so much later */
	uint64_t pts;			/* what the section says now: to be moved */
	size_t	 len;
	const uint8_t *section;		/* borrowed for the call */
};

typedef void hlsplan_emit(void *arg, const struct hlsplan_message *message);

struct hlsplan;

struct hlsplan *hlsplan_new(const char *name, hlsplan_emit *emit, void *arg);
void hlsplan_free(struct hlsplan *p);

/* Does the playlist have markers at all? */
bool hlsplan_sees(const struct hls *list);

/*
 * The next segment of the playlist in order.  At the first one, and the first after
 * hlsplan_join(), those before it tell which break is open.  begun: the pictures of
 * segments up to this number have gone.
 */
void hlsplan_segment(struct hlsplan *p, const struct hls *list, size_t index,
    int64_t begun);

/* What follows is another beginning; all: of the same, and nothing is open. */
void hlsplan_join(struct hlsplan *p, bool all);

uint64_t hlsplan_breaks(const struct hlsplan *p);
uint64_t hlsplan_left_out(const struct hlsplan *p);

#endif
