/*
 * cea708.h - one service of CEA-708 captions, from DTVCC triplets to what is on the screen.
 *
 * Spec     ANSI/CTA-708-E: 5 (packets), 6 (service blocks), 7 (code sets G0 to G3, C0 to
 *          C3), 8 (windows, pens, commands).
 *          Text runs from left to right and rolls up or down; opacity, edges, fonts and
 *          effects have no place in a cue and are read over, as are colours of windows.
 * Shape    Triplets of cc_type 2 and 3 in the order of presentation.
 * Units    Time t: 90 kHz, growing; for delays.
 * Memory   Caller's; nothing allocates.
 * Errors   None: a packet that is not whole is left out.
 */
#ifndef CEA708_H
#define CEA708_H

#include "lib/media/ccscreen.h"

#define CEA708_WINDOWS	8
#define CEA708_INPUT	256		/* more than the 128 bytes that a decoder has */

struct cea708_window {
	bool	 defined, visible;
	bool	 relative, word_wrap;
	unsigned anchor;		/* point 0 to 8, left to right, top to bottom */
	unsigned vertical, horizontal;
	unsigned rows, columns;
	unsigned justify;		/* 0 left, 1 right, 2 centre, 3 full */
	unsigned scroll;		/* direction: 2 from top to bottom, 3 to top */
	unsigned row, column;		/* pen */
	uint8_t	 style;
	struct cc_cell cell[CC_ROWS][CC_COLUMNS];
};

struct cea708 {
	unsigned service;		/* 1 to 63 */
	unsigned len, want;		/* of the packet; 0: none has begun */
	uint8_t	 packet[128];
	unsigned nin;			/* what waits: a command's parts, or for a delay */
	uint8_t	 in[CEA708_INPUT];
	bool	 delayed;
	int64_t	 until;
	int	 current;		/* window; -1: none */
	struct cea708_window window[CEA708_WINDOWS];
};

void cea708_init(struct cea708 *d, unsigned service);

/* A triplet; cea708_run(): time goes on.  Is something else on the screen? */
bool cea708_put(struct cea708 *d, const uint8_t triplet[static 3], int64_t t);
bool cea708_run(struct cea708 *d, int64_t t);

/* Each window that can be seen is a block. */
void cea708_screen(const struct cea708 *d, struct cc_screen *s);

#endif
