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
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/net/metrics.h"
#include "transport/control.h"
#include "transport/relay.h"
#include "transport/relayconf.h"
#include "transport/relayweb.h"

#define MS		INT64_C(1000000)
#define AHEAD_NS	(200 * MS)	/* that a file is read before it is due */
#define RETRY_NS	(250 * MS)	/* to look for readers of FIFOs */
#define DRAIN_NS	(2 * CLK_SECOND)
#define SOON_NS		(3 * MS)
#define EVENTS		64
#define TURNS		8		/* batches of one leg before the others' turn */
#define METRICS_ROOM	(1 << 20)

struct tool {
	struct relay relay;
	struct control control;
	struct relayweb *web;
	char	*metrics;
	int64_t	 metrics_ns;
	const char *config, *control_path, *stats, *web_listen;
	struct flow_config flow;
	bool	 failover, smooth_asked;
	const char *input[FLOW_LEGS], *output[RELAY_OUTPUTS];
	unsigned ninput, noutput;
};

static const char help[] =
    "usage: mconnect-relay [options] -i URL [-i URL ...] -o URL [-o URL ...]\n"
    "      --back DURATION      what a better source has to last to be used again [5s]\n"
    "      --by-content         merge by what is in the packets, not by RTP numbers\n"
    "  -c, --config FILE        options, a line each; read again after SIGHUP\n"
    "      --control PATH       a socket for commands\n"
    "      --drop-pid PID       leave this one out, such as 8191: null packets\n"
    "      --failover           use one of the sources, another when it fails\n"
    "      --hold DURATION      so far a slow output may be behind [2s]\n"
    "      --hot DURATION       silence after which a source has failed [500ms]\n"
    "  -i, --input URL          udp://, rtp://, a file, a FIFO or - [-]\n"
    "      --keep-header        RTP headers go out as they came, datagrams too\n"
    "      --memory SIZE        of packets that are held, at most [256Mi]\n"
    "  -m, --merge              make one stream of all sources, by RTP numbers\n"
    "      --metrics ADDRESS    answer GET /metrics there\n"
    "  -o, --output URL         udp://, rtp://, a file, a FIFO or - [-]\n"
    "      --pcr-pid PID        the clock of the stream [the first]\n"
    "      --prefer             use the first source that works, not the one in use\n"
    "      --reorder DURATION   so long RTP waits for what is missing [100ms]\n"
    "      --smooth DURATION    jitter that is taken out; 0s: send at once [20ms]\n"
    "  -s, --stats TARGET       a JSON line each second to fd:N, unix:PATH or a file\n"
    "  -w, --window DURATION    everything waits so long for its copies [--merge: 200ms]\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mconnect-relay -m -i rtp://:5000 -i rtp://:5100 -o udp://@239.1.1.1:5000\n";

enum { OPT_BACK = 256, OPT_BY_CONTENT, OPT_CONTROL, OPT_DROP_PID, OPT_FAILOVER, OPT_HOLD, OPT_HOT,
	OPT_KEEP_HEADER,	OPT_MEMORY, OPT_METRICS, OPT_PCR_PID, OPT_PREFER, OPT_REORDER, OPT_SMOOTH };

static const struct option longopts[] = {
	{ "back", required_argument, NULL, OPT_BACK },
	{ "by-content", no_argument, NULL, OPT_BY_CONTENT },
	{ "config", required_argument, NULL, 'c' },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "drop-pid", required_argument, NULL, OPT_DROP_PID },
	{ "failover", no_argument, NULL, OPT_FAILOVER },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "hot", required_argument, NULL, OPT_HOT },
	{ "input", required_argument, NULL, 'i' },
	{ "keep-header", no_argument, NULL, OPT_KEEP_HEADER },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "merge", no_argument, NULL, 'm' },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "output", required_argument, NULL, 'o' },
	{ "pcr-pid", required_argument, NULL, OPT_PCR_PID },
	{ "prefer", no_argument, NULL, OPT_PREFER },
	{ "reorder", required_argument, NULL, OPT_REORDER },
	{ "smooth", required_argument, NULL, OPT_SMOOTH },
	{ "stats", required_argument, NULL, 's' },
	{ "window", required_argument, NULL, 'w' },
	OPT_COMMON_LONG,
};

/* ---- options, of the command line or of the file */

static int64_t
duration(const char *name, const char *arg, int64_t most)
{
	uint64_t v = opt_duration(name, arg);

	if (v > (uint64_t)most)
		fatal(EXIT_USAGE, 0, "--%s '%s' is more than %d s", name, arg,
		    (int)(most / CLK_SECOND));
	return (int64_t)v;
}

static int
pid(const char *name, const char *arg)
{
	char *end;
	unsigned long v = strtoul(arg, &end, 0);

	if (*arg < '0' || *arg > '9' || *end != '\0' || v > TS_PID_NULL)
		fatal(EXIT_USAGE, 0, "--%s '%s' is no PID", name, arg);
	return (int)v;
}

static void
set(struct tool *t, int c, const char *arg)
{
	struct flow_config *f = &t->flow;
	int n;

	switch (c) {
	case OPT_BACK:
		f->back_ns = duration("back", arg, 3600 * CLK_SECOND);
		break;
	case OPT_BY_CONTENT:
		f->by_content = true;
		break;
	case 'c':
		t->config = arg;
		break;
	case OPT_CONTROL:
		t->control_path = arg;
		break;
	case OPT_DROP_PID:
		n = pid("drop-pid", arg);
		f->drop[n / 8] |= (uint8_t)(1 << n % 8);
		f->drops = true;
		break;
	case OPT_FAILOVER:
		t->failover = true;
		break;
	case OPT_HOLD:
		f->hold_ns = duration("hold", arg, 60 * CLK_SECOND);
		break;
	case OPT_HOT:
		f->hot_ns = duration("hot", arg, 60 * CLK_SECOND);
		break;
	case 'i':
		if (t->ninput == FLOW_LEGS)
			fatal(EXIT_USAGE, 0, "more than %d inputs", FLOW_LEGS);
		t->input[t->ninput++] = arg;
		break;
	case OPT_KEEP_HEADER:
		f->keep_header = true;
		break;
	case OPT_MEMORY:
		f->memory = opt_size("memory", arg);
		if (f->memory < 1 << 20)
			fatal(EXIT_USAGE, 0, "--memory '%s' is less than 1Mi", arg);
		break;
	case 'm':
		f->merge = true;
		break;
	case OPT_METRICS:
		t->web_listen = arg;
		break;
	case 'o':
		if (t->noutput == RELAY_OUTPUTS)
			fatal(EXIT_USAGE, 0, "more than %d outputs", RELAY_OUTPUTS);
		t->output[t->noutput++] = arg;
		break;
	case OPT_PCR_PID:
		f->pcr_pid = pid("pcr-pid", arg);
		break;
	case OPT_PREFER:
		f->prefer = true;
		break;
	case OPT_REORDER:
		f->reorder_ns = duration("reorder", arg, 15 * CLK_SECOND);
		break;
	case OPT_SMOOTH:
		f->smooth_ns = duration("smooth", arg, 15 * CLK_SECOND);
		break;
	case 's':
		t->stats = arg;
		break;
	case 'w':
		f->window_ns = duration("window", arg, 15 * CLK_SECOND);
		f->windowed = true;
		break;
	default:
		opt_common(c, help);
	}
}

static const struct option *
find_option(const char *word)
{
	for (const struct option *o = longopts; o->name != NULL; o++)
		if (strcmp(o->name, word) == 0 && o->val != 'c' && o->val != 'h' &&
		    o->val != 'V')
			return o;
	return NULL;
}

/* At the start: all but inputs and outputs, which are read like after SIGHUP. */
static int
take_word(void *arg, const char *word, const char *value, unsigned line)
{
	struct tool *t = arg;
	const struct option *o = find_option(word);
	char *copy;

	if (o == NULL || (o->has_arg == required_argument) != (*value != '\0'))
		fatal(EXIT_USAGE, 0, "'%s', line %u: '%s%s%s' is no option", t->config, line,
		    word, *value != '\0' ? " " : "", value);
	if (o->val == 'i' || o->val == 'o')
		return 0;
	if ((copy = strdup(value)) == NULL)	/* kept as those of the command line are */
		return -ENOMEM;
	set(t, o->val, copy);
	if (o->val != OPT_CONTROL && o->val != OPT_METRICS && o->val != 's')
		free(copy);
	return 0;
}

/* ---- the configuration's inputs and outputs, at the start and after SIGHUP */

static int
mark_word(void *arg, const char *word, const char *value, unsigned line)
{
	struct relay *r = &((struct tool *)arg)->relay;
	char why[UDP_WHY];
	int n, err = 0;

	if (strcmp(word, "input") == 0) {
		if ((n = relay_find_leg(r, value)) >= 0)
			r->leg_seen[n] = true;
		else
			err = relay_add_leg(r, value, true, NULL, why);
	} else if (strcmp(word, "output") == 0) {
		if ((n = relay_find_output(r, value)) >= 0)
			r->output[n]->seen = true;
		else
			err = relay_add_output(r, value, true, NULL, why);
	}
	if (err < 0)
		log_warn(err == -EINVAL ? 0 : -err, "'%s', line %u: '%s': %s",
		    ((struct tool *)arg)->config, line, value, why);
	return 0;
}

/* Those that stay are not touched; those that are not in it any more go. */
static void
load(struct tool *t)
{
	struct relay *r = &t->relay;
	int err;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		r->leg_seen[i] = false;
	for (unsigned i = 0; i < r->noutput; i++)
		r->output[i]->seen = false;
	if ((err = relayconf_read(t->config, mark_word, t)) < 0) {
		log_warn(-err, "cannot read '%s': nothing is changed", t->config);
		return;
	}
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && r->leg_from_config[i] && !r->leg_seen[i])
			relay_remove_leg(r, i);
	for (unsigned i = r->noutput; i-- > 0;)
		if (r->output[i]->from_config && !r->output[i]->seen)
			relay_remove_output(r, i);
}

/* ---- the loop */

static void
take(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct relay *r = arg;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] == l) {
			flow_take(&r->flow, i, pkt, at_ns);
			return;
		}
}

static void
read_leg(struct relay *r, unsigned i)
{
	const struct leg_taker taker = { .take = take, .arg = r, .pool = &r->flow.pool };
	struct leg *l = r->leg[i];

	for (unsigned n = 0; n < (l->stream ? 1 : TURNS); n++)
		if (!leg_read(l, r->batch, &taker))
			break;
	if (l->ended && !l->file)
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->fd, NULL);
}

/* May a file be read further?  If not, *next_ns is when. */
static bool
may_read(const struct relay *r, int64_t now_ns, int64_t *next_ns)
{
	const struct fan *f = &r->flow.fan;
	int64_t last = f->head > f->due ? fan_at(f, f->head - 1)->due_ns : now_ns;

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
		    may_read(r, now_ns, next_ns)) {
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
	int64_t left = next_ns - clk_mono_ns();
	int n;

	left = left < 0 ? 0 : left;
	if (!ending && left <= SOON_NS && t->flow.smooth_ns > 2 * SOON_NS) {
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

	for (unsigned i = r->noutput; i-- > 0;)
		if (r->output[i]->ended)
			relay_remove_output(r, i);
	return !any || r->noutput > 0 || t->control_path != NULL || t->config != NULL;
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

/* What is held goes out at its pace, but nobody is waited for for long. */
static void
drain(struct tool *t)
{
	struct relay *r = &t->relay;
	struct fan *f = &r->flow.fan;
	int64_t now_ns = clk_mono_ns(), until;
	bool left = true;

	flow_flush(&r->flow, now_ns);
	until = f->head > f->due ? fan_at(f, f->head - 1)->due_ns : now_ns;
	until = (until > now_ns + DRAIN_NS ? now_ns + DRAIN_NS : until) + DRAIN_NS;
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
}

static int
run(struct tool *t)
{
	struct relay *r = &t->relay;

	while (!io_stopping()) {
		int64_t now_ns = clk_mono_ns(), next;

		if (io_reload_asked() && t->config != NULL)
			load(t);
		flow_turn(&r->flow, now_ns);
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

	for (unsigned i = 0; i < t->ninput; i++)
		if ((err = relay_add_leg(r, t->input[i], false, NULL, why)) < 0)
			fatal(err == -EINVAL || err == -EEXIST ? EXIT_USAGE : EXIT_RUNTIME,
			    err == -EINVAL || err == -EEXIST ? 0 : -err, "'%s': %s",
			    t->input[i], why);
	for (unsigned i = 0; i < t->noutput; i++)
		if ((err = relay_add_output(r, t->output[i], false, NULL, why)) < 0)
			fatal(err == -EINVAL || err == -EEXIST ? EXIT_USAGE : EXIT_RUNTIME,
			    err == -EINVAL || err == -EEXIST ? 0 : -err, "'%s': %s",
			    t->output[i], why);
	if (t->config != NULL)
		load(t);
}

static bool
only_files(const struct tool *t)
{
	struct stat st;

	for (unsigned i = 0; i < t->ninput; i++)
		if ((strcmp(t->input[i], "-") == 0 ? fstat(STDIN_FILENO, &st) :
		    stat(t->input[i], &st)) < 0 || !S_ISREG(st.st_mode))
			return false;
	return t->ninput > 0;
}

static void
complete(struct tool *t)
{
	struct flow_config *f = &t->flow;

	if (t->ninput == 0 && t->config == NULL && t->control_path == NULL)
		t->input[t->ninput++] = "-";
	if (t->noutput == 0 && t->config == NULL && t->control_path == NULL)
		t->output[t->noutput++] = "-";
	if (f->merge && t->failover)
		opt_usage(help, "--merge and --failover do not go together");
	if (t->ninput > 1 && !f->merge && !t->failover)
		opt_usage(help, "several inputs: say --merge or --failover");
	if (f->by_content && !f->merge)
		opt_usage(help, "--by-content is for --merge");
	if ((f->by_content || f->drops) && f->keep_header)
		opt_usage(help, "--by-content and --drop-pid make datagrams of their own: "
		    "they do not go with --keep-header");
	if (f->merge && !f->windowed) {
		f->windowed = true;
		f->window_ns = 200 * MS;
	}
	f->live = !only_files(t);
	if (!f->live && f->smooth_ns == 0)
		f->smooth_ns = MS;		/* it has no other pace */
	if (getrandom(&f->ssrc, sizeof(f->ssrc), 0) < 0 ||
	    getrandom(&f->seq, sizeof(f->seq), 0) < 0)
		fatal(EXIT_RUNTIME, errno, "no random numbers");
}

int
main(int argc, char *argv[])
{
	static struct tool t;
	struct relay *r = &t.relay;
	int c, err, status;

	log_init("mconnect-relay");
	t.flow = (struct flow_config){ .pcr_pid = -1, .reorder_ns = 100 * MS,
	    .hot_ns = 500 * MS, .back_ns = 5 * CLK_SECOND, .smooth_ns = 20 * MS,
	    .hold_ns = 2 * CLK_SECOND, .memory = 256 << 20 };
	while ((c = getopt_long(argc, argv, "c:i:mo:s:w:" OPT_COMMON, longopts, NULL)) != -1)
		set(&t, c, optarg);
	if (optind < argc)
		opt_usage(help, "what is '%s'?", argv[optind]);
	if (t.config != NULL && (err = relayconf_read(t.config, take_word, &t)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot read '%s'", t.config);
	complete(&t);
	io_init_server();
	prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
	r->config = t.flow;
	r->start_ns = r->last_ns = clk_mono_ns();
	r->batch = leg_batch_new();
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->batch == NULL || (err = flow_init(&r->flow, &t.flow)) < 0)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	r->flow.event = relay_event;
	r->flow.arg = r;
	if (r->epoll < 0)
		fatal(EXIT_RUNTIME, errno, "cannot wait");
	if ((err = stats_open(&r->stats, t.stats)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot open '%s'", t.stats);
	add_all(&t);
	t.control.fd = -1;
	if (t.control_path != NULL &&
	    (err = control_open(&t.control, t.control_path, r)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot listen on '%s'", t.control_path);
	if (t.web_listen != NULL && ((t.metrics = malloc(METRICS_ROOM)) == NULL ||
	    (err = relayweb_start(&t.web, t.web_listen)) < 0))
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
		    "cannot listen on '%s'", t.web_listen);
	log_info("ready");
	status = run(&t);
	if (r->stats.fd >= 0)
		stats_write(&r->stats, relay_stats(r, clk_mono_ns()));
	if (t.control_path != NULL)
		control_free(&t.control);
	relayweb_stop(t.web);
	free(t.metrics);
	relay_free(r);
	return status;
}
