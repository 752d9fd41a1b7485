/*
 * pushmeta.h - what servers and players are told of a stream: onMetaData.
 *
 * Spec     Adobe Flash Video File Format 10.1 E.5; Enhanced RTMP v2 (Veovera, 2024): codec
 *          ids that are FourCCs, Metadata Frame; Rec. ITU-T H.273 (code points).  In a
 *          message of data it is preceded by @setDataFrame.
 * Memory   Gives.
 * Threads  Pure functions.
 */
#ifndef ENCODE_PUSHMETA_H
#define ENCODE_PUSHMETA_H

#include "encode/pushitem.h"
#include "lib/media/audio.h"
#include "lib/media/video.h"

/* Either may be NULL; rates in bit/s, 0: not known.  NULL: no memory. */
struct pushbody *pushmeta_new(const struct video_format *video, uint32_t video_rate,
    const struct audio_info *audio, uint32_t audio_rate);

bool pushmeta_is_hdr(const struct video_format *video);

/* A video message with the colours of HEVC: colorInfo.  NULL: no memory. */
struct pushbody *pushmeta_colour(const struct video_format *video, const struct hdr *hdr);

#endif
