/*
 * cea608.h - one channel of CEA-608 captions, CC1 to CC4, from its pairs of bytes to what
 * is on the screen.
 *
 * Spec     ANSI/CTA-608-E: 7 (styles), 8 (codes), Annexes B and C; 47 CFR 15.119.
 *          Pop-on, roll-up and paint-on; text mode and XDS are passed over.
 * Shape    The pairs of its field in the order of presentation, with parity.
 * Memory   Caller's; nothing allocates.
 * Errors   None: a byte with wrong parity is a block, a control code with wrong parity is
 *          not there.
 */
#ifndef CEA608_H
#define CEA608_H

#include "lib/media/ccscreen.h"

#define CEA608_COLUMNS	32

enum cea608_mode { CEA608_NONE, CEA608_POP, CEA608_ROLL, CEA608_PAINT };

struct cea608 {
	unsigned channel;		/* 1 to 4; 3 and 4 are in field 2 */
	enum cea608_mode mode;
	bool	 mine;			/* what comes is for this channel, */
	bool	 text;			/* but in text mode: not for us */
	bool	 xds;
	uint8_t	 last[2];		/* a control code that may come twice */
	unsigned rows;			/* of roll-up */
	unsigned row, column;		/* the last row is the base of roll-up */
	uint8_t	 style;
	unsigned shown;			/* which memory is on the screen */
	struct cc_cell memory[2][CC_ROWS][CEA608_COLUMNS];
};

void cea608_init(struct cea608 *d, unsigned channel);

/* Which field it is in: cc_type 0 or 1. */
static inline unsigned
cea608_field(const struct cea608 *d)
{
	return d->channel > 2;
}

/* A pair.  Is something else on the screen? */
bool cea608_put(struct cea608 *d, uint8_t b1, uint8_t b2);

/* Rows below each other are a block. */
void cea608_screen(const struct cea608 *d, struct cc_screen *s);

#endif
