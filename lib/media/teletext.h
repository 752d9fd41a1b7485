/*
 * teletext.h - one page of teletext, as subtitles are sent, from its packets to what is on
 * the screen.
 *
 * Spec     ETSI EN 300 472 (PES: data units of 46 bytes); EN 300 706: 7 and 9.3 (packets
 *          and page headers), 8 (parity, Hamming), 12.2 (spacing attributes), 12.3 (X/26),
 *          15 (character sets).  Level 1 and the characters of level 1.5.
 *          The sets are Latin with all national options, Cyrillic and Greek; others are
 *          read as Latin.
 * Units    Pages as people say them, 100 to 899.
 * Memory   Caller's; nothing allocates.
 * Errors   None: what is damaged beyond repair was not there; a character is a space.
 */
#ifndef TELETEXT_H
#define TELETEXT_H

#include "lib/media/ccscreen.h"

#define TELETEXT_ROWS		24	/* 1 to 23 are shown: row 0 is the header */
#define TELETEXT_COLUMNS	40
#define TELETEXT_MARKS		208	/* 16 packets X/26 of 13 triplets */

enum teletext_type { TELETEXT_SUBTITLE = 2, TELETEXT_HEARING_IMPAIRED = 5 };

struct teletext_mark {			/* a character that level 1 has not */
	uint8_t	 row, column, mode, data;
};

struct teletext {
	uint8_t	 magazine, number;	/* 1 to 8; two BCD digits */
	bool	 open;			/* rows that come are of this page */
	bool	 boxed;			/* C5 or C6: only what is in boxes is shown */
	bool	 hidden;		/* C10 */
	uint8_t	 option;		/* C12 to C14 */
	uint8_t	 group, second;		/* of sets by X/28: 0xff not said; the second one */
	uint8_t	 magazine_group, magazine_second;	/* by M/29 */
	uint8_t	 active;		/* row of the X/26 that comes */
	uint32_t has;			/* bit: row has come */
	uint32_t came, marked;		/* since the last header: rows, marks of them */
	uint8_t	 row[TELETEXT_ROWS][TELETEXT_COLUMNS];	/* 7 bits, or 0 */
	unsigned nmark;
	struct teletext_mark mark[TELETEXT_MARKS];
};

enum teletext_seen {			/* in a PES packet: */
	TELETEXT_NOTHING,		/* other pages */
	TELETEXT_MORE,			/* rows that go on with what had begun */
	TELETEXT_BEGUN			/* the page from its header on */
};

void teletext_init(struct teletext *x, unsigned page);

/* The payload of a PES packet. */
enum teletext_seen teletext_put(struct teletext *x, const uint8_t *p, size_t len);

/*
 * Rows below each other are a block, centred or at its column.  Colours of characters are
 * kept; double height is a row and the empty one below it.
 */
void teletext_screen(const struct teletext *x, struct cc_screen *s);

/* The i-th page of a teletext descriptor that is of subtitles, EN 300 468 6.2.43. */
struct teletext_page {
	unsigned page;
	enum teletext_type type;
	char	 language[4];		/* ISO 639-2, or "" */
};
bool teletext_page(const uint8_t *desc, size_t desc_len, unsigned i,
    struct teletext_page *page);

/* teletext_chars.c: the set of a designation (group << 3 | option), EN 300 706 table 32. */
uint16_t teletext_g0(unsigned set, uint8_t c);
uint16_t teletext_g2(unsigned set, uint8_t c);

/* A character with the diacritical mark of a mode, 0x11 to 0x1f; without it if none is. */
uint16_t teletext_accented(uint16_t ch, unsigned mode);

#endif
