/*
 * order.h - a line of mlive-cue insert: when to send what.
 *
 * The message is made when the line is read; what is left for later is its time.
 *
 * Units    Media time and PTS 90 kHz; UTC in ns since 1970.
 * Memory   order_parse() gives an order, for free().
 */
#ifndef SCHEDULE_ORDER_H
#define SCHEDULE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule/fields.h"

enum order_when {
	ORDER_NOW,
	ORDER_LATER,			/* value after the beginning, or after it has come */
	ORDER_UTC,
	ORDER_PTS,
	ORDER_AS_IS,			/* the PTS that is in it, value; else as ORDER_NOW */
};

struct order {
	struct order *next;
	char	 name[48];		/* where it stood, for messages */
	enum order_when when;
	int64_t	 value;
	bool	 timed;			/* it goes ahead of the time that is in it */
	bool	 insert, cancel;	/* a splice_insert; that cancels one */
	bool	 has_id;
	uint32_t id;

	/* of the queue */
	bool	 placed;		/* at is known, and stays in media time */
	bool	 again;			/* once more: the clock has jumped */
	int64_t	 at, lead;		/* of the splice; how far ahead it was first sent */
	unsigned sent;

	size_t	 len;
	const uint8_t *section;		/* right behind this */
};

/* What one line takes over from those before it. */
struct order_ids {
	uint32_t next;			/* id for an event that is given none */
	uint32_t most;			/* the highest that was given */
	bool	 has_out;
	uint32_t last_out;
	bool	 has_type[256];
	uint32_t last_type[256];	/* event of the last segmentation of a type */
};

void order_ids_init(struct order_ids *ids, uint32_t first);

/* NULL if there is none: the line is blank, and err too, or err says what is wrong. */
struct order *order_parse(struct order_ids *ids, char *line, const char *name,
    char err[static FIELDS_ERROR]);

#endif
