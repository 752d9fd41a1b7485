/*
 * rewrite.h - the sections of a PID: some changed, some left out, some added.
 *
 * Packets are held from where a section begins until none is unfinished.  If nothing
 * in them has been changed they go out as they came, else each section goes out in
 * packets of its own.  The continuity counter goes on over all of it: what comes from
 * the source is shifted by the packets that there are more, or fewer, than it sent, so
 * that its gaps stay gaps.
 *
 * Spec     ISO/IEC 13818-1 2.4.3.3 (continuity counter), 2.4.4 (sections).
 * Memory   One struct for each PID; nothing allocates.
 * Errors   None.  What is no section, or is scrambled, passes as it is.
 */
#ifndef REWRITE_H
#define REWRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/psi.h"
#include "lib/media/ts.h"

#define REWRITE_HELD	32		/* more than the longest section has */
#define REWRITE_PUT	64

/*
 * What becomes of a section: the length of what is in out, 0 if it is left out, or
 * REWRITE_SAME.  damaged: its CRC or length is wrong.
 */
#define REWRITE_SAME	(-1)
typedef int rewrite_edit(void *arg, const uint8_t *section, size_t len, bool damaged,
    uint8_t out[static PSI_SECTION_MAX]);

/*
 * Where the stream goes.  drop(): the packet that rewrite_packet() has been given is not
 * sent on; else it is, as it is, by the caller.  put(): these go out after it, or in its
 * place.
 */
struct rewrite_sink {
	void	(*drop)(void *arg);
	void	(*put)(void *arg, const uint8_t *packets, size_t len);
	void	*arg;
};

struct rewrite {
	uint16_t pid;
	rewrite_edit *edit;		/* NULL: all stay the same */
	void	*arg;

	/* private */
	struct psi_collect collect;
	bool	 sent, seen;		/* anything; anything of the source */
	bool	 as_it_came;		/* what was sent last */
	uint8_t	 last, shift;		/* counter sent; what the source's is off by */
	uint8_t	 source;		/* its last counter */
	bool	 changed;		/* of what is held */
	unsigned held_n, put_n;
	uint8_t	 held[REWRITE_HELD][TS_PACKET];
	uint8_t	 put[REWRITE_PUT][TS_PACKET];
};

void rewrite_init(struct rewrite *r, uint16_t pid, rewrite_edit *edit, void *arg);

/* Its counter goes on behind this one, which was sent otherwise. */
void rewrite_after(struct rewrite *r, uint8_t counter);

/* This one is of the PID. */
void rewrite_packet(struct rewrite *r, const struct rewrite_sink *sink, const struct ts_packet *pkt,
    bool damaged);

/* Put a section of our own.  Returns the number of packets. */
unsigned rewrite_add(struct rewrite *r, const struct rewrite_sink *sink, const uint8_t *section,
    size_t len);

/* At the end: what is still held goes out as it came. */
void rewrite_flush(struct rewrite *r, const struct rewrite_sink *sink);

/*
 * The version of a table that is edited: that of the source until it has been, and from
 * then on one of our own, which changes whenever that of the source does, or what the
 * table says.
 */
struct rewrite_version {
	bool	 known, edited;
	uint8_t	 version, source;
	uint32_t crc;			/* of what it says, without its version */
};

/* For a long section out[0..len) that was made of one of version source. */
uint8_t rewrite_version(struct rewrite_version *v, const uint8_t *out, size_t len,
    uint8_t source, bool changed);
void rewrite_set_version(uint8_t *section, size_t len, uint8_t version);	/* and CRC */

#endif
