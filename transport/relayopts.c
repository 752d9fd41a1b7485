/* The options of mconnect-relay, of the command line or of the file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/url.h"
#include "lib/media/ts.h"
#include "transport/relayconf.h"
#include "transport/relayopts.h"

#define MS		INT64_C(1000000)

static const char help[] =
    "usage: mconnect-relay [options] -i URL [-i URL ...] -o URL [-o URL ...]\n"
    "       mconnect-relay grant [options] -f FILE NAME\n"
    "      --back DURATION      what a better source has to last to be used again [5s]\n"
    "      --by-content         merge by what is in the packets, not by RTP numbers\n"
    "      --clean DURATION     so long a failed source goes on until another can begin\n"
    "                           at a random access point [500ms]\n"
    "  -c, --config FILE        options, a line each; read again after SIGHUP\n"
    "      --control PATH       a socket for commands\n"
    "      --drop-pid PID       leave this one out, such as 8191: null packets\n"
    "      --fail-if CONDITION  with --failover: then a source has failed, such as\n"
    "                           'cc_errors > 5'\n"
    "      --fail-time DURATION in which faults are counted for that [5s]\n"
    "      --failover           use one of the sources, another when it fails\n"
    "      --health             measure sources and what goes out by TR 101 290\n"
    "      --hold DURATION      so far a slow output may be behind [2s]\n"
    "      --hot DURATION       silence after which a source has failed [500ms]\n"
    "  -i, --input URL          udp://, rtp://, rist://, srt://, a file, a FIFO or - [-]\n"
    "      --keep-header        RTP headers go out as they came, datagrams too\n"
    "      --memory SIZE        of packets that are held, at most [256Mi]\n"
    "  -m, --merge              make one stream of all sources, by RTP numbers\n"
    "      --metrics ADDRESS    answer GET /metrics there\n"
    "  -o, --output URL         udp://, rtp://, rist://, srt://, a file, a FIFO or - [-]\n"
    "      --pcr-pid PID        the clock of the stream [the first]\n"
    "      --pid PID            nothing but this one, and those of --program\n"
    "      --prefer             use the first source that works, not the one in use\n"
    "      --program NUMBER     this one of several, with a PAT of its own\n"
    "      --record FILE        what comes in goes there, as pcapng\n"
    "      --record-every DURATION  a new file each so often\n"
    "      --reorder DURATION   so long RTP waits for what is missing [100ms]\n"
    "      --replay FILE        a recording or a capture instead of inputs, fast\n"
    "      --slack DURATION     datagrams may go so late, together: less work [0s]\n"
    "      --smooth DURATION    jitter that is taken out; 0s: send at once [20ms]\n"
    "  -s, --stats TARGET       a JSON line each second to fd:N, unix:PATH or a file\n"
    "      --warm DURATION      a source begins at its last random access point that is\n"
    "                           not older, when another falls silent [2s]\n"
    "  -w, --window DURATION    everything waits so long for its copies [--merge: 200ms]\n"
    OPT_COMMON_HELP
    "for instance:\n"
    "  mconnect-relay -m -i rtp://:5000 -i rtp://:5100 -o udp://@239.1.1.1:5000\n";

enum { OPT_BACK = 256, OPT_BY_CONTENT, OPT_CLEAN, OPT_CONTROL, OPT_DROP_PID, OPT_FAIL_IF,
	OPT_FAIL_TIME, OPT_FAILOVER, OPT_HEALTH, OPT_HOLD, OPT_HOT, OPT_KEEP_HEADER, OPT_MEMORY,
	OPT_METRICS, OPT_PCR_PID, OPT_PID, OPT_PREFER, OPT_PROGRAM, OPT_RECORD,
	OPT_RECORD_EVERY, OPT_REORDER, OPT_REPLAY, OPT_SLACK, OPT_SMOOTH, OPT_WARM };

static const struct option longopts[] = {
	{ "back", required_argument, NULL, OPT_BACK },
	{ "by-content", no_argument, NULL, OPT_BY_CONTENT },
	{ "clean", required_argument, NULL, OPT_CLEAN },
	{ "config", required_argument, NULL, 'c' },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "drop-pid", required_argument, NULL, OPT_DROP_PID },
	{ "fail-if", required_argument, NULL, OPT_FAIL_IF },
	{ "fail-time", required_argument, NULL, OPT_FAIL_TIME },
	{ "failover", no_argument, NULL, OPT_FAILOVER },
	{ "health", no_argument, NULL, OPT_HEALTH },
	{ "hold", required_argument, NULL, OPT_HOLD },
	{ "hot", required_argument, NULL, OPT_HOT },
	{ "input", required_argument, NULL, 'i' },
	{ "keep-header", no_argument, NULL, OPT_KEEP_HEADER },
	{ "memory", required_argument, NULL, OPT_MEMORY },
	{ "merge", no_argument, NULL, 'm' },
	{ "metrics", required_argument, NULL, OPT_METRICS },
	{ "output", required_argument, NULL, 'o' },
	{ "pcr-pid", required_argument, NULL, OPT_PCR_PID },
	{ "pid", required_argument, NULL, OPT_PID },
	{ "prefer", no_argument, NULL, OPT_PREFER },
	{ "program", required_argument, NULL, OPT_PROGRAM },
	{ "record", required_argument, NULL, OPT_RECORD },
	{ "record-every", required_argument, NULL, OPT_RECORD_EVERY },
	{ "reorder", required_argument, NULL, OPT_REORDER },
	{ "replay", required_argument, NULL, OPT_REPLAY },
	{ "slack", required_argument, NULL, OPT_SLACK },
	{ "smooth", required_argument, NULL, OPT_SMOOTH },
	{ "stats", required_argument, NULL, 's' },
	{ "warm", required_argument, NULL, OPT_WARM },
	{ "window", required_argument, NULL, 'w' },
	OPT_COMMON_LONG,
};

static int64_t
duration(const char *name, const char *arg, int64_t most)
{
	uint64_t v = opt_duration(name, arg);

	if (v > (uint64_t)most)
		fatal(EXIT_USAGE, 0, "--%s '%s' is more than %d s", name, arg,
		    (int)(most / CLK_SECOND));
	return (int64_t)v;
}

static const char *
nth_name(int k)
{
	const struct vital *v = vital_at(k / 2);

	return v == NULL ? NULL : k % 2 == 0 ? v->name : v->alias != NULL ? v->alias : "";
}

static void
add_condition(struct checkup_conditions *all, const char *text)
{
	struct checkup_condition *c = &all->one[all->n];
	char name[EXPR_NAME], near[256];
	const char *wrong;
	int err;

	if (all->n == CHECKUP_CONDITIONS)
		fatal(EXIT_USAGE, 0, "more than %d conditions", CHECKUP_CONDITIONS);
	if ((err = expr_parse(&c->expr, text, vital_find, &wrong)) == -ENOENT) {
		expr_name(wrong, name);
		expr_near(name, nth_name, near, sizeof(near));
		fatal(EXIT_USAGE, 0, "--fail-if '%s': there is no number '%s'%s%s", text, name,
		    *near != '\0' ? "; perhaps " : "", near);
	}
	if (err < 0)
		fatal(EXIT_USAGE, 0, err == -E2BIG ? "--fail-if '%s' is too long" :
		    *wrong == '\0' ? "--fail-if '%s': something is missing at its end" :
		    "--fail-if '%s' is no condition: see '%s'", text, wrong);
	c->text = text;
	all->n++;
}

static int
pid(const char *name, const char *arg)
{
	char *end;
	bool hex = arg[0] == '0' && (arg[1] == 'x' || arg[1] == 'X');
	unsigned long v = strtoul(arg, &end, hex ? 16 : 10);

	if (*arg < '0' || *arg > '9' || *end != '\0' || v > TS_PID_NULL)
		fatal(EXIT_USAGE, 0, "--%s '%s' is no PID", name, arg);
	return (int)v;
}

/* SRT, files and pipes: what they bring has no RTP. */
static bool
is_bare(const char *url)
{
	return strncmp(url, "srt://", 6) == 0 || strncmp(url, "file:", 5) == 0 ||
	    strstr(url, "://") == NULL;
}

/* What would be for nothing without --failover. */
static const struct {
	int	 val;
	const char *name;
} of_failover[] = {
	{ OPT_BACK, "back" }, { OPT_CLEAN, "clean" }, { OPT_FAIL_IF, "fail-if" },
	{ OPT_FAIL_TIME, "fail-time" }, { OPT_HOT, "hot" }, { OPT_PREFER, "prefer" },
	{ OPT_WARM, "warm" },
};

static void
set(struct relay_options *t, int c, const char *arg)
{
	struct flow_config *f = &t->flow;
	int n;

	for (unsigned i = 0; i < sizeof(of_failover) / sizeof(of_failover[0]); i++)
		if (of_failover[i].val == c)
			t->only_failover = of_failover[i].name;
	switch (c) {
	case OPT_BACK:
		f->back_ns = duration("back", arg, 3600 * CLK_SECOND);
		break;
	case OPT_BY_CONTENT:
		f->by_content = true;
		break;
	case OPT_CLEAN:
		f->clean_ns = duration("clean", arg, 60 * CLK_SECOND);
		break;
	case 'c':
		t->config = arg;
		break;
	case OPT_CONTROL:
		t->control_path = arg;
		break;
	case OPT_DROP_PID:
		n = pid("drop-pid", arg);
		pidfilter_set(f->filter.drop, (unsigned)n);
		f->filter.on = true;
		break;
	case OPT_FAIL_IF:
		add_condition(&t->conditions, arg);
		f->health = true;
		break;
	case OPT_FAIL_TIME:
		t->conditions.over_ns = duration("fail-time", arg, 3600 * CLK_SECOND);
		break;
	case OPT_FAILOVER:
		t->failover = true;
		break;
	case OPT_HEALTH:
		f->health = true;
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
		if (t->bare == NULL && is_bare(arg))
			t->bare = arg;
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
	case OPT_PID:
		pidfilter_set(f->filter.pass, (unsigned)pid("pid", arg));
		f->filter.only = f->filter.on = true;
		break;
	case OPT_PREFER:
		f->prefer = true;
		break;
	case OPT_PROGRAM:
		f->filter.program = (int)opt_number("program", arg, 1, 0xffff);
		f->filter.on = true;
		break;
	case OPT_RECORD:
		t->record = arg;
		break;
	case OPT_RECORD_EVERY:
		t->record_every_ns = duration("record-every", arg, 86400 * CLK_SECOND);
		if (t->record_every_ns < CLK_SECOND)
			fatal(EXIT_USAGE, 0, "--record-every '%s' is less than 1s", arg);
		break;
	case OPT_REORDER:
		f->reorder_ns = duration("reorder", arg, 15 * CLK_SECOND);
		break;
	case OPT_REPLAY:
		t->replay = arg;
		break;
	case OPT_SLACK:
		f->slack_ns = duration("slack", arg, 15 * CLK_SECOND);
		break;
	case OPT_SMOOTH:
		f->smooth_ns = duration("smooth", arg, 15 * CLK_SECOND);
		break;
	case 's':
		t->stats = arg;
		break;
	case OPT_WARM:
		f->warm_ns = duration("warm", arg, 60 * CLK_SECOND);
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

bool
relay_is_option(const char *word, const char *value)
{
	const struct option *o = find_option(word);

	return o != NULL && (o->has_arg == required_argument) == (*value != '\0');
}

/* At the start: all but inputs and outputs, which are read like after SIGHUP. */
static int
take_word(void *arg, const char *word, const char *value, unsigned line)
{
	struct relay_options *t = arg;
	const struct option *o = find_option(word);

	if (!relay_is_option(word, value))
		fatal(EXIT_USAGE, 0, "'%s', line %u: '%s%s%s' is no option", t->config, line,
		    word, *value != '\0' ? " " : "", value);
	if (o->val == 'i' && t->bare == NULL && is_bare(value))
		t->bare = strdup(value);
	if (o->val == 'i' || o->val == 'o')
		return 0;
	set(t, o->val, value);
	if (o->val == OPT_CONTROL)		/* kept as that of the command line is */
		t->control_path = strdup(value);
	else if (o->val == OPT_FAIL_IF)
		t->conditions.one[t->conditions.n - 1].text = strdup(value);
	else if (o->val == OPT_METRICS)
		t->web_listen = strdup(value);
	else if (o->val == 's')
		t->stats = strdup(value);
	else if (o->val == OPT_RECORD)
		t->record = strdup(value);
	else if (o->val == OPT_REPLAY)
		t->replay = strdup(value);
	return 0;
}

static bool
only_files(const struct relay_options *t)
{
	struct stat st;

	for (unsigned i = 0; i < t->ninput; i++)
		if ((strcmp(t->input[i], "-") == 0 ? fstat(STDIN_FILENO, &st) :
		    stat(t->input[i], &st)) < 0 || !S_ISREG(st.st_mode))
			return false;
	return t->ninput > 0;
}

static void
complete_replay(const struct relay_options *t)
{
	if (t->config != NULL || t->control_path != NULL || t->web_listen != NULL ||
	    t->record != NULL)
		opt_usage(help, "--replay does not go with --config, --control, --metrics or "
		    "--record");
	for (unsigned i = 0; i < t->noutput; i++)
		if (strstr(t->output[i], "://") != NULL)
			opt_usage(help, "--replay has no pace: '%s' is no file or pipe",
			    t->output[i]);
}

static void
complete(struct relay_options *t)
{
	struct flow_config *f = &t->flow;

	if (t->replay != NULL)
		complete_replay(t);
	else if (t->ninput == 0 && t->config == NULL && t->control_path == NULL)
		t->input[t->ninput++] = "-";
	if (t->noutput == 0 && t->config == NULL && t->control_path == NULL)
		t->output[t->noutput++] = "-";
	if (f->merge && t->failover)
		opt_usage(help, "--merge and --failover do not go together");
	if (t->ninput > 1 && !f->merge && !t->failover)
		opt_usage(help, "several inputs: say --merge or --failover");
	if (t->only_failover != NULL && !t->failover)
		opt_usage(help, "--%s is for --failover", t->only_failover);
	f->conditions = &t->conditions;
	f->failover = t->failover;
	if (f->by_content && !f->merge)
		opt_usage(help, "--by-content is for --merge");
	f->bare = t->bare != NULL;
	if (f->merge && f->bare && !f->by_content && f->keep_header)
		opt_usage(help, "'%s' has no RTP: --merge is by content then, which does not "
		    "go with --keep-header", t->bare);
	if (f->merge && f->bare && !f->by_content && t->replay == NULL) {
		f->by_content = true;
		log_info("'%s' has no RTP: inputs are merged by content", t->bare);
	}
	if ((f->by_content || f->filter.on) && f->keep_header)
		opt_usage(help, "--by-content, --program, --pid and --drop-pid make datagrams of their own: "
		    "they do not go with --keep-header");
	if (f->slack_ns > f->smooth_ns / 2)
		opt_usage(help, "--slack is at most half of --smooth");
	f->adapts = !f->windowed;
	if (f->merge && !f->windowed) {
		f->windowed = true;
		f->window_ns = 200 * MS;
	}
	if (t->record_every_ns > 0 && t->record == NULL)
		opt_usage(help, "--record-every is for --record");
	f->live = t->replay != NULL || t->failover || !only_files(t);
	if (!f->live && f->smooth_ns == 0)
		f->smooth_ns = MS;		/* it has no other pace */
	if (getrandom(&f->ssrc, sizeof(f->ssrc), 0) < 0 ||
	    getrandom(&f->seq, sizeof(f->seq), 0) < 0)
		fatal(EXIT_RUNTIME, errno, "no random numbers");
	f->ssrc &= ~1u;				/* as RIST has it */
}

void
relay_options(struct relay_options *t, int argc, char *argv[])
{
	int c, err;

	*t = (struct relay_options){ .flow = { .pcr_pid = -1, .reorder_ns = 100 * MS,
	    .hot_ns = 500 * MS, .back_ns = 5 * CLK_SECOND, .smooth_ns = 20 * MS,
	    .clean_ns = 500 * MS, .warm_ns = 2 * CLK_SECOND,
	    .hold_ns = 2 * CLK_SECOND, .memory = 256 << 20 },
	    .conditions = { .over_ns = 5 * CLK_SECOND } };
	while ((c = getopt_long(argc, argv, "c:i:mo:s:w:" OPT_COMMON, longopts, NULL)) != -1)
		set(t, c, optarg);
	if (optind < argc)
		opt_usage(help, "what is '%s'?", argv[optind]);
	if (t->config != NULL && (err = relayconf_read(t->config, take_word, t)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot read '%s'", t->config);
	complete(t);
}
