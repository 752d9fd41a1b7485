/*
 * hlschoice.h - what to take of a multivariant playlist.
 *
 * Spec     draft-pantos-hls-rfc8216bis 4.4.6.
 * Threads  Pure functions.
 */
#ifndef HLSCHOICE_H
#define HLSCHOICE_H

#include "ingest/hls.h"
#include "lib/media/hls.h"

/*
 * Read "height=720&rate=3M&audio=en&cues=stream".  Returns NULL, or the key or value
 * that is wrong.
 */
const char *hls_choice_parse(const char *fragment, struct hls_choice *c);

/* The variant to take, or NULL: none that a transport stream can carry. */
const struct hls_variant *hls_choose_variant(const struct hls *h,
    const struct hls_choice *c);

/*
 * The audio renditions that go with it, which have playlists of their own.
 * Returns their number, at most max.
 */
unsigned hls_choose_audio(const struct hls *h, const struct hls_variant *v,
    const struct hls_choice *c, const struct hls_rendition **out, unsigned max);

/* The three letters of ISO 639-2 for a language tag of BCP 47, or "". */
const char *hls_language(const char *tag);

#endif
