/*
 * capture.h - the UDP datagrams of a capture: pcap or pcapng, whoever wrote it.
 *
 * Spec     draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng (sections of both byte
 *          orders, if_tsresol, if_tsoffset; enhanced, simple and obsolete packet
 *          blocks; block types with the highest bit set are for local use: notes);
 *          link types null, Ethernet with VLAN tags, raw IP, Linux cooked v1 and v2.
 *          IPv4, IPv6 with its extension headers.
 * Shape    Incremental: bytes go in, one item comes out at a time.  What is no whole
 *          UDP datagram is counted and passed over, and so are blocks that are longer
 *          than CAPTURE_BLOCK.
 * Units    ns since 1970, from 0 to 2^62: what is beyond that is brought to it.
 * Memory   Caller's struct; items borrow the bytes that were given.
 * Threads  One.
 * Errors   -EBADMSG: this is no capture, or not any more: nothing can follow.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPTURE_BLOCK		(1 << 18)	/* bytes that have to be given at once */
#define CAPTURE_INTERFACES	256
#define CAPTURE_NOTE		UINT32_C(0x80006d63)	/* our type of local block */

enum capture_kind {
	CAPTURE_DATAGRAM = 1,
	CAPTURE_SECTION,		/* interfaces begin with 0 again */
	CAPTURE_INTERFACE,
	CAPTURE_LOCAL,			/* a block of the type CAPTURE_NOTE */
};

struct capture_item {
	enum capture_kind kind;
	unsigned interface;
	/* CAPTURE_DATAGRAM: */
	int64_t	 utc_ns;
	bool	 v6;
	const uint8_t *from, *to;	/* addresses, 4 or 16 bytes */
	uint16_t from_port, to_port;
	/* The payload; the body of a local block; the name of an interface: */
	const uint8_t *data;
	size_t	 len;
	const uint8_t *about;		/* its description */
	size_t	 about_len;
	bool	 swapped;		/* a local block is in the other byte order */
};

struct capture_interface {
	uint16_t link;
	uint64_t per_second;		/* units of its times */
	int64_t	 offset_s;
};

struct capture {
	/* Each packet is in one of these. */
	uint64_t datagrams;
	uint64_t other;			/* no UDP over IP, or damaged */
	uint64_t cut;			/* not captured whole */
	uint64_t fragments;
	uint64_t packets;		/* their sum */
	uint64_t passed_over;		/* blocks that are too long */

	/* private: */
	enum { CAPTURE_UNKNOWN, CAPTURE_PCAP, CAPTURE_PCAPNG } format;
	bool	 swapped;
	uint64_t skip;			/* bytes still to be passed over */
	int64_t	 last_ns;
	unsigned ninterface;
	struct capture_interface interface[CAPTURE_INTERFACES];
};

void capture_init(struct capture *c);

/*
 * Returns 1: an item, 0: more bytes are needed, or -EBADMSG.  *used is how many bytes
 * need not be given again, in every case.
 */
int capture_next(struct capture *c, const uint8_t *p, size_t len, size_t *used,
    struct capture_item *item);

/* capturelink.c: the datagram in a packet of a link; false: there is none. */
bool capture_link(struct capture *c, uint16_t link, const uint8_t *p, size_t len,
    struct capture_item *item);

#endif
