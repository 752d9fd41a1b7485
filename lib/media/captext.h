/*
 * captext.h - one channel of captions as cues: text with its times and place.
 *
 * What is on the screen of a decoder is a cue from when it appears until it changes.
 * What only gets longer is one cue, for up to a second: the words of a line come one
 * after the other.
 *
 * Spec     As cea608.h and cea708.h; W3C WebVTT for text and settings.
 * Units    90 kHz; times do not go back.
 * Memory   Caller's struct; cues are allocated, captext_cues_clear() gives them back.
 * Errors   -ENOMEM.
 */
#ifndef CAPTEXT_H
#define CAPTEXT_H

#include "lib/media/cea608.h"
#include "lib/media/cea708.h"

struct captext_cue {
	int64_t	 begin, end;
	char	 settings[CC_SETTINGS_MAX];
	char	*text;			/* with its markup */
};

struct captext_cues {			/* in order; those of one screen have the same times */
	size_t	 n, cap;
	struct captext_cue *cue;
};

struct captext {
	bool	 service;		/* of 708, else a channel of 608 */
	struct cea608 cc;
	struct cea708 dtvcc;
	struct cc_screen shown;		/* since then; n 0: nothing */
	int64_t	 since;
};

/* CC1 to CC4, or service 1 to 63: nothing is on its screen. */
void captext_init(struct captext *c, bool service, unsigned n);

/*
 * The triplets of a picture, in the order of presentation.  A cue that has ended by that
 * is added.  captext_cut(): what is on the screen ends, as a cue, and goes on as another.
 */
int captext_put(struct captext *c, int64_t t, const uint8_t *cc_data, unsigned cc_count,
    struct captext_cues *cues);
/* Or the whole screen, for what has a decoder of its own: teletext. */
int captext_show(struct captext *c, int64_t t, const struct cc_screen *now,
    struct captext_cues *cues);
int captext_cut(struct captext *c, int64_t t, struct captext_cues *cues);

void captext_cues_clear(struct captext_cues *cues);

#endif
