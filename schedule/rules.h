/*
 * rules.h - the language of mlive-cue map: MATCH -> ACTION, a line each.
 *
 * Shape    The first rule that matches a message decides; one that none matches stays
 *          as it is.
 * Memory   Rules are the caller's; messages borrow what they are set to.
 */
#ifndef SCHEDULE_RULES_H
#define SCHEDULE_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/media/scte35.h"
#include "schedule/fields.h"

#define RULES_MAX	256
#define RULE_TESTS	8

struct rule {
	enum rule_match {
		MATCH_ANY, MATCH_OUT, MATCH_IN, MATCH_CANCEL, MATCH_COMMAND,
	} match;
	uint8_t	 command;		/* enum scte35_command */
	unsigned ntest;
	struct rule_test {
		enum field field;
		uint64_t lo, hi;	/* of what it has to be in, both included */
		struct fields upid;	/* FIELD_UPID */
	} test[RULE_TESTS];
	enum rule_action { ACTION_DROP, ACTION_PASS, ACTION_SET, ACTION_SIGNAL, ACTION_INSERT } action;
	struct fields set;
	uint8_t	 end_type;		/* ACTION_SIGNAL: of an in */
};

struct rules {
	unsigned n;
	struct rule rule[RULES_MAX];
};

/* Add the rule of a line, if it is not blank.  False, and err says why. */
bool rules_parse(struct rules *r, char *line, char err[static FIELDS_ERROR]);

/* What becomes of a message. */
enum rules_result { RULES_SAME, RULES_CHANGED, RULES_DROP };

/*
 * Change a message that is not encrypted.  *unfit is set if a rule matches but its
 * action cannot be done to this one: it stays.
 */
enum rules_result rules_apply(const struct rules *r, struct scte35 *s, bool *unfit);

#endif
