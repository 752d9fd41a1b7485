/*
 * recast.h - the actions of mlive-cue map: fields set, a command made another.
 *
 * Spec     ANSI/SCTE 35 2022b 9.7.3 splice_insert, 9.7.4 time_signal, 10.3.3.
 * Memory   As in rules.h.
 */
#ifndef SCHEDULE_RECAST_H
#define SCHEDULE_RECAST_H

#include "schedule/rules.h"
#include "schedule/splice.h"

/*
 * Do what the rule says to a message that it matches, by the descriptor with this index
 * (ndescriptor: none).
 */
enum rules_result recast(const struct rule *r, struct scte35 *s, unsigned descriptor,
    bool *unfit);

/* Do all tests hold, with this segmentation or, if NULL, without any? */
bool rule_fits(const struct rule *r, const struct scte35 *s,
    const struct scte35_segmentation *g);

#endif
