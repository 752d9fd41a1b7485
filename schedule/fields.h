/*
 * fields.h - the words of a line about cues, and the fields that they give.
 *
 * What both languages of mlive-cue have in common: words between blanks, a comment
 * from # on, fields as name=value.
 *
 * Units    Durations in 90 kHz ticks; a pair "1/2" is 1 << 8 | 2.
 * Memory   Words are cut out of the caller's line.
 * Errors   False, and what is wrong with which word in err.
 */
#ifndef SCHEDULE_FIELDS_H
#define SCHEDULE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/log.h"

#define FIELDS_WORDS	64		/* of a line */
#define FIELDS_ERROR	256

enum field {
	FIELD_ID, FIELD_DURATION, FIELD_TYPE, FIELD_UPID, FIELD_NUM, FIELD_SUB, FIELD_TIER,
	FIELD_PROGRAM, FIELD_AVAIL, FIELD_AUTO, FIELD_CANCEL, FIELD_WEB, FIELD_BLACKOUT,
	FIELD_ARCHIVE, FIELD_DEVICE, FIELD_OFFSET,
	FIELD_COUNT,
};

#define FIELD_BIT(f)	(1u << (f))

/* Those of a splice_insert, of a segmentation descriptor, and of each message. */
#define FIELDS_EVENT	(FIELD_BIT(FIELD_ID) | FIELD_BIT(FIELD_DURATION) | \
	FIELD_BIT(FIELD_PROGRAM) | FIELD_BIT(FIELD_AVAIL) | FIELD_BIT(FIELD_AUTO))
#define FIELDS_SEGMENTATION	(FIELD_BIT(FIELD_ID) | FIELD_BIT(FIELD_DURATION) | \
	FIELD_BIT(FIELD_TYPE) | FIELD_BIT(FIELD_UPID) | FIELD_BIT(FIELD_NUM) | \
	FIELD_BIT(FIELD_SUB) | FIELD_BIT(FIELD_WEB) | FIELD_BIT(FIELD_BLACKOUT) | \
	FIELD_BIT(FIELD_ARCHIVE) | FIELD_BIT(FIELD_DEVICE))

struct fields {
	uint32_t set;			/* bits of those that are there */
	uint64_t v[FIELD_COUNT];
	uint8_t	 upid_type;
	size_t	 upid_len;
	uint8_t	 upid[255];
};

static inline bool
fields_has(const struct fields *f, enum field which)
{
	return (f->set & FIELD_BIT(which)) != 0;
}

/*
 * Cut the line into at most FIELDS_WORDS words; more are an error.  Returns their
 * number, or -1.
 */
int words_split(char *line, char *word[static FIELDS_WORDS], char err[static FIELDS_ERROR]);

/* "3 is wrong": what is quoted becomes printable.  Returns false. */
bool fields_error(char err[static FIELDS_ERROR], const char *fmt, ...) PRINTFLIKE(2, 3);

/* "30s", "1500ms", "00:00:30", "1:30.5" */
bool fields_duration(const char *text, uint64_t *ticks);

/*
 * Take "name=value", "auto", "cancel", or a duration by itself, if it is one of those
 * that are allowed.  of is what they are of, for messages.
 */
bool fields_take(struct fields *f, uint32_t allowed, const char *word, const char *of,
    char err[static FIELDS_ERROR]);

/* The field of this name, or FIELD_COUNT; its value, that of a UPID excepted. */
enum field field_named(const char *name, size_t len);
const char *field_name(enum field f);
bool field_value(enum field f, const char *text, uint64_t *v);

/* What it should have been: "a number from 0 to 4095". */
const char *field_shape(enum field f);

#endif
