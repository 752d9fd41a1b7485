/*
 * mlive-archive - record a transport stream in pieces, to a directory or S3.
 *
 * See mlive-archive(1).  The way of a byte: roll.h decides where pieces begin,
 * spool.h keeps them on local disk, sender.h delivers those that are whole.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encode/archiveopt.h"
#include "encode/roll.h"
#include "encode/sender.h"
#include "lib/base/clk.h"
#include "lib/base/hash.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/base/rational.h"
#include "lib/base/stats.h"
#include "lib/net/place.h"

#define TICK		(CLK_SECOND / 4)
#define END_WAIT	(30 * CLK_SECOND)	/* without progress, at the end */
#define AGAIN		CLK_SECOND		/* when the disk was full */

struct archive {
	struct archiveopt opt;
	struct roll roll;
	struct spool spool;
	struct sender sender;
	struct stats stats;
	/* the piece that is written: */
	bool	 open;
	struct piece piece;
	int64_t	 t;			/* of its beginning, or PES_NO_TIME */
	bool	 gap;			/* before the next one */
	/* the disk: */
	bool	 full;
	int64_t	 again_ns;
	uint64_t lost_bytes, dropped_told;
	int	 sync_told;
	uint8_t	 in[1024 * TS_PACKET];
};

/* ---- pieces */

static void
close_piece(struct archive *s, int64_t end_t)
{
	int r;

	if (!s->open)
		return;
	s->open = false;
	if (s->t == PES_NO_TIME && s->roll.first_t != PES_NO_TIME) {
		s->t = s->roll.first_t;		/* the first of all */
		s->piece.slot = roll_slot(&s->roll, s->t);
		s->piece.utc_ns = roll_utc_ns(&s->roll, s->t);
		s->piece.timed = true;
		s->piece.t = roll_media(&s->roll, s->t);
		s->piece.pts = s->roll.first_pts & (PES_WRAP - 1);
	}
	if (s->t != PES_NO_TIME && end_t != PES_NO_TIME && end_t > s->t)
		s->piece.duration_ns = rescale_near(end_t - s->t, CLK_SECOND, CLK_90K);
	r = spool_close(&s->spool, &s->piece);
	if (r < 0)
		log_warn(-r, "cannot write the journal of '%s'", s->opt.spool_path);
}

static int
open_piece(struct archive *s)
{
	int r;

	s->piece.gap = s->gap;
	r = spool_begin(&s->spool, &s->piece);
	s->open = r == 0;
	if (r == 0)
		s->gap = false;
	return r;
}

static void
disk_failed(struct archive *s, int r, size_t len)
{
	close_piece(s, s->roll.last_t);
	s->gap = true;
	s->lost_bytes += len;
	s->again_ns = clk_mono_ns() + AGAIN;
	spool_break(&s->spool);
	if (!s->full)
		log_warn(-r, "cannot write to '%s': the stream is lost until that works again",
		    s->opt.spool_path);
	s->full = true;
}

static int
begin_piece(void *arg, const struct roll_cut *c)
{
	struct archive *s = arg;
	int r;

	close_piece(s, c->t != PES_NO_TIME ? c->t : s->roll.last_t);
	s->t = c->t;
	s->piece = (struct piece){
		.slot = c->slot != INT64_MIN ? c->slot : c->utc_ns / s->opt.config.every_ns,
		.utc_ns = c->utc_ns, .forced = c->forced, .timed = c->t != PES_NO_TIME,
	};
	if (s->piece.timed) {
		s->piece.t = roll_media(&s->roll, c->t);
		s->piece.pts = c->pts;
	}
	if (c->first && (s->opt.config.recording || s->opt.config.regular))
		s->piece.slot = s->piece.utc_ns = 0;
	if (s->full)
		return 0;		/* take_data() tries again */
	s->piece.copied = c->ntables;
	if ((r = open_piece(s)) == 0 && c->ntables > 0)
		r = spool_write(&s->spool, c->tables, c->ntables, 0);
	if (r < 0)
		disk_failed(s, r, 0);
	return 0;
}

/* What begins with a PAT may begin a piece after the disk was full. */
static bool
try_again(struct archive *s, const uint8_t *p, size_t len)
{
	bool pat = len >= TS_PACKET && p[0] == TS_SYNC && (p[1] & 0x1f) == 0 && p[2] == 0;

	if (!pat || clk_mono_ns() < s->again_ns)
		return false;
	s->t = s->roll.last_t;
	if (s->t != PES_NO_TIME)
		s->piece.utc_ns = roll_utc_ns(&s->roll, s->t);
	s->piece.timed = s->piece.forced = false;
	s->piece.duration_ns = 0;
	s->piece.copied = 0;
	s->again_ns = clk_mono_ns() + AGAIN;
	return open_piece(s) == 0;
}

static int
take_data(void *arg, const uint8_t *p, size_t len)
{
	struct archive *s = arg;
	int r;

	if (!s->open && !(s->full && try_again(s, p, len))) {
		s->lost_bytes += len;
		return 0;
	}
	r = spool_write(&s->spool, p, len, len);
	if (r < 0) {
		disk_failed(s, r, len);
	} else if (s->full) {
		log_info("'%s' takes the stream again", s->opt.spool_path);
		s->full = false;
	}
	return 0;
}

/* ---- what is said of it */

static void
write_stats(struct archive *s)
{
	struct spool_counts c = spool_counts(&s->spool);
	const struct roll *r = &s->roll;

	stats_write(&s->stats, json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI sI sI sI}",
	    "bytes", (json_int_t)r->bytes, "synced_bytes", (json_int_t)c.synced,
	    "lost_bytes", (json_int_t)s->lost_bytes, "cuts", (json_int_t)r->cuts,
	    "forced_cuts", (json_int_t)r->forced, "waiting", (json_int_t)c.waiting,
	    "waiting_bytes", (json_int_t)c.waiting_bytes,
	    "delivered", (json_int_t)c.delivered,
	    "delivered_bytes", (json_int_t)c.delivered_bytes,
	    "dropped", (json_int_t)c.dropped, "dropped_bytes", (json_int_t)c.dropped_bytes,
	    "recovered", (json_int_t)c.recovered,
	    "retried", (json_int_t)atomic_load(&s->sender.retried),
	    "packets", (json_int_t)r->sync.packets, "lost", (json_int_t)r->sync.lost));
}

static void
say_piece(struct archive *s, const struct piece *p)
{
	json_t *line = json_pack("{ss}", "event", "piece"), *j = piece_object(p);

	log_debug("delivered '%s'", p->name);
	json_object_update(line, j);
	json_object_set_new(line, "gap", json_boolean(p->gap));
	json_object_set_new(line, "recovered", json_boolean(p->recovered));
	json_decref(j);
	stats_write(&s->stats, line);
}

static void
tell(struct archive *s)
{
	struct spool_counts c = spool_counts(&s->spool);
	char in[LOG_BYTES], waiting[LOG_BYTES];
	struct piece p;

	while (sender_said(&s->sender, &p)) {
		say_piece(s, &p);
		free(p.file);
	}
	if (c.dropped > s->dropped_told && s->opt.spool_max > 0)
		log_warn(0, "%" PRIu64 " pieces are dropped, the oldest: the spool is above "
		    "--spool-max", c.dropped - s->dropped_told);
	s->dropped_told = c.dropped;
	if (c.sync_error != 0 && s->sync_told == 0)
		log_warn(-c.sync_error, "cannot sync '%s'", s->opt.spool_path);
	s->sync_told = c.sync_error;
	log_status("%s in, %" PRIu64 " pieces delivered, %" PRIu64 " wait (%s), %" PRIu64
	    " dropped", log_bytes(in, s->roll.bytes), c.delivered, c.waiting,
	    log_bytes(waiting, c.waiting_bytes), c.dropped);
	if (stats_due(&s->stats))
		write_stats(s);
}

/* ---- start, loop and end */

/* What is at the place from earlier runs, also of another spool. */
static void
read_manifest(struct archive *s)
{
	struct pieces old = { .n = 0 };
	struct manifest m = { .parts = 0 };
	int r = sender_ask(&s->sender, "index.json", &m, &old);

	if (r == -ENOENT)
		return;
	if (r == -EBADMSG || r == -EACCES || r == -ENXIO || (r < 0 && s->spool.list.n == 0))
		fatal(EXIT_RUNTIME, 0, "cannot ask '%s' for 'index.json': %s", s->opt.output,
		    s->sender.deliver.why);
	if (r < 0) {
		log_warn(0, "cannot ask '%s' for 'index.json', which is done before it is "
		    "written: %s", s->opt.output, s->sender.deliver.why);
		s->sender.unasked = true;
		return;
	}
	r = spool_merge(&s->spool, &old);
	pieces_free(&old);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot keep the manifest of '%s'", s->opt.output);
	sender_know(&s->sender, &m);
}

/* Where everybody may write, a directory of that name could be a trap. */
static void
own_spool(const char *path)
{
	struct stat st;

	if ((mkdir(path, 0700) < 0 && errno != EEXIST) || lstat(path, &st) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot make the spool '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		fatal(EXIT_RUNTIME, 0, "the spool '%s' is not ours alone: say --spool", path);
}

static void
open_all(struct archive *s)
{
	char *token = s->opt.token_file != NULL ? opt_token(s->opt.token_file) : NULL;
	struct sender *n = &s->sender;
	int r;

	if ((r = stats_open(&s->stats, s->opt.stats_target)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", s->opt.stats_target);
	if ((r = deliver_init(&n->deliver, s->opt.output, token)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, 0, "cannot open '%s': %s",
		    s->opt.output, n->deliver.why);
	free(token);
	if (s->opt.spool_said == NULL && place_kind(s->opt.output) != PLACE_FOLDER)
		own_spool(s->opt.spool_path);
	r = spool_init(&s->spool, s->opt.spool_path, s->opt.output, s->opt.sync_ns,
	    s->opt.spool_max, n->form.kind != PIECE_TS);
	if (r == -EWOULDBLOCK)
		fatal(EXIT_RUNTIME, 0, "another process has the spool '%s'", s->opt.spool_path);
	if (r == -EXDEV)
		fatal(EXIT_USAGE, 0, "the spool '%s' is of another place than '%s'",
		    s->opt.spool_path, s->opt.output);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open the spool '%s'", s->opt.spool_path);
	if (s->spool.counts.waiting > 0)
		log_info("%" PRIu64 " pieces of an earlier run wait, %" PRIu64
		    " were being written", s->spool.counts.waiting, s->spool.counts.recovered);
	n->spool = &s->spool;
	n->place = s->opt.output;
	read_manifest(s);
	s->gap = s->spool.list.n > 0;
	n->naming = &s->opt.naming;
	n->show = s->opt.show;
	n->every_ns = s->opt.config.every_ns;
	n->form.program = s->opt.config.program;
	if ((r = sender_start(n)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot start");
	s->opt.config.cut = begin_piece;
	s->opt.config.data = take_data;
	s->opt.config.arg = s;
	if ((r = roll_init(&s->roll, &s->opt.config)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot start");
}

static void
take(struct archive *s, size_t len, bool eof)
{
	int r = roll_take(&s->roll, s->in, len, eof);

	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot read a transport stream");
}

static bool
read_some(struct archive *s)
{
	struct pollfd pfd = { .fd = STDIN_FILENO, .events = POLLIN };
	ssize_t n;
	int r = io_wait(&pfd, 1, TICK);

	if (io_stopping())
		return false;
	if (r == 0 || r == -EINTR) {
		take(s, 0, false);
		return true;
	}
	n = r < 0 ? r : io_read(STDIN_FILENO, s->in, sizeof(s->in));
	if (n == -EINTR || n == 0)
		return false;
	if (n < 0)
		fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
	take(s, (size_t)n, false);
	return true;
}

/* Until all is delivered, or nothing has moved for a while. */
static bool
drain(struct archive *s)
{
	int64_t until = clk_mono_ns() + END_WAIT;
	uint64_t last = 0, moved = 0;

	atomic_store(&s->sender.ended, !io_stopping());
	atomic_store(&s->sender.idle, false);
	for (;;) {
		struct spool_counts c = spool_counts(&s->spool);

		tell(s);
		if (c.waiting == 0 && atomic_load(&s->sender.idle))
			return true;
		if (c.delivered != last || atomic_load(&s->sender.form.busy) ||
		    atomic_load(&s->sender.deliver.moved) != moved)
			until = clk_mono_ns() + END_WAIT;
		last = c.delivered;
		moved = atomic_load(&s->sender.deliver.moved);
		if (clk_mono_ns() > until)
			return false;
		spool_wait(&s->spool, clk_mono_ns() + CLK_SECOND / 20);
	}
}

static int
outcome(struct archive *s, bool all)
{
	struct spool_counts c = spool_counts(&s->spool);

	log_info("bytes=%" PRIu64 " pieces=%" PRIu64 " waiting=%" PRIu64 " dropped=%" PRIu64
	    " recovered=%" PRIu64 " lost=%" PRIu64, s->roll.bytes, c.delivered, c.waiting,
	    c.dropped, c.recovered, s->roll.sync.lost);
	if (!all)
		fatal(EXIT_RUNTIME, 0, "%" PRIu64 " pieces could not be delivered to '%s' and "
		    "wait in '%s' for the next run: %s", c.waiting, s->opt.output,
		    s->opt.spool_path, s->sender.deliver.why);
	if (s->roll.sync.packets == 0 && !io_stopping())
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	if (c.dropped > 0 || s->lost_bytes > 0)
		fatal(EXIT_RUNTIME, 0, "%" PRIu64 " pieces were dropped, and %" PRIu64
		    " bytes were never written", c.dropped, s->lost_bytes);
	return EXIT_SUCCESS;
}

int
main(int argc, char *argv[])
{
	static struct archive s;	/* zeroed, and too big for the stack */
	struct stat st;
	bool all;
	int r;

	log_init("mlive-archive");
	archiveopt_parse(&s.opt, argc, argv);
	s.sender.list = s.opt.list;
	s.sender.form.kind = s.opt.form;
	io_init_filter();
	signal(SIGPIPE, SIG_IGN);	/* that of a connection */
	io_refuse_terminal(STDIN_FILENO, "standard input");
	s.opt.config.regular = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode);
	open_all(&s);
	while (read_some(&s))
		tell(&s);
	take(&s, 0, true);
	close_piece(&s, s.roll.last_t);
	spool_sync(&s.spool);
	spool_end(&s.spool);
	all = drain(&s);
	tell(&s);
	if (s.opt.stats_target != NULL)
		write_stats(&s);
	r = outcome(&s, all);
	atomic_store(&s.sender.stop, true);
	pthread_join(s.sender.thread, NULL);
	pieces_free(&s.sender.said);
	names_free(&s.sender.names);
	deliver_free(&s.sender.deliver);
	spool_free(&s.spool);
	roll_free(&s.roll);
	return r;
}
