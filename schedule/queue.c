#include <inttypes.h>
#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/rational.h"
#include "lib/media/scte35.h"
#include "schedule/queue.h"
#include "schedule/splice.h"

#define NEVER		INT64_MAX
#define LOOK_AGAIN	INT64_C(90000)	/* the machine's clock is not the stream's */
#define TOLERANCE	(INT64_C(90000) / 4)
#define NAMED_MAX	10		/* orders that are named at the end */

void
queue_init(struct queue *q, const struct stc *stc,
    void (*send)(void *arg, const uint8_t *section, size_t len), void *arg)
{
	*q = (struct queue){
		.stc = stc, .zero = STC_NO_TIME, .send = send, .arg = arg,
		.wake = INT64_MIN, .next_null = STC_NO_TIME,
	};
}

void
queue_add(struct queue *q, struct order *o, bool live)
{
	struct order **end = &q->first;

	/* A line that comes before the clock counts from the beginning, as in a file. */
	if (live && o->when == ORDER_LATER && q->stc->pcr != STC_NO_TIME) {
		o->at = stc_now(q->stc) + o->value;
		o->placed = true;
	}
	while (*end != NULL)
		end = &(*end)->next;
	*end = o;
	o->next = NULL;
	q->waiting++;
	q->wake = INT64_MIN;
}

/* ---- times */

/* Where it is in media time now; false if that is not known. */
static bool
place(const struct queue *q, const struct order *o, int64_t *at)
{
	if (o->placed) {
		*at = o->at;
		return true;
	}
	switch (o->when) {
	case ORDER_LATER:
		*at = q->zero + o->value;
		return q->zero != STC_NO_TIME;
	case ORDER_UTC:
		if (stc_of_utc(q->stc, o->value, at))
			return true;
		*at = stc_now(q->stc) + rescale_near(o->value - clk_utc_ns(), CLK_90K, CLK_SECOND);
		return q->machine;
	case ORDER_PTS:
		*at = stc_media(q->stc, (uint64_t)o->value);
		return true;
	case ORDER_AS_IS:
		*at = o->timed ? stc_media(q->stc, (uint64_t)o->value) : stc_now(q->stc);
		return true;
	default:
		*at = stc_now(q->stc);
		return true;
	}
}

/* When its next message is due. */
static int64_t
due(const struct queue *q, const struct order *o, int64_t at)
{
	if (!o->timed)
		return at;
	if (o->again)
		return INT64_MIN;
	if (o->sent == 0)
		return at - q->preroll;
	if (o->sent >= q->repeat)
		return at + 1;		/* to be forgotten */
	return at - o->lead * (q->repeat - o->sent) / q->repeat;
}

bool
queue_past(const struct queue *q, const struct order *o, int64_t *ms)
{
	int64_t at;

	if (q->stc->pcr == STC_NO_TIME || o->when == ORDER_LATER || !place(q, o, &at))
		return false;
	*ms = (stc_now(q->stc) - at) / 90;
	return at < stc_now(q->stc);
}

/* ---- sending */

static void
forget(struct queue *q, struct order **o)
{
	struct order *gone = *o;

	*o = gone->next;
	free(gone);
	q->waiting--;
}

/* A cancellation ends the repeats of what it cancels. */
static void
withdraw(struct queue *q, uint32_t id)
{
	for (struct order **o = &q->first; *o != NULL;)
		if ((*o)->insert && !(*o)->cancel && (*o)->id == id && (*o)->timed)
			forget(q, o);
		else
			o = &(*o)->next;
}

static void
send_null(struct queue *q)
{
	static struct scte35 s;
	uint8_t section[64];
	int n;

	scte35_init(&s);
	n = scte35_put(&s, section, sizeof(section));
	q->send(q->arg, section, (size_t)n);
	q->messages++;
}

static void
send_timed(struct queue *q, struct order *o, int64_t at)
{
	static struct scte35 s;
	uint8_t section[SCTE35_SECTION_MAX];
	int n = -1;

	if (o->when != ORDER_AS_IS && scte35_parse(o->section, o->len, &s) == 0) {
		splice_move(&s, stc_pts(q->stc, at));
		n = scte35_put(&s, section, sizeof(section));
	}
	if (n > 0)
		q->send(q->arg, section, (size_t)n);
	else
		q->send(q->arg, o->section, o->len);
}

/* The first message of an order that has its time in it. */
static void
begin(struct queue *q, struct order *o, int64_t at, int64_t now)
{
	int64_t early = q->preroll < QUEUE_EARLY ? q->preroll : QUEUE_EARLY;

	o->lead = at - now;
	if (o->lead + TOLERANCE < early)
		log_warn(0, "%s: sent only %" PRId64 " ms ahead of its splice", o->name,
		    o->lead / 90);
	if (o->when == ORDER_LATER || o->when == ORDER_UTC) {
		o->placed = true;	/* all messages say the same */
		o->at = at;
	}
	q->cues++;
}

/* Send, or forget, the order that is due. */
static void
serve(struct queue *q, struct order **p, int64_t at, int64_t now)
{
	struct order *o = *p;
	bool cancels = o->cancel;
	uint32_t id = o->id;

	if (!o->timed) {
		q->cues++;
		q->messages++;
		q->send(q->arg, o->section, o->len);
		forget(q, p);
		if (cancels)
			withdraw(q, id);
		return;
	}
	if (at < now) {
		if (o->sent == 0) {
			log_warn(0, "%s: not sent, its time was %" PRId64 " ms ago", o->name,
			    (now - at) / 90);
			q->missed++;
		}
		forget(q, p);
		return;
	}
	if (o->sent == 0)
		begin(q, o, at, now);
	send_timed(q, o, at);
	q->messages++;
	o->sent += o->sent < q->repeat;
	o->again = false;
}

/* The first that is due, by its time and then by its place; else wake is set. */
static struct order **
find_due(struct queue *q, int64_t now, int64_t *at)
{
	struct order **found = NULL;
	int64_t least = NEVER, t, d;

	q->wake = NEVER;
	for (struct order **o = &q->first; *o != NULL; o = &(*o)->next) {
		if (!place(q, *o, &t))
			continue;
		d = due(q, *o, t);
		if (d <= now && (found == NULL || d < least)) {
			found = o;
			least = d;
			*at = t;
		}
		if ((*o)->when == ORDER_UTC && (*o)->sent == 0 && d > now + LOOK_AGAIN)
			d = now + LOOK_AGAIN;
		if (d < q->wake)
			q->wake = d;
	}
	return found;
}

static void
beat(struct queue *q, int64_t now)
{
	if (q->heartbeat == 0)
		return;
	if (q->next_null == STC_NO_TIME)
		q->next_null = now;
	if (now >= q->next_null) {
		send_null(q);
		q->next_null += ((now - q->next_null) / q->heartbeat + 1) * q->heartbeat;
	}
}

/* What was announced before a jump is announced at its new time. */
static void
look_at_clock(struct queue *q)
{
	if (q->jumps != q->stc->jumps)
		for (struct order *o = q->first; o != NULL; o = o->next)
			o->again = o->sent > 0;
	if (q->jumps != q->stc->jumps || q->marks != q->stc->marks)
		q->wake = INT64_MIN;
	q->jumps = q->stc->jumps;
	q->marks = q->stc->marks;
}

/* Before there is a clock: what goes out at once. */
static void
run_without_clock(struct queue *q)
{
	for (struct order **o = &q->first; *o != NULL;)
		if ((*o)->when == ORDER_NOW || ((*o)->when == ORDER_AS_IS && !(*o)->timed))
			serve(q, o, 0, 0);
		else
			o = &(*o)->next;
}

void
queue_run(struct queue *q)
{
	struct order **o;
	int64_t now, at = 0;

	if (q->stc->pcr == STC_NO_TIME) {
		run_without_clock(q);
		return;
	}
	now = stc_now(q->stc);
	beat(q, now);
	look_at_clock(q);
	while (now >= q->wake && (o = find_due(q, now, &at)) != NULL) {
		serve(q, o, at, now);
		q->wake = INT64_MIN;
	}
}

static const char *
why_not(const struct queue *q, const struct order *o)
{
	int64_t at;

	if (q->stc->pcr == STC_NO_TIME)
		return "had no clock";
	if (!place(q, o, &at))
		return "did not say what time it is";
	return "ended before its time";
}

void
queue_end(struct queue *q)
{
	unsigned named = 0, more = 0;

	for (; q->first != NULL; forget(q, &q->first)) {
		if (q->first->sent > 0)
			continue;
		q->missed++;
		if (named++ < NAMED_MAX)
			log_warn(0, "%s: not sent, the stream %s", q->first->name,
			    why_not(q, q->first));
		else
			more++;
	}
	if (more > 0)
		log_warn(0, "%u more were not sent", more);
}
