/*
 * scte35.h - splice information sections: cues for advertisements and programmes.
 *
 * One description of the syntax serves four ways: section to structure and back,
 * structure to JSON and back.  What is read is written as the same bytes, reserved
 * bits, stuffing and unknown descriptors included; a CRC_32 that was wrong becomes
 * right.
 *
 * Spec     ANSI/SCTE 35 2022b: section 9.6 (splice_info_section), 9.7 (commands),
 *          10 (descriptors).  Field names are those of the specification.
 * Units    90 kHz in 33 bits, as on the wire: scte35_pts() adds pts_adjustment.
 *          utc_splice_time counts seconds of GPS time, since 1980-01-06.
 * Memory   The caller owns struct scte35 (some 60 KiB).  Views (struct scte35_bytes)
 *          are lent: by the section that was parsed; what comes from JSON is in the
 *          structure itself, which may then not be copied.
 * Errors   -EBADMSG no section, or a damaged one; -EILSEQ its CRC_32 is wrong, and
 *          all else has been read; -ENOSPC does not fit; -EINVAL from JSON.
 */
#ifndef SCTE35_H
#define SCTE35_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define SCTE35_SECTION_MAX	4096
#define SCTE35_NULL_PTS		((uint64_t)-1)
#define SCTE35_EVENTS		255	/* of a splice_schedule */
#define SCTE35_COMPONENTS	1024	/* of all commands and descriptors of one section */
#define SCTE35_DESCRIPTORS	256
#define SCTE35_CUEI		0x43554549	/* identifier of the specification's own */

enum scte35_command {
	SCTE35_SPLICE_NULL = 0x00, SCTE35_SPLICE_SCHEDULE = 0x04,
	SCTE35_SPLICE_INSERT = 0x05, SCTE35_TIME_SIGNAL = 0x06,
	SCTE35_BANDWIDTH_RESERVATION = 0x07, SCTE35_PRIVATE_COMMAND = 0xff,
};

enum scte35_descriptor_tag {
	SCTE35_AVAIL = 0, SCTE35_DTMF = 1, SCTE35_SEGMENTATION = 2, SCTE35_TIME = 3,
	SCTE35_AUDIO = 4,
};

/* Bits that the specification reserves are 1; "cleared" has those that are not. */

struct scte35_bytes {
	const uint8_t *p;
	size_t	 len;
};

struct scte35_time {			/* splice_time(), 9.8.1 */
	bool	 specified;
	uint8_t	 cleared;
	uint64_t pts;
};

struct scte35_break {			/* break_duration(), 9.8.2 */
	bool	 auto_return;
	uint8_t	 cleared;
	uint64_t duration;
};

struct scte35_component {
	uint8_t	 tag;
	struct scte35_time time;	/* pts: or a pts_offset, or a utc_splice_time */
};

struct scte35_event {			/* of splice_insert and splice_schedule */
	uint32_t id;
	bool	 cancel, out_of_network, program, has_duration, immediate;
	bool	 id_compliance;		/* as on the wire; 1 also where it is reserved */
	uint8_t	 cleared, cleared_flags;
	struct scte35_time time;	/* when program and not immediate; or the UTC */
	unsigned component, ncomponent;	/* from scte35.component[component] on */
	struct scte35_break duration;
	uint16_t unique_program_id;
	uint8_t	 avail_num, avails_expected;
};

struct scte35_segmentation {		/* segmentation_descriptor(), 10.3.3 */
	uint32_t event_id;
	bool	 cancel, id_compliance, program, has_duration, not_restricted;
	bool	 web, no_regional_blackout, archive, has_sub;
	uint8_t	 device, cleared, cleared_flags;
	unsigned component, ncomponent;
	uint64_t duration;		/* 40 bits */
	uint8_t	 upid_type;
	struct scte35_bytes upid;
	uint8_t	 type_id, num, expected;
	uint8_t	 sub_num, sub_expected;	/* has_sub: older messages end before them */
};

struct scte35_audio {			/* audio_descriptor(), 10.3.5 */
	unsigned n;
	uint8_t	 cleared;
	struct {
		uint8_t	 tag;
		uint32_t iso_code;	/* three letters */
		uint8_t	 bit_stream_mode, num_channels;
		bool	 full_srvc;
	} audio[15];
};

struct scte35_descriptor {
	uint8_t	 tag;
	uint32_t identifier;
	bool	 bare;			/* it has not even an identifier */
	bool	 known;			/* one of these: */
	union {
		uint32_t provider_avail_id;
		struct {
			uint8_t	 preroll;	/* tenths of a second */
			uint8_t	 cleared;
			struct scte35_bytes chars;
		} dtmf;
		struct scte35_segmentation seg;
		struct {
			uint64_t tai_seconds;
			uint32_t tai_ns;
			uint16_t utc_offset;
		} time;
		struct scte35_audio audio;
	};
	struct scte35_bytes rest;	/* what follows them; all of one not known */
};

struct scte35 {
	uint8_t	 sap_type, protocol_version, encryption_algorithm, cw_index;
	uint8_t	 indicators;		/* section_syntax and private: both are 0 */
	bool	 encrypted;		/* all from the command on is in payload */
	bool	 legacy_length;		/* splice_command_length says 0xfff */
	uint16_t encrypted_length;	/* and what it says when encrypted */
	uint64_t pts_adjustment;
	uint16_t tier;
	uint8_t	 command;		/* splice_command_type */
	struct scte35_event insert;
	unsigned nevent;
	struct scte35_event event[SCTE35_EVENTS];
	struct scte35_time signal;
	uint32_t private_identifier;
	struct scte35_bytes rest;	/* private bytes, an unknown command, or more than
					 * there should be */
	unsigned ndescriptor, ncomponent;
	struct scte35_descriptor descriptor[SCTE35_DESCRIPTORS];
	struct scte35_component component[SCTE35_COMPONENTS];
	struct scte35_bytes stuffing, payload;
	uint8_t	 store[2 * SCTE35_SECTION_MAX];
	size_t	 stored;
};

/* A splice_null that says nothing. */
void scte35_init(struct scte35 *s);

/* What follows the section, by its section_length, does not matter. */
int scte35_parse(const uint8_t *section, size_t len, struct scte35 *s);

/* Write the section with its CRC into p[0..size).  Returns its length. */
int scte35_put(const struct scte35 *s, uint8_t *p, size_t size);

/* Printable characters, and at least one: to be shown as text, not as digits. */
bool scte35_is_text(const uint8_t *p, size_t len);

/* "splice_insert"; "command" for one not known. */
const char *scte35_command_name(uint8_t type);

/* "Provider Placement Opportunity Start"; NULL for one not known (table 23). */
const char *scte35_type_name(uint8_t segmentation_type_id);

/* "Ad-ID", "URI"; NULL (table 22). */
const char *scte35_upid_name(uint8_t segmentation_upid_type);

/* 33 bits, with pts_adjustment; SCTE35_NULL_PTS where no time is specified. */
uint64_t scte35_pts(const struct scte35 *s, const struct scte35_time *t);

/*
 * Move all times of a section by so many ticks: its pts_adjustment, which is in the clear
 * even where the rest is encrypted, and CRC_32 by as much: one that was wrong stays so.  0, or -EBADMSG and nothing is changed.
 */
int scte35_move(uint8_t *section, size_t len, int64_t ticks);

/*
 * The same of a section that is not there as a whole: by the first bytes of its len.
 * Returns what its CRC_32 is to be xored with.
 */
#define SCTE35_MOVE_HEAD	9
uint32_t scte35_move_head(uint8_t head[static SCTE35_MOVE_HEAD], size_t len,
    int64_t ticks);

/*
 * An object with the names of the specification, or NULL (no memory).  Bytes are
 * "0x..." or, where they are text, text.  Flags that follow from what is there may be
 * left out when reading, as may everything that has its usual value.
 */
json_t *scte35_to_json(const struct scte35 *s);

/* *why, if it fails, is what is wrong: static, or the name of a field. */
int scte35_from_json(const json_t *o, struct scte35 *s, const char **why);

/* The next UPID in one of type MID (0x0d): 1, 0 at the end, -EBADMSG. */
struct scte35_upid {
	uint8_t	 type;
	struct scte35_bytes bytes;
};
int scte35_mid_next(struct scte35_bytes *mid, struct scte35_upid *upid);

#endif
