/*
 * ebp.h - encoder boundary points and the clock packets made of them.
 *
 * An EBP on the first packet of an access unit says that a segment or fragment
 * begins there and, as 64-bit NTP time, when the picture was acquired.  A clock
 * packet (mts(7)) is a packet of PID EBP_CLOCK_PID with an adaptation field
 * only, whose EBP has no boundary flags: its time is the arrival time of the
 * next PCR in the stream; one without time says that the stream is not live.
 *
 * Spec     OC-SP-EBP-I01-130118 (CableLabs): structure in adaptation field
 *          private data, tag 0xDF, format_identifier 'EBP0'.
 * Units    NTP 32.32 (clk.h).
 * Memory   Nothing allocates.
 * Errors   -ENOENT no EBP among the private data, -EBADMSG a damaged one.
 */
#ifndef EBP_H
#define EBP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define EBP_MAX		17		/* bytes that ebp_put() writes at most */
#define EBP_CLOCK_PID	0x1ffe

struct ebp {
	bool	 segment, fragment, has_time;
	uint8_t	 sap_type;		/* 0 if not said; 1: closed GOP, 2, 3 */
	uint64_t ntp;			/* when has_time */
};

/* Look through the private data of an adaptation field.  0, -ENOENT, -EBADMSG. */
int ebp_parse(const uint8_t *priv, size_t len, struct ebp *ebp);

/* Returns the length: private data, tag and length included. */
size_t ebp_put(uint8_t p[static EBP_MAX], const struct ebp *ebp);

/* A whole clock packet; has_time false: not live. */
void ebp_clock_put(uint8_t pkt[static TS_PACKET], bool has_time, uint64_t ntp);

#endif
