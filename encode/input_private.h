/*
 * input_private.h - what the files of the input share.
 *
 * input.c takes bytes, clocks and units; input_streams.c follows the tables;
 * input_begin.c holds what comes before the output's time is decided; input_sound.c
 * makes the audio tracks of the output.
 */
#ifndef ENCODE_INPUT_PRIVATE_H
#define ENCODE_INPUT_PRIVATE_H

#include "encode/input.h"

#define INPUT_AUDIO_PID	0x200		/* before that of the first audio track */

/* The tables have changed: streams come, go and take the place of others. */
void input_streams_changed(struct input *in);

/* The output begins: a warning if the subtitles to be burnt in are not there. */
void input_streams_missing(struct input *in);

/* Keep a unit of media time t (or PES_NO_TIME) until the output begins. */
void input_hold(struct input *in, struct input_stream *s,
    const struct tsdemux_event *ev, int64_t t);

/* Code or pass it now.  shift: what t is ahead of the source's timestamps. */
void input_deliver(struct input *in, struct input_stream *s, const uint8_t *data,
    size_t len, int64_t t, bool damaged, bool section, int64_t shift);

/* Output time is decided, by the first picture or without: what was held goes on. */
void input_begin_with_video(void *in);
void input_begin_without_video(struct input *in);

/* The audio of the input is other than before: what the tracks are made of. */
void input_sound_changed(struct input *in);

/* Before there is any: the tracks that the options say there will be, with silence. */
void input_sound_promise(struct input *in);

/* Output time is decided. */
void input_sound_start(struct input *in);

/* A unit of audio for all tracks that are made of it. */
void input_sound_unit(struct input *in, const struct input_stream *s, const uint8_t *data,
    size_t len, int64_t time, bool damaged);

/* The newest that came is of source time v: silence where a track is far behind. */
void input_sound_keep_up(struct input *in, int64_t v);

/* Silence up to grid_t, in all that have begun. */
void input_sound_fill(struct input *in, int64_t grid_t);
void input_sound_finish(struct input *in);
void input_sound_free(struct input *in);

/* Does the output wait for video? */
void input_wait_for_video(struct input *in, bool wait);

#endif
