#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/failover.h"
#include "ingest/failon.h"
#include "ingest/feed.h"
#include "ingest/health.h"
#include "ingest/line.h"
#include "ingest/order.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define PUMP		(2 * CLK_SECOND / 1000)	/* between looks at the pipes, in a burst */
#define STALL		(CLK_SECOND / 10)	/* of our reader: no input's fault */
#define TAIL		(3 * CLK_SECOND / 10)	/* for the sound of the last pictures */
#define START		(5 * CLK_SECOND)	/* that the first input has to begin */
#define SOUND		(2 * CLK_SECOND)	/* to wait for a point without damage */
#define APART		(5 * CLK_SECOND)	/* that inputs of the same pictures may be */

struct failover {
	struct source s;
	struct failover_config cfg;
	unsigned n;
	struct feed *feed;
	struct health health[FAILOVER_INPUTS];
	struct order order;		/* the commands */
	int64_t	 start_ns, pumped_ns;

	int	 active;		/* -1: none yet */
	bool	 on;			/* its units go out */
	bool	 pinned;		/* by a command */
	int	 to;			/* to be switched to; -1: nothing */
	enum cause cause;
	int64_t	 fault_ns, asked_ns, cut_ns;
	bool	 waiting;		/* all are lost, and that was said */
	uint64_t switches;

	struct line line;
	bool	 break_due, streams_due;
	uint32_t tables;		/* of the active feed, as given */
};

/* ---- the pipes */

static void
pump(struct failover *f, int64_t timeout_ns)
{
	struct pollfd pfd[FAILOVER_INPUTS + 1];
	unsigned who[FAILOVER_INPUTS], n = 0;
	int64_t now = clk_mono_ns(), stalled = now - f->pumped_ns;

	/* While our reader is slow nobody looks, and nobody is to blame. */
	for (unsigned i = 0; i < f->n; i++) {
		if (f->pumped_ns != 0 && stalled > STALL)
			f->health[i].heard_ns += stalled;
		feed_start(&f->feed[i], now);
		if (f->feed[i].fd < 0)
			continue;
		who[n] = i;
		pfd[n++] = (struct pollfd){ .fd = f->feed[i].fd, .events = POLLIN };
	}
	if (f->order.fd >= 0)
		pfd[n] = (struct pollfd){ .fd = f->order.fd, .events = POLLIN };
	io_wait(pfd, n + (f->order.fd >= 0), timeout_ns);
	now = clk_mono_ns();
	for (unsigned i = 0; i < n; i++) {
		struct feed *feed = &f->feed[who[i]];
		int64_t unit_ns = feed->unit_ns;

		if (pfd[i].revents == 0)
			continue;
		feed_read(feed, now);
		if (feed->unit_ns != unit_ns)
			f->health[who[i]].heard_ns = now;
	}
	f->pumped_ns = now;
}

/* ---- who is well */

static bool
is_lost(const struct failover *f, unsigned i, int64_t now)
{
	const struct feed *feed = &f->feed[i];
	bool rest = (int)i == f->active && f->on && feed->next != NULL;

	return feed->unit_ns == 0 || (feed->fd < 0 && !rest) ||
	    now - f->health[i].heard_ns >= f->cfg.failon.loss_ns;
}

static void
examine(struct failover *f, unsigned i, int64_t now)
{
	struct feed *feed = &f->feed[i];
	struct health *h = &f->health[i];
	struct health_signs signs = { .lost = is_lost(f, i, now),
	    .cc_errors = feed_cc_errors(feed), .soundless_ns = feed_soundless_ns(feed) };
	bool was_lost = h->holds[CAUSE_LOSS];

	if (feed->watch != NULL)
		signs.state = feedwatch_look(feed->watch);
	if (health_note(h, &f->cfg.failon, &signs, now))
		log_debug("'%s' has failed: %s", feed->name, health_cause[health_cause_of(h)]);
	if (signs.lost && !was_lost) {
		feed_break(feed);		/* pictures that follow lack those before */
		if ((int)i == f->active)
			f->on = false;
	}
}

static bool
is_clear(const struct failover *f, unsigned i, int64_t now)
{
	return health_clear(&f->health[i], f->cfg.clear_ns, now);
}

static bool
is_ready(const struct failover *f, unsigned i)
{
	return f->health[i].well && feed_find(&f->feed[i], INT64_MAX, true) != NULL;
}

/*
 * The first input that has been well for long, rather one that has something to show; else
 * one that is well.  None that may be as the active one is.
 */
static int
choose(const struct failover *f, int64_t now)
{
	const struct failon *on = &f->cfg.failon;
	const struct health *active = f->active >= 0 ? &f->health[f->active] : NULL;

	for (unsigned pass = 0; pass < 3; pass++)
		for (unsigned i = 0; i < f->n; i++) {
			if ((int)i == f->active || !is_ready(f, i) ||
			    (active != NULL && health_shares(&f->health[i], on,
			    health_cause_of(active), active->fault_ns, now)))
				continue;
			if (pass == 2 || (is_clear(f, i, now) &&
			    (pass == 1 || !health_dim(&f->health[i], on))))
				return (int)i;
		}
	return -1;
}

/* ---- what to do */

static void
aim(struct failover *f, int to, enum cause cause, int64_t fault_ns, int64_t now)
{
	if (f->to == to && f->cause == cause)
		return;
	f->to = to;
	f->cause = cause;
	f->fault_ns = fault_ns;
	f->asked_ns = now;
}

/* It is of no use any more to go there. */
static void
give_up(struct failover *f)
{
	f->to = -1;
	if (line_uncut(&f->line) && f->active >= 0) {
		feed_break(&f->feed[f->active]);	/* pictures are missing */
		f->on = false;
	}
}

static void
say_waiting(struct failover *f)
{
	if (f->on || (f->active >= 0 && !f->health[f->active].holds[CAUSE_LOSS]))
		return;
	for (unsigned i = 0; i < f->n; i++)
		if (f->health[i].well || (f->active < 0 && f->feed[i].unit_ns == 0 &&
		    clk_mono_ns() - f->start_ns < START))
			return;
	if (!f->waiting)
		log_warn(0, "no input is well: waiting");
	f->waiting = true;
}

static void
decide(struct failover *f, int64_t now)
{
	int to;

	for (unsigned i = 0; i < f->n; i++)
		examine(f, i, now);
	/* Once pictures of the active one are left out, only what brings none is no use. */
	if (f->to >= 0 && (f->line.cut ? f->health[f->to].holds[CAUSE_LOSS] :
	    !f->health[f->to].well))
		give_up(f);
	if (f->active < 0) {
		bool first = is_ready(f, 0);

		if (first || now - f->start_ns >= START || f->feed[0].ended ||
		    f->feed[0].ends > 0) {
			to = first ? 0 : choose(f, now);
			if (to >= 0)
				aim(f, to, CAUSE_START, now, now);
		}
	} else if (!f->health[f->active].well) {
		f->pinned = false;
		if (f->to < 0 && (to = choose(f, now)) >= 0)
			aim(f, to, health_cause_of(&f->health[f->active]),
			    f->health[f->active].fault_ns, now);
	} else if (f->cfg.prefer && !f->pinned && f->to < 0) {
		for (int i = 0; i < f->active && f->to < 0; i++)
			if (is_clear(f, (unsigned)i, now) && is_ready(f, (unsigned)i) &&
			    !health_dim(&f->health[i], &f->cfg.failon))
				aim(f, i, CAUSE_PREFERENCE, now, now);
	}
	if (f->to < 0)
		say_waiting(f);
}

static void
obey(struct failover *f, int64_t now)
{
	unsigned n;

	switch (order_next(&f->order, &n)) {
	case ORDER_NONE:
		break;
	case ORDER_AUTO:
		f->pinned = false;
		log_info("switches are automatic again");
		break;
	case ORDER_SWITCH:
		if (n < 1 || n > f->n) {
			log_warn(0, "there is no input %u: 1 to %u", n, f->n);
		} else if (!is_ready(f, n - 1)) {
			log_warn(0, "cannot switch to '%s' now: nothing comes of it",
			    f->feed[n - 1].name);
		} else {
			f->pinned = true;
			if ((int)n - 1 != f->active)
				aim(f, (int)n - 1, CAUSE_COMMAND, now, now);
		}
		break;
	}
}

/* ---- the switch */

static void
tell(struct failover *f, int from, int64_t now)
{
	const char *to = f->feed[f->active].name;
	int64_t after_ms = (now - f->fault_ns) / 1000000;
	json_t *o;

	if (from >= 0 && from != f->active)
		log_warn(0, "switched from '%s' to '%s': %s, %" PRId64 " ms",
		    f->feed[from].name, to, health_cause[f->cause], after_ms);
	else
		log_info("'%s' is in use", to);
	if (f->cfg.event == NULL)
		return;
	o = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I}", "event", "input_switch",
	    "input", f->active + 1, "to", to, "cause", health_cause[f->cause],
	    "after_ms", (json_int_t)after_ms, "at_pts",
	    (json_int_t)(f->line.splice & (PES_WRAP - 1)));
	if (from >= 0) {
		json_object_set_new(o, "from_input", json_integer(from + 1));
		json_object_set_new(o, "from", json_string(f->feed[from].name));
	}
	f->cfg.event(f->cfg.arg, o);
}

/* Begin with an input, or again with the same.  False: it has no place to begin. */
static bool
begin(struct failover *f, int to, int64_t now)
{
	struct feed *feed = &f->feed[to];
	int from = f->active;

	if (!line_splice(&f->line, feed, now, now - f->asked_ns > SOUND))
		return false;
	if (from >= 0 && from != to)
		feed_unuse(&f->feed[from]);
	f->switches += from >= 0 && from != to;
	f->break_due = from >= 0;
	f->streams_due = true;
	f->active = to;
	f->on = true;
	f->to = -1;
	f->waiting = false;
	f->s.name = feed->name;
	tell(f, from, now);
	return true;
}

static void
proceed(struct failover *f, int64_t now)
{
	if (f->to >= 0) {
		/* Rather after damage than into it. */
		if (feed_find(&f->feed[f->to], INT64_MAX, now - f->asked_ns > SOUND) == NULL)
			return;
		if (!f->line.cutting) {
			line_cut(&f->line);
			f->cut_ns = now;
		}
		if (!f->on || line_is_cut(&f->line) || now - f->cut_ns >= TAIL)
			begin(f, f->to, now);
	} else if (f->active >= 0 && !f->on && !f->health[f->active].holds[CAUSE_LOSS]) {
		f->cause = CAUSE_RETURN;
		f->fault_ns = f->asked_ns = f->health[f->active].since_ns;
		begin(f, f->active, now);
	}
}

/* ---- the source */

static void
give_streams(struct failover *f, struct source_event *ev)
{
	const struct feed *feed = &f->feed[f->active];

	f->streams_due = false;
	f->tables = feed->tables;
	line_tables(&f->line, feed);
	ev->what = SOURCE_STREAMS;
	ev->streams = f->line.place;
	ev->nstream = f->line.nplace;
}

/* The next unit that is to go out.  False: there is none now. */
static bool
give_unit(struct failover *f, struct source_event *ev)
{
	struct feed *feed = &f->feed[f->active];
	struct feed_unit *u;

	while (f->on && (u = feed->next) != NULL) {
		if (u->breaks && u != f->line.begin) {
			f->on = false;		/* begins anew, when it can */
			f->asked_ns = clk_mono_ns();
			return false;
		}
		if (u->tables != f->tables && f->tables != feed->tables) {
			give_streams(f, ev);
			return true;
		}
		feed_take(feed);
		if (line_unit(&f->line, u, ev)) {
			ev->more = feed->next != NULL;
			return true;
		}
	}
	return false;
}

static bool
all_ended(const struct failover *f)
{
	for (unsigned i = 0; i < f->n; i++)
		if (!f->feed[i].ended)
			return false;
	return true;
}

static void
failover_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct failover *f = (struct failover *)s;
	int64_t now;

	do {
		bool pending = f->break_due || f->streams_due ||
		    (f->on && f->feed[f->active].next != NULL);

		now = clk_mono_ns();
		if (!pending || now - f->pumped_ns > PUMP)
			pump(f, pending || deadline_ns <= now ? 0 :
			    deadline_ns - now < CLK_SECOND / 50 ? deadline_ns - now :
			    CLK_SECOND / 50);
		now = clk_mono_ns();
		if (!f->break_due && !f->streams_due) {
			decide(f, now);
			obey(f, now);
			proceed(f, now);
		}
		s->connected = f->on;
		if (f->break_due) {
			f->break_due = false;
			ev->what = SOURCE_BREAK;
			return;
		}
		if (f->streams_due) {
			give_streams(f, ev);
			return;
		}
		if (f->active >= 0 && give_unit(f, ev))
			return;
		if (all_ended(f)) {
			ev->what = SOURCE_END;
			return;
		}
	} while (now < deadline_ns && !io_stopping());
}

static void
failover_stats(const struct source *s, json_t *o)
{
	const struct failover *f = (const struct failover *)s;
	json_t *inputs = json_array();

	for (unsigned i = 0; i < f->n; i++) {
		const struct feed *feed = &f->feed[i];
		json_t *conditions = json_array();

		for (int c = CAUSE_LOSS; c < CAUSES; c++)
			if (f->health[i].holds[c])
				json_array_append_new(conditions,
				    json_string(health_cause[c]));
		json_array_append_new(inputs, json_pack(
		    "{s:s, s:b, s:b, s:b, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:i}",
		    "source", feed->name, "active", (int)i == f->active,
		    "well", f->health[i].well, "ready", is_ready(f, i), "fails_on", conditions,
		    "source_bytes", (json_int_t)feed->bytes,
		    "source_disconnections", (json_int_t)feed->ends,
		    "source_continuity_counter", (json_int_t)feed_cc_errors(feed),
		    "decoder_errors", (json_int_t)f->health[i].state.errors,
		    "not_watched_bytes", (json_int_t)f->health[i].state.left_out,
		    "kept_bytes", (json_int_t)feed->kept, "process", (int)feed->pid));
	}
	json_object_set_new(o, "active_input", json_integer(f->active + 1));
	json_object_set_new(o, "primary_input_active", json_integer(f->active == 0));
	json_object_set_new(o, "input_switches", json_integer((json_int_t)f->switches));
	json_object_set_new(o, "units_left_out", json_integer((json_int_t)f->line.dropped));
	json_object_set_new(o, "preroll_units", json_integer((json_int_t)f->line.preroll));
	json_object_set_new(o, "inputs", inputs);
}

static void
failover_close(struct source *s)
{
	struct failover *f = (struct failover *)s;

	for (unsigned i = 0; i < f->n; i++)
		feed_end(&f->feed[i]);		/* all of them at once */
	for (unsigned i = 0; i < f->n; i++)
		feed_free(&f->feed[i]);
	order_close(&f->order);
	free(f->feed);
	free(f);
}

static const struct source_type source_failover = {
	.schemes = "", .read = failover_read, .stats = failover_stats,
	.close = failover_close,
};

struct source *
failover_open(const struct source_config *cfg, const struct failover_config *fcfg,
    char *const name[], unsigned n)
{
	struct failover *f = calloc(1, sizeof(*f));

	if (f == NULL || (f->feed = calloc(n, sizeof(*f->feed))) == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the inputs");
	f->s = (struct source){ .type = &source_failover, .name = name[0], .live = true,
	    .keep_time = true, .patience_ns = INT64_MAX };
	f->cfg = *fcfg;
	f->n = n;
	f->active = f->to = -1;
	f->start_ns = clk_mono_ns();
	line_init(&f->line);
	order_open(&f->order, fcfg->control);
	for (unsigned i = 0; i < n; i++) {
		feed_init(&f->feed[i], cfg, name[i], fcfg->program,
		    &f->cfg.failon, fcfg->failon.loss_ns + APART);
	}
	return &f->s;
}
