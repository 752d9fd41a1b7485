/*
 * assemble_private.h - what MP4 and CMAF files are made with.
 */
#ifndef ENCODE_ASSEMBLE_PRIVATE_H
#define ENCODE_ASSEMBLE_PRIVATE_H

#include "encode/assemble.h"

/* The next len bytes of a file, from at on, to the end of another. */
int assemble_copy(int from, uint64_t at, uint64_t len, int to);

/* Does it have samples; its order, as the packager names them: larger first, then by PID. */
bool assemble_has(const struct remux_track *t);
bool assemble_before(const struct remux_track *a, const struct remux_track *b);

/* An event as DASH has it; presentation_time in ticks of timescale, on media time. */
struct mp4_emsg assemble_event(const struct remux *m, const struct remux_cue *c,
    uint32_t timescale);

/* assemblecmaf.c */
int assemble_cmaf(const struct remux *m, const struct assemble_file *f, int fd);

#endif
