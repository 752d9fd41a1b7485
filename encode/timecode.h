/*
 * timecode.h - SMPTE timecode: labels of pictures, and the SEI messages that carry them.
 *
 * A label follows from a count of pictures.  At 30000/1001 and 60000/1001 it is a drop
 * frame one, which stays with the clock; at other rates all labels are used.
 *
 * Spec     SMPTE ST 12-1 (labels, drop frame); ITU-T H.264 D.1.3 and D.2.3 (pic_timing),
 *          H.265 D.2.27 and D.3.27 (time_code); SMPTE RP 188 as libavutil has it (S12M).
 * Units    Times in ns; counts in pictures of the rate.
 * Threads  Pure functions.
 */
#ifndef ENCODE_TIMECODE_H
#define ENCODE_TIMECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/rational.h"

#define TIMECODE_TEXT	24		/* "23:59:59;29" */
#define TIMECODE_SEI	16		/* bytes of a message, at most */

struct timecode {
	int	h, m, s, f;
	int	drop;			/* labels left out in nearly each minute: 0, 2, 4 */
};

/* Of picture n since the label 0; it comes round after a day of labels. */
struct timecode timecode_of(int64_t n, struct rational rate);

/* The other way; what is no label is taken as one close by. */
int64_t timecode_count(const struct timecode *tc, struct rational rate);

/* How many pictures the one nearest this time of the day, UTC, is behind that of midnight. */
int64_t timecode_clock(int64_t utc_ns, struct rational rate);

/* "10:00:00:00", with a semicolon for drop frame; false: it is none at this rate. */
bool timecode_parse(const char *s, struct rational rate, struct timecode *tc);
void timecode_text(const struct timecode *tc, char out[static TIMECODE_TEXT]);

/* As libavutil has it of a source of this rate: AV_FRAME_DATA_S12M_TIMECODE. */
struct timecode timecode_s12m(uint32_t v, struct rational rate);

/* As the GOP header of H.262 has it: AV_FRAME_DATA_GOP_TIMECODE. */
struct timecode timecode_gop(int64_t v);

/* The message without its type and size.  Returns its length. */
size_t timecode_pic_timing(const struct timecode *tc, uint8_t out[static TIMECODE_SEI]);
size_t timecode_time_code(const struct timecode *tc, uint8_t out[static TIMECODE_SEI]);

#endif
