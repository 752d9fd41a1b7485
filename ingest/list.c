#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/feed.h"
#include "ingest/line.h"
#include "ingest/list.h"
#include "ingest/listfile.h"
#include "ingest/listline.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define RESCAN		(CLK_SECOND / 2)
#define MUTE		(30 * CLK_SECOND)	/* of a file from which nothing has come */
#define SETTLED		2		/* seconds that a new file was not written to */

struct list {
	struct source s;
	struct source_config cfg;
	const char *path;
	struct listfile names;		/* lent to the feeds: read anew when there is none */
	unsigned next;			/* of names, to be opened */
	struct listfile seen;		/* of a folder that is watched */
	int64_t	 scan_ns;		/* not before that again */
	bool	 waiting;
	struct failon failon;		/* no conditions */
	struct feed *now, *ahead;	/* or NULL */
	int64_t	 now_ns, ahead_ns;	/* since when */
	bool	 break_due, streams_due;
	bool	 over;			/* there is no more to play */
	struct listline line;
	uint32_t tables;
	uint64_t played, failed, loops;
	uint64_t pass_played;		/* at the begin of this pass */
	int	 status;		/* of the first that could not be played */
	char	 bad[URL_MAX];		/* and which that was */
};

bool
list_is(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	return S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && listfile_is(path));
}

/* ---- names */

static bool
was_seen(const struct list *l, const char *name)
{
	return l->seen.n > 0 && bsearch(&name, l->seen.name, l->seen.n, sizeof(*l->seen.name),
	    listfile_order) != NULL;
}

static bool
is_settled(const char *name)
{
	int64_t now = clk_utc_ns() / CLK_SECOND;
	struct stat st;

	return stat(name, &st) == 0 && (st.st_mtime <= now - SETTLED || st.st_mtime > now + 1);
}

/* Of a folder that is watched: those that are new and whole.  The others come later. */
static void
keep_new(struct list *l)
{
	struct listfile all = l->names, fresh = { .name = NULL }, seen = { .name = NULL };

	for (unsigned i = 0; i < all.n; i++) {
		bool before = was_seen(l, all.name[i]);
		bool is_new = !before && is_settled(all.name[i]);

		if ((is_new && listfile_add(&fresh, strdup(all.name[i])) < 0) ||
		    ((before || is_new) && listfile_add(&seen, strdup(all.name[i])) < 0))
			fatal(EXIT_RUNTIME, ENOMEM, "cannot watch '%s'", l->s.name);
	}
	listfile_clear(&l->names);
	listfile_clear(&l->seen);
	l->names = fresh;
	l->seen = seen;
}

static void
read_names(struct list *l)
{
	char why[WHY_ROOM];
	int r = listfile_read(&l->names, l->path, why);

	if (r == -EBADMSG)
		fatal(EXIT_INPUT, 0, "'%s': %s", l->s.name, why);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "'%s': %s", l->s.name, why);
	if (l->names.n == 0 && !l->cfg.watch)
		fatal(EXIT_INPUT, 0, "there is no file in '%s'", l->s.name);
	l->scan_ns = clk_mono_ns() + RESCAN;
	if (l->cfg.watch)
		keep_new(l);
}

/* While it is played: what was to be had before is better than nothing. */
static void
read_names_again(struct list *l)
{
	struct listfile names = { .name = NULL };
	char why[WHY_ROOM];
	int r = listfile_read(&names, l->path, why);

	if (r == 0 && names.n == 0 && l->cfg.loop) {
		snprintf(why, sizeof(why), "there is no file in it");
		r = -EBADMSG;
	}
	if (r < 0)
		log_warn(r == -EBADMSG ? 0 : -r, "'%s': %s%s", l->s.name, why,
		    l->cfg.loop ? ": playing it as it was" : "");
	if (r == 0 || l->cfg.watch) {
		listfile_clear(&l->names);
		l->names = names;
	}
	l->next = 0;
	l->scan_ns = clk_mono_ns() + RESCAN;
	if (r == 0 && l->cfg.watch)
		keep_new(l);
}

/* ---- files */

static void
failed(struct list *l, const char *name, int status)
{
	l->failed++;
	if (l->status == EXIT_SUCCESS) {
		l->status = status;
		snprintf(l->bad, sizeof(l->bad), "%s", name);
	}
}

static bool
is_there(struct list *l, const char *name)
{
	struct stat st;
	struct url url;

	if (url_parse(&url, name) < 0) {
		log_warn(0, "'%s' is no address or file name: left out", name);
		failed(l, name, EXIT_INPUT);
		return false;
	}
	if (strstr(name, "://") != NULL)
		return true;
	if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
		return true;
	log_warn(errno, "cannot open '%s': left out", name);
	failed(l, name, EXIT_RUNTIME);
	return false;
}

/* The next one there is, whose process has begun; NULL: none. */
static struct feed *
open_next(struct list *l)
{
	const struct source_config cfg = { .name = l->cfg.name, .whole = true,
	    .program = l->cfg.program };

	while (l->next < l->names.n) {
		const char *name = l->names.name[l->next++];
		struct feed *f;

		if (!is_there(l, name))
			continue;
		if ((f = calloc(1, sizeof(*f))) == NULL)
			fatal(EXIT_RUNTIME, ENOMEM, "cannot read '%s'", name);
		feed_init(f, &cfg, name, cfg.program, &l->failon, 0);
		feed_start(f, clk_mono_ns());
		return f;
	}
	return NULL;
}

static void
close_feed(struct feed **f)
{
	if (*f == NULL)
		return;
	feed_free(*f);
	free(*f);
	*f = NULL;
}

/* It has come to its end, and all of it was given. */
static bool
is_over(const struct feed *f)
{
	return f->next == NULL && (f->ended || f->ends > 0);
}

static void
end_file(struct list *l)
{
	struct feed *f = l->now;

	if (f->ends > 0)		/* what is wrong in a list is no matter of usage */
		failed(l, f->name, f->status == EXIT_USAGE ? EXIT_INPUT : f->status);
	if (f->used) {
		listline_end(&l->line, f);
		l->played++;
	}
	l->s.name = l->cfg.name;
	close_feed(&l->now);
}

/* Of a web server that is away its process tries for ever, as it may be live. */
static bool
is_mute(const struct list *l)
{
	return l->now->bytes == 0 && clk_mono_ns() - l->now_ns > MUTE;
}

static void
leave_out(struct list *l)
{
	log_warn(0, "nothing has come from '%s': left out", l->now->name);
	failed(l, l->now->name, EXIT_RUNTIME);
	l->s.name = l->cfg.name;
	close_feed(&l->now);
}

/* False: there is none, and none will come. */
static bool
next_file(struct list *l, int64_t deadline_ns)
{
	l->now_ns = l->ahead != NULL ? l->ahead_ns : clk_mono_ns();
	l->now = l->ahead != NULL ? l->ahead : open_next(l);
	l->ahead = NULL;
	if (l->now == NULL && l->cfg.loop && l->played > l->pass_played) {
		l->pass_played = l->played;
		l->loops++;
		read_names_again(l);
		l->now = open_next(l);
	}
	if (l->now == NULL && l->cfg.watch) {
		if (!l->waiting)
			log_info("waiting for files in '%s'", l->s.name);
		l->waiting = true;
		clk_sleep_until(l->scan_ns < deadline_ns ? l->scan_ns : deadline_ns);
		if (clk_mono_ns() >= l->scan_ns)
			read_names_again(l);
		l->now = open_next(l);
	}
	if (l->now == NULL)
		return l->cfg.watch;
	l->waiting = false;
	l->s.name = l->now->name;
	return true;
}

/* More of the file at hand, when there is no more of it here. */
static void
read_more(struct list *l, int64_t deadline_ns)
{
	struct feed *f = l->now;
	int64_t left = deadline_ns - clk_mono_ns();
	struct feed_unit *u;

	feed_start(f, clk_mono_ns());	/* if that could not be done before */
	if (io_wait(&(struct pollfd){ .fd = f->fd, .events = POLLIN }, 1,
	    left > 0 ? left : 0) > 0)
		feed_read(f, clk_mono_ns());
	if (!f->used && (u = feed_find(f, INT64_MAX, true)) != NULL) {
		feed_use(f, u, INT64_MIN);
		l->break_due = l->line.started;
		l->streams_due = true;
		listline_begin(&l->line, u);
		/* Its process begins while this one is read. */
		if (l->ahead == NULL) {
			l->ahead = open_next(l);
			l->ahead_ns = clk_mono_ns();
		}
	}
}

/* ---- the source */

static void
give_streams(struct list *l, struct source_event *ev)
{
	l->streams_due = false;
	l->tables = l->now->tables;
	line_tables(&l->line.places, l->now);
	ev->what = SOURCE_STREAMS;
	ev->streams = l->line.places.place;
	ev->nstream = l->line.places.nplace;
}

/* False: nothing of the file at hand can be given now. */
static bool
give(struct list *l, struct source_event *ev)
{
	struct feed *f = l->now;
	struct feed_unit *u;

	if (l->break_due) {
		l->break_due = false;
		ev->what = SOURCE_BREAK;
		return true;
	}
	while (f->used && (u = f->next) != NULL) {
		if (listline_breaks(&l->line, f, u)) {
			l->break_due = false;
			ev->what = SOURCE_BREAK;
			return true;
		}
		if (l->streams_due || (u->tables != l->tables && l->tables != f->tables)) {
			give_streams(l, ev);
			return true;
		}
		feed_take(f);
		if (listline_unit(&l->line, f, u, ev))
			return true;
	}
	return false;
}

static void
list_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct list *l = (struct list *)s;

	do {
		if (l->now == NULL && !next_file(l, deadline_ns)) {
			ev->what = SOURCE_END;
			l->over = true;
			return;
		}
		if (l->now == NULL)
			continue;
		if (give(l, ev))
			return;
		if (is_over(l->now))
			end_file(l);
		else if (is_mute(l))
			leave_out(l);
		else
			read_more(l, deadline_ns);
	} while (clk_mono_ns() < deadline_ns && !io_stopping());
}

static int
list_rewind(struct source *s)
{
	(void)s;
	return -ENOTSUP;		/* it ends only when there is nothing to loop */
}

static int
list_verdict(const struct source *s, char *why, size_t size)
{
	const struct list *l = (const struct list *)s;

	if (l->failed > 0 && l->cfg.loop && l->over && l->played > 0)
		snprintf(why, size, "none of the files in '%s' can be played any more, first "
		    "'%s' could not", l->cfg.name, l->bad);
	else if (l->failed > 0)
		snprintf(why, size, "%llu of the files in '%s' could not be played, "
		    "first '%s'", (unsigned long long)l->failed, l->cfg.name, l->bad);
	return l->failed > 0 ? l->status : EXIT_SUCCESS;
}

static void
list_stats(const struct source *s, json_t *o)
{
	const struct list *l = (const struct list *)s;

	json_object_set_new(o, "loops", json_integer((json_int_t)l->loops));
	json_object_set_new(o, "files", json_integer((json_int_t)l->played));
	json_object_set_new(o, "files_failed", json_integer((json_int_t)l->failed));
	json_object_set_new(o, "units_left_out", json_integer((json_int_t)l->line.dropped));
}

static void
list_close(struct source *s)
{
	struct list *l = (struct list *)s;

	if (l->now != NULL && l->ahead != NULL)
		feed_end(l->ahead);		/* so that both have the same second */
	close_feed(&l->now);
	close_feed(&l->ahead);
	listfile_clear(&l->names);
	listfile_clear(&l->seen);
	free(l);
}

static const struct source_type source_list = {
	.schemes = "", .read = list_read, .rewind = list_rewind, .verdict = list_verdict,
	.stats = list_stats, .close = list_close,
};

struct source *
list_open(const struct source_config *cfg, const char *path)
{
	struct list *l = calloc(1, sizeof(*l));

	if (l == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	l->s = (struct source){ .type = &source_list, .name = cfg->name, .announce = true,
	    .own_program = true, .connected = true };
	l->cfg = *cfg;
	l->path = path;
	failon_init(&l->failon);
	listline_init(&l->line);
	read_names(l);
	return &l->s;
}
