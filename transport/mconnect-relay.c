/*
 * mconnect-relay - any number of ways in, one clean stream, many ways out: see
 * mconnect-relay(1).
 *
 * One thread and one loop: it waits for the legs that have something (leg.h), hands
 * that to the flow (flow.h), and sends what is due (output.h); then it waits
 * until the next datagram is due, or something else comes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/url.h"
#include "lib/leg/address.h"
#include "lib/net/metrics.h"
#include "transport/control.h"
#include "transport/recorder.h"
#include "transport/relay.h"
#include "transport/relayconf.h"
#include "transport/relaygrant.h"
#include "transport/relayload.h"
#include "transport/relayopts.h"
#include "transport/relayweb.h"
#include "transport/replay.h"

#define MS		INT64_C(1000000)
#define AHEAD_NS	(200 * MS)	/* that a file is read before it is due */
#define RETRY_NS	(250 * MS)	/* to look for readers of FIFOs */
#define LAST_NS		(20 * CLK_SECOND)
#define SOON_NS		(5 * MS)
#define EVENTS		64
#define TURNS		8		/* batches of one leg before the others' turn */
#define METRICS_ROOM	(1 << 20)

struct tool {
	struct relay relay;
	struct control control;
	struct relayweb *web;
	struct replay *replay;		/* or NULL */
	char	*metrics;
	int64_t	 metrics_ns;
	struct relay_options asked;
	struct relayload load;		/* of the configuration */
	bool	 missing;		/* the program: that was said */
};

/* ---- the loop */

/* A datagram, for the recording. */
static void
record(void *arg, const struct leg *l, unsigned above, const uint8_t *p, size_t len,
    int64_t at_ns)
{
	struct relay *r = arg;

	recorder_datagram(r->recorder, relay_place_of(r, l), above, p, len, at_ns);
}

static void
read_leg(struct relay *r, unsigned i)
{
	struct leg_taker taker = relay_taker(r);
	struct leg *l = r->leg[i];

	taker.seen = r->recorder != NULL ? record : NULL;
	l->more = true;
	for (unsigned n = 0; n < TURNS && l->more; n++)
		l->more = leg_read(l, r->batch, &taker);
	if (l->ended && !l->file)
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->fd, NULL);
}

/* May a file be read further?  If not, *next_ns is when. */
static bool
may_read(const struct relay *r, const struct leg *l, int64_t now_ns,
    int64_t *next_ns)
{
	const struct fan *f = &r->flow.fan;
	int64_t last;

	if (l->paced) {
		*next_ns = l->ready_ns < *next_ns ? l->ready_ns : *next_ns;
		return l->ready_ns <= now_ns;
	}
	last = f->head > f->due ? fan_at(f, f->head - 1)->due_ns : now_ns;
	if (last - AHEAD_NS <= now_ns)
		return true;
	*next_ns = last - AHEAD_NS < *next_ns ? last - AHEAD_NS : *next_ns;
	return false;
}

static void
read_files(struct relay *r, int64_t now_ns, int64_t *next_ns)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && r->leg[i]->file && !r->leg[i]->ended &&
		    may_read(r, r->leg[i], now_ns, next_ns)) {
			read_leg(r, i);
			*next_ns = now_ns;
		}
}

static void
wake_output(struct relay *r, int fd, int64_t now_ns)
{
	for (unsigned i = 0; i < r->noutput; i++)
		if (r->output[i]->fd == fd && r->output[i]->blocked)
			output_ready(r->output[i], now_ns);
}

static void
act(struct tool *t, const struct epoll_event *ev)
{
	uint32_t n = (uint32_t)ev->data.u64;

	switch ((enum relay_kind)(ev->data.u64 >> 32)) {
	case RELAY_LEG:
		if (n < FLOW_LEGS && t->relay.leg[n] != NULL)
			read_leg(&t->relay, n);
		break;
	case RELAY_OUTPUT:
		wake_output(&t->relay, (int)n, clk_mono_ns());
		break;
	case RELAY_CONTROL:
		control_ready(&t->control, n, &t->relay);
		break;
	}
}

/* Wait at most until then, and do what there is. */
static void
wait_until(struct tool *t, int64_t next_ns, bool ending)
{
	struct epoll_event ev[EVENTS];
	int64_t left = next_ns - clk_mono_ns(), soon = t->relay.flow.slack_ns + SOON_NS;
	int n;

	left = left < 0 ? 0 : left;
	if (soon > t->asked.flow.smooth_ns * 3 / 4)
		soon = t->asked.flow.smooth_ns * 3 / 4;
	if (!ending && left <= soon) {
		/*
		 * What comes meanwhile has its time of arrival from the kernel and is not
		 * due yet: one waking for both saves half of the time of the processor.
		 */
		struct timespec at = { .tv_sec = next_ns / CLK_SECOND,
		    .tv_nsec = next_ns % CLK_SECOND };

		if (left > 0)
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		n = epoll_wait(t->relay.epoll, ev, EVENTS, 0);
	} else if (ending)				/* after a stop io_wait() waits no more */
		n = epoll_wait(t->relay.epoll, ev, EVENTS, (int)(left / MS) + 1);
	else if (io_wait(&(struct pollfd){ .fd = t->relay.epoll, .events = POLLIN }, 1,
	    left) <= 0)
		return;
	else
		n = epoll_wait(t->relay.epoll, ev, EVENTS, 0);
	for (int i = 0; i < n; i++)
		if (!ending || ev[i].data.u64 >> 32 == RELAY_OUTPUT)
			act(t, &ev[i]);
}

/*
 * The time up to which all legs have been read: when the relay was held up, what is
 * missing may be in what it has not read yet.  One that has nothing after all is not
 * read again, and holds nobody up.
 */
static int64_t
read_until(struct relay *r, int64_t now_ns)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		struct leg *l = r->leg[i];

		if (l == NULL)
			continue;
		if (l->more && l->read_ns > 0 && l->read_ns < now_ns)
			now_ns = l->read_ns;
		l->more = false;
	}
	return now_ns;
}

static bool
all_ended(const struct relay *r)
{
	unsigned legs = 0;

	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		if (r->leg[i] != NULL && !r->leg[i]->ended)
			return false;
		legs += r->leg[i] != NULL;
	}
	return legs > 0;
}

/* Outputs that have ended go; false: there is none left, and nobody to add one. */
static bool
reap(struct tool *t)
{
	struct relay *r = &t->relay;
	bool any = r->noutput > 0;

	relay_turn(r, clk_mono_ns());
	relayload_turn(&t->load);
	return !any || r->noutput > 0 || t->asked.control_path != NULL || t->asked.config != NULL;
}

static void
each_second(struct tool *t, int64_t now_ns)
{
	struct relay *r = &t->relay;

	if (stats_due(&r->stats))
		stats_write(&r->stats, relay_stats(r, now_ns));
	if (t->web != NULL && now_ns >= t->metrics_ns) {
		struct metrics m = { .buf = t->metrics, .size = METRICS_ROOM };

		relay_metrics(r, &m, now_ns);
		relayweb_set(t->web, m.buf, m.len);
		t->metrics_ns = now_ns + CLK_SECOND;
	}
}

static int64_t
next_time(const struct tool *t, int64_t now_ns)
{
	const struct relay *r = &t->relay;
	int64_t next = flow_deadline(&r->flow);

	if (r->stats.fd >= 0 && r->stats.next_ns < next)
		next = r->stats.next_ns;
	if (t->web != NULL && t->metrics_ns < next)
		next = t->metrics_ns;
	if (now_ns + RETRY_NS < next)		/* FIFOs, and losses to be told */
		next = now_ns + RETRY_NS;
	return next;
}

/* Until when outputs are busy with what they were given; 0: none of them is. */
static int64_t
busy_until(const struct relay *r, int64_t now_ns)
{
	int64_t until = 0;

	for (unsigned i = 0; i < r->noutput; i++) {
		int64_t one = output_busy_ns(r->output[i], now_ns);

		until = one > until ? one : until;
	}
	return until;
}

/* What is held goes out at its pace, but nobody is waited for for long. */
static void
drain(struct tool *t)
{
	struct relay *r = &t->relay;
	struct fan *f = &r->flow.fan;
	int64_t now_ns = clk_mono_ns(), until;
	bool left = true;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)		/* nobody reads it any more */
			epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->leg[i]->fd, NULL);
	if (r->recorder != NULL)
		recorder_end(r->recorder, now_ns);
	flow_flush(&r->flow, now_ns);
	until = relay_drain_until(r, now_ns);
	while (left && (now_ns = clk_mono_ns()) < until) {
		int64_t next = fan_deadline(f);

		relay_send(r, now_ns);
		left = f->due < f->head;
		for (unsigned i = 0; i < r->noutput; i++)
			left |= r->output[i]->blocked || (r->output[i]->cut != NULL &&
			    r->output[i]->fd >= 0);
		if (left)
			wait_until(t, next < until ? next : until, true);
	}
	until = now_ns + LAST_NS;
	while ((now_ns = clk_mono_ns()) < until && busy_until(r, now_ns) > now_ns)
		wait_until(t, now_ns + SOON_NS, true);
}

static void
tell_program(struct tool *t)
{
	const struct flow *f = &t->relay.flow;

	if (f->filter.missing == t->missing)
		return;
	t->missing = f->filter.missing;
	if (t->missing)
		log_warn(0, "there is no program %d", f->config.filter.program);
	else
		log_info("program %d is there", f->config.filter.program);
}

static int
run(struct tool *t)
{
	struct relay *r = &t->relay;

	while (!io_stopping()) {
		int64_t now_ns = clk_mono_ns(), next, turn_ns;

		if (io_reload_asked())
			relayload_again(&t->load);
		turn_ns = read_until(r, now_ns);
		if (r->recorder != NULL)
			recorder_turn(r->recorder, turn_ns);
		flow_turn(&r->flow, turn_ns);
		tell_program(t);
		relay_send(r, now_ns);
		if (!reap(t))
			return EXIT_RUNTIME;
		each_second(t, now_ns);
		if (all_ended(r))
			break;
		next = next_time(t, now_ns);
		read_files(r, now_ns, &next);
		wait_until(t, next, false);
	}
	drain(t);
	return EXIT_SUCCESS;
}

/* ---- the start */

static void
add_all(struct tool *t)
{
	struct relay *r = &t->relay;
	char why[UDP_WHY];
	int err;

	for (unsigned i = 0; i < t->asked.ninput; i++)
		if ((err = t->replay != NULL ? replay_pick(t->replay, r, t->asked.input[i],
		    why) : relay_add_leg(r, t->asked.input[i], false, NULL, why)) < 0)
			fatal(err == -EINVAL || err == -EEXIST ? EXIT_USAGE : EXIT_RUNTIME,
			    address_errno(err, why), "'%s': %s", t->asked.input[i],
			    why);
	relayload_inputs(&t->load);
	for (unsigned i = 0; i < t->asked.noutput; i++)
		if ((err = relay_add_output(r, t->asked.output[i], false, NULL, why)) < 0)
			fatal(err == -EINVAL || err == -EEXIST ? EXIT_USAGE : EXIT_RUNTIME,
			    address_errno(err, why), "'%s': %s", t->asked.output[i],
			    why);
	relayload_outputs(&t->load);
}

static int
refuse_input(void *arg, const char *word, const char *value, unsigned line)
{
	const struct relay_options *o = arg;

	(void)line;
	if (strcmp(word, "input") == 0 && file_id_same(file_id_of(o->record),
	    file_id_of_address(value, STDIN_FILENO)))
		fatal(EXIT_USAGE, 0, "--record '%s': it is an input", o->record);
	return 0;
}

/* The recording is there before its inputs are: see relay_reads(). */
static void
refuse_inputs(struct relay_options *o)
{
	if (strcmp(o->record, "-") == 0)
		fatal(EXIT_USAGE, 0, "--record '-': a recording is a file");
	for (unsigned i = 0; i < o->ninput; i++)
		refuse_input(o, "input", o->input[i], 0);
	if (o->config != NULL)
		relayconf_read(o->config, refuse_input, o);
}

int
main(int argc, char *argv[])
{
	static struct tool t;
	struct relay *r = &t.relay;
	int err, status;

	log_init("mconnect-relay");
	if (argc > 1 && strcmp(argv[1], "grant") == 0)
		return relaygrant_main(argc - 1, argv + 1);
	relay_options(&t.asked, argc, argv);
	io_init_server();
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (t.asked.replay != NULL && (err = replay_open(&t.replay, t.asked.replay,
	    &t.asked.flow)) < 0)
		fatal(err == -EBADMSG || err == -ENODATA ? EXIT_INPUT : EXIT_RUNTIME,
		    err == -EBADMSG || err == -ENODATA ? 0 : -err,
		    err == -EBADMSG ? "'%s' is no capture" : err == -ENODATA ?
		    "there is nothing in '%s'" : "cannot open '%s'", t.asked.replay);
	if (!t.asked.flow.live && t.asked.flow.smooth_ns == 0)
		t.asked.flow.smooth_ns = MS;	/* it has no other pace */
	r->config = t.asked.flow;
	r->replayed = t.asked.replay;
	r->start_ns = r->last_ns = clk_mono_ns();
	r->batch = leg_batch_new();
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->batch == NULL || flow_init(&r->flow, &t.asked.flow) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	r->flow.event = relay_event;
	r->flow.arg = r;
	if (r->epoll < 0)
		fatal(EXIT_RUNTIME, errno, "cannot wait");
	if ((err = stats_open(&r->stats, t.asked.stats)) < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err, "cannot open '%s'",
		    t.asked.stats);
	if (t.asked.record != NULL) {
		refuse_inputs(&t.asked);
		if ((err = recorder_new(&r->recorder, t.asked.record,
		    t.asked.record_every_ns, t.asked.flow.live, t.asked.flow.bare)) < 0)
			fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
			    "cannot write '%s'", t.asked.record);
	}
	t.load = (struct relayload){ .relay = r, .path = t.asked.config };
	add_all(&t);
	t.control.listener.fd = -1;
	if (t.asked.control_path != NULL &&
	    (err = control_open(&t.control, t.asked.control_path, r)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot listen on '%s'", t.asked.control_path);
	if (t.asked.web_listen != NULL && (t.metrics = malloc(METRICS_ROOM)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	if (t.asked.web_listen != NULL &&
	    (err = relayweb_start(&t.web, t.asked.web_listen)) < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
		    "cannot listen on '%s'", t.asked.web_listen);
	t.load.started = true;
	log_info("ready");
	status = t.replay != NULL ? replay_run(t.replay, r) : run(&t);
	if (r->stats.fd >= 0 && t.replay == NULL)
		stats_write(&r->stats, relay_stats(r, clk_mono_ns()));
	if (t.asked.control_path != NULL)
		control_free(&t.control);
	relayweb_stop(t.web);
	free(t.metrics);
	recorder_free(r->recorder);
	r->recorder = NULL;
	replay_free(t.replay);
	relay_free(r);
	return status;
}
