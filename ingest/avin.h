/*
 * avin.h - containers by libavformat: from bytes to units as TS carries them.
 *
 * Reads MP4, MOV, Matroska, WebM and FLV, whole or in fragments, through the
 * caller's functions or, for rtmp and rtsp, by URL.  Sorts the streams by decoding time
 * (files), turns length-prefixed NAL units into Annex B, AAC into ADTS, gives
 * Opus its control header.  Streams that a transport stream cannot carry are
 * left out with a warning, but for the video: that is a fatal error, status 3.
 *
 * Units    90 kHz; the time 0 is the container's, after edit lists.
 * Memory   avin_open() gives, avin_close() frees.  Events borrow until the next
 *          call of avin_read().
 * Threads  One avin belongs to one thread.
 * Shape    Certificates of rtmps are checked, as trust.h says, but for SSL_CERT_DIR.
 * Errors   -EINVAL no container that we know; -EIO and others from the reads.
 */
#ifndef AVIN_H
#define AVIN_H

#include "ingest/source.h"

struct avin_input {
	void *opaque;
	/* Bytes read, 0 at the end, or -errno. */
	int (*read)(void *opaque, uint8_t *buf, int size);
	/* As lseek(2), -1 if it fails; NULL if there is no seeking. */
	int64_t (*seek)(void *opaque, int64_t offset, int whence);
	/* Or, instead of these, an address for libavformat itself. */
	const char *url;
	const char *transport;		/* of rtsp */
	/* Give up waiting on that address? */
	bool (*interrupted)(void *opaque);
};

struct avin;

/* sorted: interleave strictly by decoding time, which needs reading ahead. */
int avin_open(struct avin **a, const struct avin_input *in, const char *name,
    bool sorted);
void avin_close(struct avin *a);

/* The first error that libavformat told of since avin_open() in this thread, or "". */
const char *avin_reason(void);

/*
 * The next event: SOURCE_STREAMS first, then SOURCE_UNIT, at last SOURCE_END.
 * Returns 0, or -errno when reading failed.
 */
int avin_read(struct avin *a, struct source_event *ev);

/* The UTC in ns that the time 0 was, if the server has said so, or 0. */
int64_t avin_clock(const struct avin *a);

/* Back to the first unit.  0 or -errno. */
int avin_rewind(struct avin *a);

#endif
