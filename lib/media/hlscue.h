/*
 * hlscue.h - the ad markers of HLS playlists, in every form that is met with.
 *
 *     EXT-X-CUE-OUT[:30.0 | :DURATION=30,BREAKID=7], EXT-X-CUE-OUT-CONT, EXT-X-CUE-IN
 *     EXT-OATCLS-SCTE35:base64, EXT-X-SPLICEPOINT-SCTE35:base64
 *     EXT-X-SCTE35:CUE="base64",CUE-OUT=YES,...	SCTE 35 12.2.2
 *     EXT-X-CUE:TYPE="SpliceOut",ID=...,...		Adobe
 *     EXT-X-DATERANGE:SCTE35-OUT=0x...,...		RFC 8216 4.3.2.7.1
 *
 * A marker is read for itself; what several of one segment say together is the
 * caller's.  Only EXT-X-DATERANGE has a standard, the others are taken as found:
 * names of attributes in any case, values with quotes or without, base64 of either
 * alphabet or hexadecimal, with padding or without.
 *
 * Units    ns.
 * Memory   The caller's; id borrows the marker.
 * Errors   -EBADMSG there is nothing in it that can be understood.
 */
#ifndef HLSCUE_H
#define HLSCUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HLSCUE_SECTION	4096		/* bytes of a section at most */
#define HLSCUE_UNKNOWN	INT64_C(-1)	/* a duration that is not said */

enum hlscue_tag {
	HLSCUE_OUT, HLSCUE_OUT_CONT, HLSCUE_IN, HLSCUE_OATCLS, HLSCUE_SPLICEPOINT,
	HLSCUE_SCTE35, HLSCUE_ADOBE,
	HLSCUE_NONE,
};

/* Which marker is a line, without its '#'?  *value is what follows the name. */
enum hlscue_tag hlscue_tag(const char *line, const char **value);

enum hlscue_what {
	HLSCUE_STARTS,			/* a break */
	HLSCUE_GOES_ON,			/* it has started before */
	HLSCUE_ENDS,
	HLSCUE_BY_SECTION,		/* what the section says, and no more */
};

struct hlscue {
	enum hlscue_what what;
	int64_t	 duration_ns, elapsed_ns;	/* or HLSCUE_UNKNOWN */
	const char *id;			/* of the break, or "" */
	size_t	 id_len;
	bool	 odd;			/* a part of it was not understood: left out */
	size_t	 len;			/* of the section; 0: none */
	uint8_t	 section[HLSCUE_SECTION];
};

int hlscue_parse(enum hlscue_tag tag, const char *value, struct hlscue *cue);

/* A section as base64 or as hexadecimal after 0x; its length, or -EBADMSG. */
int hlscue_section(const char *s, size_t len, uint8_t out[static HLSCUE_SECTION]);

#endif
