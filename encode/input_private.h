/*
 * input_private.h - what the files of the input share.
 *
 * input.c takes bytes, clocks and units; input_streams.c follows the tables;
 * input_begin.c holds what comes before the output's time is decided.
 */
#ifndef ENCODE_INPUT_PRIVATE_H
#define ENCODE_INPUT_PRIVATE_H

#include "encode/input.h"

#define INPUT_AUDIO_PID	0x200		/* of the first audio track of the output */

/* The tables have changed: streams come, go and take the place of others. */
void input_streams_changed(struct input *in);

/* Keep a unit of media time t (or PES_NO_TIME) until the output begins. */
void input_hold(struct input *in, struct input_stream *s,
    const struct tsdemux_event *ev, int64_t t);

/* Code or pass it now.  shift: what t is ahead of the source's timestamps. */
void input_deliver(struct input *in, struct input_stream *s, const uint8_t *data,
    size_t len, int64_t t, bool damaged, bool section, int64_t shift);

/* Output time is decided, by the first picture or without: what was held goes on. */
void input_begin_with_video(void *in);
void input_begin_without_video(struct input *in);

/* Does the output wait for video? */
void input_wait_for_video(struct input *in, bool wait);

#endif
