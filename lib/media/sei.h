/*
 * sei.h - SEI messages: to read them, and to write one in a NAL unit of its own.
 *
 * Spec     ITU-T H.264 7.3.2.3, 7.3.2.11 and Annex B; H.265 7.3.2.4, 7.3.2.11.
 * Threads  Pure functions.
 */
#ifndef SEI_H
#define SEI_H

#include <stddef.h>
#include <stdint.h>

#include "lib/media/codec.h"

#define SEI_HEAD	12	/* bytes around a message, and to spare */

/*
 * With its start code.  A message has at most 254 bytes; the result is at most SEI_HEAD
 * longer than half as much again.  Returns its length.
 */
size_t sei_put(uint8_t *out, enum codec codec, uint8_t type, const uint8_t *message,
    size_t len);

struct sei_message {
	size_t	 type;			/* payloadType */
	const uint8_t *data;		/* borrowed */
	size_t	 len;
};

/*
 * The message at pos of what a NAL unit has after its header, without emulation prevention;
 * pos goes on.  1, 0: there is none, or -EBADMSG: it is cut.
 */
int sei_next(const uint8_t *p, size_t len, size_t *pos, struct sei_message *m);

#endif
