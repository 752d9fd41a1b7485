/*
 * rtcp.h - the control packets beside an RTP stream: reports, names, farewells.
 *
 * Spec     RFC 3550 6.1 (compound), 6.4 (SR, RR), 6.5 (SDES), 6.6 (BYE), A.2 (validity).
 *          Of other types only the frame is read: RFC 4585 feedback, APP.
 * Shape    A datagram is a compound of packets: rtcp_check() it once, then rtcp_next()
 *          goes through it.  Writers append one packet each.
 * Units    NTP times of 32.32 bits (clk_ns_to_ntp()); delays in 1/65536 s.
 * Memory   What is parsed borrows the datagram.
 * Threads  Pure functions.
 * Errors   -EBADMSG damaged; -ENOSPC does not fit; -EINVAL cannot be said.
 */
#ifndef RTCP_H
#define RTCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RTCP_BLOCKS	31		/* of one report */

enum rtcp_type {
	RTCP_SR = 200, RTCP_RR, RTCP_SDES, RTCP_BYE, RTCP_APP, RTCP_RTPFB, RTCP_PSFB,
	RTCP_XR
};

enum rtcp_item { RTCP_CNAME = 1, RTCP_NAME, RTCP_TOOL = 6 };

struct rtcp_packet {
	uint8_t	 type;			/* enum rtcp_type, or another */
	unsigned count;			/* blocks, chunks or sources; format of feedback */
	const uint8_t *body;		/* behind the first word, without padding */
	size_t	 len;			/* of the body */
};

/* How far a receiver has got with one source. */
struct rtcp_block {
	uint32_t ssrc;
	uint8_t	 fraction_lost;		/* in 256ths */
	int32_t	 cumulative_lost;	/* 24 bits, with a sign */
	uint32_t highest_seq, jitter;
	uint32_t last_sr, delay_since_sr;
};

struct rtcp_report {
	uint32_t ssrc;			/* who says so */
	bool	 sender;		/* an SR: */
	uint64_t ntp;
	uint32_t timestamp, packets, octets;
	unsigned nblock;
	struct rtcp_block block[RTCP_BLOCKS];
};

/* Does this datagram hold whole packets, the first of which is a report?  0, -EBADMSG. */
int rtcp_check(const uint8_t *p, size_t len);

/*
 * The packet at *pos, which then is behind it.  Returns 1, 0 at the end, -EBADMSG.  It
 * checks as much as rtcp_check() does, but for what comes first: compounds of one (RFC
 * 5506) can be read as well.
 */
int rtcp_next(const uint8_t *p, size_t len, size_t *pos, struct rtcp_packet *pkt);

int rtcp_parse_report(const struct rtcp_packet *pkt, struct rtcp_report *r);

/* The text of an item of the first source that has it.  -ENOENT: none has. */
int rtcp_find_item(const struct rtcp_packet *pkt, enum rtcp_item item, uint32_t *ssrc,
    const char **text, size_t *len);

/* Source i of a BYE, i below count. */
int rtcp_bye_source(const struct rtcp_packet *pkt, unsigned i, uint32_t *ssrc);

/* Each writes one packet into p[0..size) and returns its length, or an error. */
int rtcp_put_report(uint8_t *p, size_t size, const struct rtcp_report *r);
int rtcp_put_cname(uint8_t *p, size_t size, uint32_t ssrc, const char *cname);
int rtcp_put_bye(uint8_t *p, size_t size, uint32_t ssrc, const char *reason);

#endif
