/*
 * words.h - what a splice information section means, for a person.
 *
 * Memory   The caller's string; what does not fit is cut off.
 */
#ifndef SCHEDULE_WORDS_H
#define SCHEDULE_WORDS_H

#include <stddef.h>
#include <stdint.h>

#include "lib/media/scte35.h"

#define WORDS_MAX	2048

/* "out at 10:00:04.000 for 60.000s, then back: event 7" */
void words_of(const struct scte35 *s, char out[static WORDS_MAX]);

/* 90 kHz as "9:59:56.000" into a buffer of this many bytes. */
#define WORDS_TIME	24
void words_time(uint64_t pts, char out[static WORDS_TIME]);

#endif
