/*
 * queue.h - orders, and when their messages are sent.
 *
 * What has a time in it is sent preroll ahead of that time and repeated, evenly over
 * what is left until then; if it came later, at once, and so on.  All else is sent
 * once, at its time.  Time is that of the stream.
 *
 * Units    Media time, 90 kHz (stc.h).
 * Memory   Takes the orders.
 */
#ifndef SCHEDULE_QUEUE_H
#define SCHEDULE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "schedule/order.h"
#include "schedule/stc.h"

#define QUEUE_EARLY	(4 * INT64_C(90000))	/* SCTE 35 wants a message this early */

struct queue {
	const struct stc *stc;
	int64_t	 preroll;
	unsigned repeat;
	int64_t	 heartbeat;		/* of splice_null, 0 for none */
	bool	 machine;		/* a time of day may be that of this machine */
	int64_t	 zero;			/* the stream's beginning, or STC_NO_TIME */
	void	(*send)(void *arg, const uint8_t *section, size_t len);
	void	*arg;
	uint64_t waiting, cues, messages, missed;

	/* private */
	struct order *first;
	int64_t	 wake;			/* nothing is to be done before this */
	int64_t	 next_null;
	unsigned jumps, marks;		/* of stc, when it was looked at */
};

void queue_init(struct queue *q, const struct stc *stc,
    void (*send)(void *arg, const uint8_t *section, size_t len), void *arg);

/* At the end, in the order of the lines.  live: ORDER_LATER counts from now. */
void queue_add(struct queue *q, struct order *o, bool live);

/* Is its time over, and since when? */
bool queue_past(const struct queue *q, const struct order *o, int64_t *ms);

/* Send what is due: after the clock, zero or the orders have changed. */
void queue_run(struct queue *q);

/* The stream has ended: say what was not sent. */
void queue_end(struct queue *q);

#endif
