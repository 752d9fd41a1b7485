/*
 * sei.h - an SEI message in a NAL unit of its own.
 *
 * Spec     ITU-T H.264 7.3.2.3, 7.3.2.11 and Annex B; H.265 7.3.2.4, 7.3.2.11.
 * Threads  Pure functions.
 */
#ifndef ENCODE_SEI_H
#define ENCODE_SEI_H

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

#endif
