/*
 * assemble.h - files of the tracks of a piece.
 *
 * Spec     mp4file.h; mp4mux.h: a CMAF track file (ISO/IEC 23000-19 7.3.3): header, sidx,
 *          a fragment for each random access point.  Cues: 23001-18 (MP4), emsg (CMAF).
 * Units    Media time.
 * Errors   -ENOMEM, -ENOTSUP, and those of reading and writing.
 */
#ifndef ENCODE_ASSEMBLE_H
#define ENCODE_ASSEMBLE_H

#include "encode/remux.h"

#define ASSEMBLE_TAG	16

struct assemble_file {
	char	 tag[ASSEMBLE_TAG];	/* what tells it from the others: "", "-p2", "-v1" */
	const char *content_type;
	/* private: */
	uint64_t program;		/* bit: MP4 */
	unsigned track;			/* CMAF: samples [from, to), of one description */
	size_t	 from, to;
};

/* Which files there are.  Gives *file; returns how many, 0: nothing that has a place. */
int assemble_plan(const struct remux *m, bool cmaf, struct assemble_file **file);

/* Write one into fd; created_ns: since 1970, or 0. */
int assemble_put(const struct remux *m, bool cmaf, const struct assemble_file *f,
    int64_t created_ns, int fd);

#endif
