/*
 * psi.h - sections: collect them from packets, read and write PAT and PMT.
 *
 * Spec     ISO/IEC 13818-1 2.4.4 (PAT 2.4.4.3, PMT 2.4.4.8, CRC annex A).
 * Shape    A section is whole, table_id to CRC_32, at most 4096 bytes.
 * Memory   psi_collect owns its buffer; parsed tables borrow the section.
 * Errors   -EBADMSG damaged (length, CRC), -ENOSPC does not fit, -ENOENT another
 *          table or one that is not yet current.
 */
#ifndef PSI_H
#define PSI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/ts.h"

#define PSI_SECTION_MAX		4096
#define PSI_PROGRAMS_MAX	64
#define PSI_STREAMS_MAX		64

enum { PSI_TABLE_PAT = 0x00, PSI_TABLE_PMT = 0x02, PSI_TABLE_SCTE35 = 0xfc };

enum psi_descriptor {
	DESC_REGISTRATION = 0x05, DESC_CA = 0x09, DESC_ISO_639 = 0x0a,
	DESC_MAXIMUM_BITRATE = 0x0e, DESC_AC3 = 0x6a, DESC_EAC3 = 0x7a,
	DESC_EXTENSION = 0x7f,
};

uint32_t psi_crc32(const uint8_t *p, size_t len);

/* One PID's sections, out of its packets in order. */
struct psi_collect {
	bool	started;
	size_t	len;			/* collected */
	size_t	pos;			/* in the payload now being read */
	uint8_t	section[PSI_SECTION_MAX + TS_PACKET];
};

void psi_collect_init(struct psi_collect *c);

/*
 * The next section that the packet completes.  Call with the same packet until
 * it returns 0.  pkt->lost drops what was begun.  Returns 1 and lends *section
 * until the next call, 0, or -EBADMSG (wrong CRC or length: *section is lent as it
 * came; call again).
 */
int psi_collect_next(struct psi_collect *c, const struct ts_packet *pkt,
    const uint8_t **section, size_t *len);

struct pat {
	uint16_t transport_stream_id;
	uint8_t	 version_number;
	unsigned n;
	struct pat_program {
		uint16_t program_number;	/* never 0: that is the NIT */
		uint16_t pid;
	} program[PSI_PROGRAMS_MAX];
};

struct pmt_stream {
	uint8_t	       stream_type;
	uint16_t       pid;
	const uint8_t *desc;
	size_t	       desc_len;
};

struct pmt {
	uint16_t       program_number;
	uint8_t	       version_number;
	uint16_t       pcr_pid;
	const uint8_t *desc;
	size_t	       desc_len;
	unsigned       n;
	struct pmt_stream stream[PSI_STREAMS_MAX];
};

int pat_parse(const uint8_t *section, size_t len, struct pat *pat);
int pmt_parse(const uint8_t *section, size_t len, struct pmt *pmt);

/* Write a section with its CRC into p[0..size).  Return its length or -ENOSPC. */
int pat_put(const struct pat *pat, uint8_t *p, size_t size);
int pmt_put(const struct pmt *pmt, uint8_t *p, size_t size);

/*
 * Cut a section into packets of one PID at p[0..size).  *cc is the continuity
 * counter to use, and is advanced.  Returns the bytes written or -ENOSPC.
 */
int psi_packetize(const uint8_t *section, size_t len, uint16_t pid, uint8_t *cc,
    uint8_t *p, size_t size);

/* The first descriptor with a tag: its payload and length, or NULL. */
const uint8_t *desc_find(const uint8_t *desc, size_t desc_len, uint8_t tag,
    size_t *len);

/* Append a descriptor at *fill of p[0..size).  0 or -ENOSPC. */
int desc_put(uint8_t *p, size_t size, size_t *fill, uint8_t tag,
    const void *payload, size_t len);

#endif
