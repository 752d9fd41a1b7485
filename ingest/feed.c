#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ingest/feed.h"
#include "ingest/feedlist.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define PIPE		(1 << 20)
#define OURSELVES	"/proc/self/exe"
#define GRACE		CLK_SECOND	/* for the process to end, when it is to */

static void
add_arg(struct feed *f, const char *arg)
{
	f->argv[f->argc] = strdup(arg);
	if (f->argv[f->argc++] == NULL || f->argc == FEED_ARGS)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot run '%s'", f->name);
}

/* What is a file is played at its own pace, whatever the command line says. */
static void
add_options(struct feed *f, const struct source_config *cfg, const char *program)
{
	struct url url;
	struct stat st;
	bool regular, pipe, test;
	int r = url_parse(&url, f->name);

	if (r < 0)
		fatal(EXIT_USAGE, 0, "'%s' is no address or file name: %s", f->name,
		    strerror(-r));
	if (stat(f->name, &st) < 0)
		st.st_mode = 0;
	if (f->uses_stdin && fstat(STDIN_FILENO, &st) < 0)
		st.st_mode = 0;
	regular = strcmp(url.scheme, "http") == 0 || strcmp(url.scheme, "https") == 0 ||
	    strcmp(url.scheme, "s3") == 0 ||
	    ((strcmp(url.scheme, "file") == 0 || f->uses_stdin) && !S_ISFIFO(st.st_mode));
	pipe = (strcmp(url.scheme, "file") == 0 || f->uses_stdin) && S_ISFIFO(st.st_mode);
	test = strcmp(url.scheme, "test") == 0;
	add_arg(f, FEED_PROGRAM);
	add_arg(f, "--quiet");
	if (!cfg->whole && (regular || test || (pipe && cfg->realtime)))
		add_arg(f, "--realtime");
	if (regular && cfg->loop)
		add_arg(f, "--loop");
	if (pipe && !f->uses_stdin && cfg->reopen)
		add_arg(f, "--reopen");
	if (program != NULL) {
		add_arg(f, "--program");
		add_arg(f, program);
	}
	add_arg(f, "--");
	add_arg(f, f->name);
}

void
feed_init(struct feed *f, const struct source_config *cfg, const char *name,
    const char *program, const struct failon *failon, int64_t keep_ns)
{
	f->name = name;
	f->failon = failon;
	f->once = cfg->whole;
	if (failon_decodes(failon))
		f->watch = feedwatch_new(failon);
	f->access_pts = PES_NO_TIME;
	f->keep_ns = keep_ns;
	f->fd = -1;
	f->program = -1;
	f->last_pts = f->newest_pts = PES_NO_TIME;
	f->tail = &f->first;
	f->uses_stdin = strcmp(name, "-") == 0;
	add_options(f, cfg, program);
}

/* ---- the process */

/* In the new one: only what a handler of signals may do. */
static _Noreturn void
become(struct feed *f, int out, pid_t parent)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(EXIT_SUCCESS);
	dup2(out, STDOUT_FILENO);
	if (!f->uses_stdin)
		dup2(null, STDIN_FILENO);
	if (f->told)			/* the reason was given the first time */
		dup2(null, STDERR_FILENO);
	execv(OURSELVES, f->argv);
	_exit(EXIT_RUNTIME);
}

/* For want of descriptors or processes: the other inputs go on. */
static void
cannot_start(struct feed *f)
{
	log_warn(errno, "cannot start a process for '%s', trying again", f->name);
	backoff_failed(&f->backoff);
}

void
feed_start(struct feed *f, int64_t now_ns)
{
	pid_t parent = getpid();
	int fd[2];

	if (f->fd >= 0 || f->ended || now_ns < f->backoff.next_ns)
		return;
	if (pipe2(fd, O_CLOEXEC) < 0) {
		cannot_start(f);
		return;
	}
	f->pid = fork();
	if (f->pid < 0) {
		cannot_start(f);
		f->pid = 0;
		close(fd[0]);
		close(fd[1]);
		return;
	}
	if (f->pid == 0)
		become(f, fd[1], parent);
	close(fd[1]);
	f->fd = fd[0];
	fcntl(f->fd, F_SETPIPE_SZ, PIPE);	/* less will do */
	fcntl(f->fd, F_SETFL, O_NONBLOCK);
	if (tsdemux_init(&f->demux) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot read '%s'", f->name);
	if (f->watch != NULL)
		feedwatch_restart(f->watch);
	f->demuxing = true;
	f->program = -1;
	f->len = 0;
	f->brought = false;
}

static void
reap(struct feed *f)
{
	pid_t r;

	if (f->pid == 0)
		return;
	while ((r = waitpid(f->pid, NULL, WNOHANG)) == 0 || (r < 0 && errno == EINTR)) {
		if (clk_mono_ns() - f->asked_ns > GRACE)
			kill(f->pid, SIGKILL);
		usleep(2000);
	}
	f->pid = 0;
}

static void
stop(struct feed *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	if (f->demuxing) {
		f->cc_errors += f->demux.sync.lost;
		tsdemux_free(&f->demux);
	}
	f->demuxing = f->has_clock = false;
	if (f->scanning)
		video_free(&f->scan);
	f->scanning = false;
}

static void
forget_streams(struct feed *f)
{
	for (unsigned i = 0; i < f->nstream; i++)
		f->stream[i].present = false;
	f->tables++;
}

/* ---- its streams */

static bool
in_program(const struct feed *f, const struct tsdemux_stream *d)
{
	return (d->programs >> f->program & 1) != 0;
}

/* The first program that has streams; -P has left only one. */
static int
choose_program(const struct feed *f)
{
	for (unsigned i = 0; i < f->demux.nprogram; i++)
		for (unsigned j = 0; j < f->demux.nstream; j++)
			if ((f->demux.stream[j]->programs >> i & 1) != 0)
				return (int)i;
	return -1;
}

/* What units.h does not say of a codec itself. */
static void
copy_desc(struct source_stream *info, const struct tsdemux_stream *d)
{
	const uint8_t *p = d->desc, *end = d->desc + d->desc_len;

	info->desc_len = 0;
	for (; end - p >= 2 && end - p >= 2 + p[1]; p += 2 + p[1]) {
		if (p[0] == DESC_ISO_639 || p[0] == DESC_MAXIMUM_BITRATE ||
		    (p[0] == DESC_REGISTRATION && d->codec != CODEC_UNKNOWN &&
		    d->codec != CODEC_OPUS))
			continue;
		desc_put(info->desc, sizeof(info->desc), &info->desc_len, p[0], p + 2, p[1]);
	}
}

static struct feed_stream *
place_for(struct feed *f, const struct tsdemux_stream *d)
{
	struct feed_stream *s = NULL;

	for (unsigned i = 0; i < f->nstream; i++)
		if (f->stream[i].pid == d->pid && f->stream[i].codec == d->codec &&
		    f->stream[i].stream_type == d->stream_type)
			return &f->stream[i];
	if (f->nstream < FEED_STREAMS)
		return &f->stream[f->nstream++];
	for (unsigned i = 0; i < f->nstream && s == NULL; i++)
		if (!f->stream[i].present)
			s = &f->stream[i];
	return s;
}

static void
take_tables(struct feed *f)
{
	const struct feed_stream *before = feed_main(f), *after;

	f->program = choose_program(f);
	forget_streams(f);
	for (unsigned i = 0; i < f->demux.nstream && f->program >= 0; i++) {
		struct tsdemux_stream *d = f->demux.stream[i];
		struct feed_stream *s = in_program(f, d) ? place_for(f, d) : NULL;

		d->user = s;
		if (s == NULL)
			continue;
		*s = (struct feed_stream){
			.present = true, .pid = d->pid, .stream_type = d->stream_type,
			.codec = d->codec, .kind = codec_kind(d->codec),
			.dts = PES_NO_TIME, .gap = s->gap,
		};
		s->info.codec = d->codec;
		s->info.stream_type = d->stream_type;
		memcpy(s->info.language, d->language, sizeof(s->info.language));
		copy_desc(&s->info, d);
	}
	after = feed_main(f);
	if (before != after)
		f->broken = true;
	if (f->scanning)
		video_free(&f->scan);
	f->flagged = false;
	f->scanning = after != NULL && (after->codec == CODEC_AVC ||
	    after->codec == CODEC_HEVC);
	if (f->scanning)
		video_init(&f->scan, after->codec);
}

const struct feed_stream *
feed_main(const struct feed *f)
{
	for (int kind = KIND_VIDEO; kind <= KIND_AUDIO; kind++)
		for (unsigned i = 0; i < f->nstream; i++)
			if (f->stream[i].present && (int)f->stream[i].kind == kind)
				return &f->stream[i];
	return NULL;
}

/* ---- its units */

/* MPEG-2 video: a sequence header is where one begins (H.262 6.1.1.6). */
static bool
has_sequence(const uint8_t *p, size_t len)
{
	static const uint8_t head[4] = { 0, 0, 1, 0xb3 };

	return len >= 4 && memmem(p, len < 64 ? len : 64, head, 4) != NULL;
}

/* Many streams do not say where they can be entered: then look. */
static bool
is_access(struct feed *f, const struct feed_stream *s, const struct tsdemux_event *ev)
{
	struct video_unit u;

	f->flagged |= ev->random_access;
	if (s->kind != KIND_VIDEO || ev->random_access)
		return true;
	if (f->flagged)
		return false;
	if (f->scanning)
		return video_unit(&f->scan, ev->data, ev->len, ev->damaged, &u) == 0 &&
		    u.picture && video_sync(&u);
	return has_sequence(ev->data, ev->len);
}

static int64_t
utc_of(const struct feed *f, int64_t dts)
{
	if (!f->has_clock || dts == PES_NO_TIME)
		return 0;
	return f->clock_utc_ns + rescale_near(dts - f->clock_pts, CLK_SECOND, CLK_90K);
}

static struct feed_unit *
unit_new(const struct tsdemux_event *ev)
{
	struct feed_unit *u = malloc(sizeof(*u) + ev->len);

	if (u == NULL)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot hold the input");
	*u = (struct feed_unit){ .pts = ev->pts, .dts = ev->dts, .damaged = ev->damaged,
	    .len = ev->len };
	memcpy(u->data, ev->data, ev->len);
	return u;
}

/* Where groups of pictures are short, their first ones show enough. */
static void
measure_group(struct feed *f, const struct feed_unit *u)
{
	int64_t group = f->access_pts != PES_NO_TIME && !u->breaks ?
	    u->pts - f->access_pts : 0;

	f->access_pts = u->pts;
	if (f->watch != NULL && group > 0)
		feedwatch_spare(f->watch, failon_spares(f->failon,
		    rescale_near(group, CLK_SECOND, CLK_90K)));
}

static void
take_unit(struct feed *f, const struct tsdemux_event *ev, int64_t now_ns)
{
	struct feed_stream *s = ev->stream->user;
	bool section = ev->type == TSDEMUX_SECTION, untimed;
	struct feed_unit *u;

	if (s == NULL || s->pid != ev->stream->pid || (section && s->codec != CODEC_SCTE35))
		return;
	untimed = !section && ev->pts == PES_NO_TIME;
	if (untimed && (s->kind == KIND_VIDEO || s->kind == KIND_AUDIO))
		return;			/* nothing says where it belongs */
	u = unit_new(ev);
	u->stream = (unsigned)(s - f->stream);
	u->section = section;
	u->main = s == feed_main(f);
	u->mono_ns = now_ns;
	u->tables = f->tables;
	u->untimed = untimed;
	if (section) {
		u->pts = u->dts = f->last_pts;
	} else if (untimed) {
		u->dts = f->last_pts;
	} else if (u->dts == PES_NO_TIME) {
		u->dts = u->pts;
	}
	u->utc_ns = utc_of(f, u->dts);
	if (!section && !untimed) {
		if (s->dts != PES_NO_TIME && u->dts > s->dts && u->dts - s->dts < CLK_90K)
			s->gap = u->dts - s->dts;
		s->dts = u->dts;
	}
	if (u->main) {
		u->random_access = is_access(f, s, ev);
		u->breaks = f->broken || ev->discontinuity;
		if (u->random_access)
			measure_group(f, u);
		if (u->breaks || f->newest_pts == PES_NO_TIME || u->pts > f->newest_pts) {
			f->newest_pts = u->pts;
			f->newest_ns = now_ns;
		}
		f->broken = false;
		f->last_pts = u->pts;
		f->unit_ns = now_ns;
		f->brought = true;
		f->told = false;
	} else {
		u->random_access = ev->random_access;
	}
	if (s->kind == KIND_AUDIO)
		f->sound_ns = now_ns;
	feedlist_add(f, u, now_ns);
}

static void
take_pcr(struct feed *f, const struct tsdemux_event *ev)
{
	if (!ev->has_arrival)
		return;
	f->has_clock = true;
	f->clock_pts = ev->pcr / 300;
	f->clock_utc_ns = clk_ntp_to_ns(ev->arrival_ntp);
}

static void
take_apart(struct feed *f, int64_t now_ns)
{
	struct tsdemux_event ev;
	size_t pos = 0, used;
	int r;

	while ((r = tsdemux_next(&f->demux, f->buf + pos, f->len - pos, &used, &ev)) > 0) {
		pos += used;
		switch (ev.type) {
		case TSDEMUX_STREAMS:
			take_tables(f);
			break;
		case TSDEMUX_PCR:
			take_pcr(f, &ev);
			break;
		case TSDEMUX_UNIT:
		case TSDEMUX_SECTION:
			take_unit(f, &ev, now_ns);
			break;
		}
	}
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read '%s'", f->name);
	pos += used;
	f->len -= pos;
	memmove(f->buf, f->buf + pos, f->len);
}

/* Its pipe is at an end. */
static void
end_of_process(struct feed *f)
{
	int status;

	/* It has closed its output, so it is about to end: let it say how. */
	while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
		;
	f->pid = 0;
	status = f->status = WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_RUNTIME;
	if (status == EXIT_SUCCESS) {		/* so what had begun is whole */
		f->demux.eof = true;
		take_apart(f, clk_mono_ns());
	}
	stop(f);
	feed_break(f);
	if (status == EXIT_USAGE && f->bytes == 0 && f->ends == 0 && !f->once)
		fatal(EXIT_USAGE, 0, "'%s' cannot be an input", f->name);
	if (status == EXIT_SUCCESS) {
		log_info("'%s' is at its end", f->name);
		f->ended = true;
		return;
	}
	f->ends++;
	if (io_stopping())		/* as all of us may have been asked to */
		return;
	if (f->brought)
		backoff_reset(&f->backoff);
	if (f->brought || !f->told)
		log_warn(0, "'%s' has failed%s", f->name, f->once ? "" : ": trying again");
	f->told = true;
	backoff_failed(&f->backoff);
}

void
feed_read(struct feed *f, int64_t now_ns)
{
	ssize_t n = read(f->fd, f->buf + f->len, sizeof(f->buf) - f->len);

	if (n > 0) {
		f->bytes += (uint64_t)n;
		if (f->watch != NULL)
			feedwatch_push(f->watch, f->buf + f->len, (size_t)n, now_ns);
		f->len += (size_t)n;
		take_apart(f, now_ns);
	} else if (n == 0) {
		end_of_process(f);
	} else if (errno != EAGAIN && errno != EINTR) {
		fatal(EXIT_RUNTIME, errno, "cannot read '%s'", f->name);
	}
}

int64_t
feed_soundless_ns(const struct feed *f)
{
	for (unsigned i = 0; i < f->nstream; i++)
		if (f->stream[i].present && f->stream[i].kind == KIND_AUDIO)
			return f->unit_ns - f->sound_ns;
	return 0;
}

uint64_t
feed_cc_errors(const struct feed *f)
{
	return f->cc_errors + (f->demuxing ? f->demux.sync.lost : 0);
}

/* Our end is closed, so what it writes is of no use to anybody. */
void
feed_end(struct feed *f)
{
	stop(f);
	if (f->pid != 0 && f->asked_ns == 0)
		kill(f->pid, SIGTERM);
	f->asked_ns = f->asked_ns != 0 ? f->asked_ns : clk_mono_ns();
}

void
feed_free(struct feed *f)
{
	feed_end(f);
	reap(f);
	feedlist_clear(f);
	feedwatch_free(f->watch);
	for (unsigned i = 0; i < f->argc; i++)
		free(f->argv[i]);
}
