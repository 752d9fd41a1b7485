/*
 * pass.h - a transport stream on its way through: every PID keeps its bytes.
 *
 * What is added: clock packets (ebp.h), cues of a playlist with a PID for them.  What may go: junk between packets, null
 * packets, programs that were not chosen.  What changes: nothing in the first
 * pass over a file; from the second on (--loop) PCR, PTS and DTS move on by the
 * length of the file and the continuity counters go on.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.4 (discontinuity), 2.4.3.5 (PCR), 2.4.3.7 (PES).
 * Units    27 MHz for PCR and media time, 90 kHz for PTS and DTS.
 * Memory   pass_new() gives, pass_free() frees.
 */
#ifndef PASS_H
#define PASS_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "ingest/out.h"
#include "ingest/source.h"

struct pass_config {
	const char *name;
	bool	 live;			/* bytes come with the time of their arrival */
	bool	 realtime;		/* pace by PCR */
	bool	 loop;			/* pass_loop() may come */
	bool	 drop_null;
	bool	 cues, only_cues;	/* pass_cue() may come; instead of the stream's */
	unsigned program;		/* program_number, 0: all */
	size_t	 stride;		/* of the bytes; 0: 188 */
	int64_t	 duration;		/* 27 MHz, 0: no end */
};

struct pass;

struct pass *pass_new(const struct pass_config *cfg, struct out *out);
void pass_free(struct pass *p);

/* SOURCE_BYTES.  False: the duration is over. */
bool pass_bytes(struct pass *p, const struct source_event *ev);

/* SOURCE_CUE */
void pass_cue(struct pass *p, const uint8_t *section, size_t len);

void pass_clock(struct pass *p, int64_t pts, int64_t utc_ns);	/* SOURCE_CLOCK */
void pass_join(struct pass *p);					/* SOURCE_JOIN */
void pass_break(struct pass *p);				/* SOURCE_BREAK */

/* The file is about to be read again from its start. */
void pass_loop(struct pass *p);

/* Write what is still held.  Then the counters are final. */
void pass_end(struct pass *p);

uint64_t pass_packets(const struct pass *p);
uint64_t pass_lost(const struct pass *p);
int64_t pass_media(const struct pass *p);	/* 27 MHz that have gone by */

/* Were there more bytes between packets than in packets? */
bool pass_is_junk(const struct pass *p);

/* Nothing but, and it begins as a file of MP4 does. */
bool pass_is_mp4(const struct pass *p);

/* Has the chosen program never been seen?  Its message is the caller's. */
bool pass_lacks_program(const struct pass *p, char *list, size_t size);

void pass_stats(const struct pass *p, json_t *object);
void pass_log(const struct pass *p);		/* one line of counters */

#endif
