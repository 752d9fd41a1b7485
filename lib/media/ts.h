/*
 * ts.h - find, check and read the packets of an MPEG-2 transport stream.
 *
 * Spec     ISO/IEC 13818-1 (ITU-T H.222.0) 2.4.3.2 packet, 2.4.3.3 continuity
 *          counter, 2.4.3.4 and 2.4.3.5 adaptation field.
 * Units    PCR in 27 MHz ticks, 0 <= pcr < TS_PCR_WRAP.  Sizes in bytes.
 * Memory   Nothing allocates.  A ts_packet borrows the caller's buffer: it is
 *          valid until the caller moves or overwrites those bytes.
 * Threads  One ts_demux belongs to one thread.
 * Errors   Negative errno values; nothing is printed; no input can crash it.
 */
#ifndef TS_H
#define TS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TS_PACKET	188		/* bytes in a packet */
#define TS_SYNC		0x47		/* the first of them */
#define TS_NPID		8192
#define TS_PID_NULL	0x1fff
#define TS_PCR_WRAP	(INT64_C(300) << 33)
#define TS_NO_PCR	INT64_C(-1)

struct ts_packet {
	const uint8_t	*data;		/* TS_PACKET bytes */
	const uint8_t	*payload;	/* inside data; NULL if there is none */
	size_t		 payload_len;	/* 0..184 */
	int64_t		 pcr;		/* or TS_NO_PCR */
	const uint8_t	*priv;		/* transport_private_data, or NULL */
	size_t		 priv_len;
	uint16_t	 pid;		/* 0..0x1fff */
	bool		 unit_start;	/* a PES packet or section starts here */
	bool		 random_access;
	bool		 discontinuity;	/* announced: PCR and counter may jump */
	bool		 scrambled;
	bool		 stuffed;	/* the adaptation field is, or ends in, stuffing */
	bool		 duplicate;	/* a legal repeat of the one before */
	bool		 lost;		/* packets of this PID are missing before */
};

struct ts_sync {
	uint64_t packets, lost, bad, sync_losses, junk_bytes;	/* since init */
	bool	 eof;			/* set by the caller: no more will come */
	size_t	 stride;		/* from packet to packet: the caller may set 192
					 * or 204, what is between them is passed over */
	bool	 locked;
	uint8_t	 seen[TS_NPID];		/* last counter of each PID, and flags */
	uint32_t print[TS_NPID];	/* and of its payload, to know a repeat by */
};

void ts_sync_init(struct ts_sync *d);

/*
 * Take the next packet from the front of p[0..len).  *used is always the number
 * of bytes the caller must drop from the front of its buffer.
 *
 * Returns  1        *pkt is filled; *used counts its bytes and any junk before
 *          0        more input is needed, at most 2 * stride bytes
 *          -EBADMSG a damaged packet: only pkt->data and pkt->pid are set
 */
int ts_sync_next(struct ts_sync *d, const uint8_t *p, size_t len,
    size_t *used, struct ts_packet *pkt);

/*
 * For who finds packets in another way: tell by its counter whether a packet is a repeat
 * or packets before it are missing (2.4.3.3: those with payload count, each may be sent
 * twice, no more).  ts_sync_next() has done so.
 */
void ts_continuity(struct ts_sync *d, struct ts_packet *pkt);

/* A packet that is known to be damaged: it counts if its counter is the next. */
void ts_continuity_passed(struct ts_sync *d, const uint8_t p[static TS_PACKET]);

/* Any counter may come now. */
void ts_continuity_forget(struct ts_sync *d);

/*
 * Is p[0..len) the beginning of a transport stream?  Then packets begin at *at, every
 * *stride bytes: 188, 192 or 204.  eof: there is no more, and few of them do.
 */
bool ts_probe(const uint8_t *p, size_t len, bool eof, size_t *at, size_t *stride);

/* Read the fields of one aligned packet.  Returns 0 or -EBADMSG, as above. */
int ts_parse(const uint8_t p[static TS_PACKET], struct ts_packet *pkt);

#endif
