/*
 * note.h - what a recording of the relay holds besides datagrams, in blocks for local
 * use (CAPTURE_NOTE): when it looked at the time, and which inputs went.
 *
 * Shape    Decisions hang on the times of arrivals and on those at which the relay
 *          asked what is due.  With both, they can be made again, whenever that was.
 * Units    ns on the CLOCK_MONOTONIC of the recording; offset_ns brings them to UTC.
 * Memory   Caller's buffers.
 * Threads  Pure functions.
 * Errors   -EBADMSG: it is somebody else's, or of another version.
 */
#ifndef NOTE_H
#define NOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum note_kind {
	NOTE_START = 1,			/* of a piece */
	NOTE_TURN,			/* what was due went out */
	NOTE_GONE,			/* interface: is no input any more */
	NOTE_END,			/* all that was held went out */
};

struct note {
	enum note_kind kind;
	uint32_t interface;
	int64_t	 time_ns;
	/* NOTE_START: */
	uint64_t recording;		/* the same in all its pieces */
	int64_t	 offset_ns;
	uint32_t piece;			/* from 0 */
	bool	 live;			/* a source had a pace of its own */
	bool	 bare;			/* a source was of a kind without RTP */
};

#define NOTE_MOST	64		/* bytes of a body */

/* Returns its length, a multiple of 4. */
size_t note_put(const struct note *n, uint8_t p[static NOTE_MOST]);

int note_parse(const uint8_t *p, size_t len, bool swapped, struct note *n);

#endif
