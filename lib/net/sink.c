#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/net/place.h"
#include "lib/net/sink.h"
#include "lib/net/sinkq.h"

#define RETRY_FIRST_NS	(CLK_SECOND / 4)
#define RETRY_MAX_NS	(8 * CLK_SECOND)
#define DROPPED_MAX	256

struct sink {
	const struct sink_transport *transport;
	void	*t;
	struct sink_config config;
	struct sink_item *first, **last;
	uint64_t batch;
	int64_t	 hold_ns, pause_ns;	/* nothing starts before hold_ns */
	unsigned flying;
	struct sink_stats stats;
	unsigned ndropped;
	char	 dropped[DROPPED_MAX][SINK_NAME_MAX];
};

int
sink_new(struct sink **sink, const char *url, const struct sink_config *c)
{
	enum place_kind kind = place_kind(url);
	struct sink *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	if (s == NULL)
		return err;
	s->config = *c;
	s->config.token = NULL;		/* the transport has its own copy */
	s->last = &s->first;
	s->pause_ns = RETRY_FIRST_NS;
	s->transport = kind == PLACE_HTTP ? &sink_http : kind == PLACE_S3 ? &sink_s3 :
	    &sink_dir;
	s->t = s->transport->open(url, c, &err);
	if (s->t == NULL) {
		free(s);
		return err;
	}
	*sink = s;
	return 0;
}

static void
free_object(struct sink_object *o)
{
	free(o->own[0]);
	free(o->own[1]);
}

static void
free_pieces(struct sink_item *i)
{
	for (unsigned n = 0; n < i->npiece; n++)
		free(i->piece[n].p);
	free(i->piece);
	i->piece = NULL;
	i->npiece = i->cap = i->timed = 0;
}

/* Unlink and free; the caller has done the counting of why. */
static void
drop_item(struct sink *s, struct sink_item *i)
{
	struct sink_item **at;

	for (at = &s->first; *at != i; at = &(*at)->next)
		;
	*at = i->next;
	if (s->last == &i->next)
		s->last = at;
	s->stats.queued--;
	s->stats.queued_bytes -= i->len;
	free_object(&i->o);
	free_pieces(i);
	free(i);
}

void
sink_free(struct sink *s)
{
	if (s == NULL)
		return;
	while (s->first != NULL) {
		if (s->first->flying)
			s->transport->cancel(s->t, s->first);
		drop_item(s, s->first);
	}
	s->transport->close(s->t);
	free(s);
}

/* ---- the order */

/* Has i to wait for o, which is of a lower level? */
static bool
stands_before(const struct sink_item *o, const struct sink_item *i)
{
	if (!o->grows)
		return true;
	if (i->o.level == SINK_RECORD)
		return o->closed;
	return !o->dead && (o->sent < o->len || !o->flying);
}

static bool
may_start(const struct sink *s, const struct sink_item *i)
{
	if (i->dead)
		return false;
	for (const struct sink_item *o = s->first; o != NULL; o = o->next) {
		if (o->batch > i->batch)
			break;
		if (o != i && o->o.level < i->o.level && stands_before(o, i))
			return false;
		if (o->flying && strcmp(o->o.name, i->o.name) == 0)
			return false;
	}
	return true;
}

/* Older versions of the same object that have not begun. */
static void
drop_older(struct sink *s, const struct sink_item *i)
{
	struct sink_item *o = s->first, *next;

	for (; o != i; o = next) {
		next = o->next;
		if (!o->flying && (!o->grows || o->closed) &&
		    strcmp(o->o.name, i->o.name) == 0)
			drop_item(s, o);
	}
}

/* The newest version that may start of the first object that may. */
static struct sink_item *
choose(struct sink *s)
{
	struct sink_item *found = NULL;

	for (struct sink_item *i = s->first; i != NULL; i = i->next) {
		if (i->flying || !may_start(s, i))
			continue;
		if (found == NULL || strcmp(found->o.name, i->o.name) == 0)
			found = i;
	}
	if (found != NULL)
		drop_older(s, found);
	return found;
}

/* ---- results */

static void
delivered(struct sink *s, struct sink_item *i)
{
	s->stats.failing_ns = 0;
	s->stats.refused = false;
	s->pause_ns = RETRY_FIRST_NS;
	s->hold_ns = 0;
	if (i->remove) {
		s->stats.deleted++;
	} else {
		s->stats.delivered++;
		s->stats.bytes += i->len;
		if (s->config.done != NULL)
			s->config.done(s->config.arg, i->o.name, i->o.tag);
	}
	drop_item(s, i);
}

static void
failed(struct sink *s, struct sink_item *i, int err)
{
	int64_t now = clk_mono_ns();

	i->flying = false;
	i->sent = 0;
	/* Gone already, or kept. */
	if (i->remove && ((err > 0 && err < 500) || err == -EACCES || err == -EPERM ||
	    err == -EISDIR || err == -EROFS)) {
		drop_item(s, i);
		return;
	}
	if (s->stats.failing_ns == 0)
		s->stats.failing_ns = now;
	if (s->stats.delivered == 0 && err >= 400 && err < 500 && err != 408 &&
	    err != 425 && err != 429)
		s->stats.refused = true;
	s->stats.retried++;
	if (now >= s->hold_ns) {	/* several may fail for one reason */
		s->hold_ns = now + s->pause_ns;
		s->pause_ns = s->pause_ns * 2 < RETRY_MAX_NS ? s->pause_ns * 2 : RETRY_MAX_NS;
	}
}

/* Is something on its way, of which nobody knows yet whether it gets there? */
static bool
is_trying(const struct sink *s)
{
	for (const struct sink_item *i = s->first; i != NULL; i = i->next)
		if (i->flying && !(i->grows && i->sent > 0))
			return true;
	return false;
}

/* Note how long those pieces took that have been written for the first time. */
static void
measure(struct sink *s)
{
	int64_t now = clk_mono_ns();

	for (struct sink_item *i = s->first; i != NULL; i = i->next) {
		size_t at = 0;

		if (!i->grows || i->timed == i->npiece)
			continue;
		for (unsigned n = 0; n < i->npiece; n++) {
			at += i->piece[n].len;
			if (at > i->sent)
				break;
			if (n < i->timed)
				continue;
			i->timed = n + 1;
			s->stats.us[s->stats.appended++ % SINK_TIMES] =
			    (uint32_t)((now - i->piece[n].since_ns) / 1000);
		}
	}
}

static void
start_all(struct sink *s)
{
	struct sink_item *i;
	int r;

	while (clk_mono_ns() >= s->hold_ns && (i = choose(s)) != NULL) {
		r = s->transport->start(s->t, i, s->stats.reason);
		if (r == -EAGAIN)
			return;
		if (r == 0)
			delivered(s, i);
		else if (r < 0)
			failed(s, i, r);
		else
			i->flying = true;
		s->flying += r > 0;
		/* While it fails, one at a time. */
		if (s->stats.failing_ns != 0 && is_trying(s))
			return;
	}
	measure(s);
}

static void
collect(struct sink *s)
{
	struct sink_item *i;
	int err;

	if (s->transport->wait == NULL)
		return;
	while ((i = s->transport->ended(s->t, &err, s->stats.reason)) != NULL) {
		s->flying--;
		if (err == 0)
			delivered(s, i);
		else
			failed(s, i, err);
	}
}

/* ---- the bounds */

static struct sink_item *
oldest_media(const struct sink *s)
{
	for (struct sink_item *i = s->first; i != NULL; i = i->next)
		if (i->o.level == SINK_MEDIA && !i->flying && !i->dead)
			return i;
	return NULL;
}

bool
sink_full(const struct sink *s)
{
	return s->config.max_bytes > 0 && s->stats.queued_bytes > s->config.max_bytes;
}

/* Playlists that wait for a media object, and may name it. */
static void
drop_text(struct sink *s, uint64_t batch)
{
	struct sink_item *i, *next;

	for (i = s->first; i != NULL; i = next) {
		next = i->next;
		if (!i->flying && !i->remove && i->batch >= batch &&
		    i->o.level > SINK_MEDIA)
			drop_item(s, i);
	}
}

/* Who appends to it does not know yet. */
static void
kill_item(struct sink *s, struct sink_item *i)
{
	s->stats.queued_bytes -= i->len;
	i->len = i->sent = 0;
	i->dead = true;
	free_pieces(i);
}

static void
keep_bounds(struct sink *s)
{
	struct sink_item *i;

	if (s->config.patient)
		return;
	/* As many as have room to be told; the rest when these have been. */
	while (s->ndropped < DROPPED_MAX && (i = oldest_media(s)) != NULL && (sink_full(s) ||
	    (s->config.max_age_ns > 0 &&
	    clk_mono_ns() - i->queued_ns > s->config.max_age_ns))) {
		s->stats.dropped++;
		s->stats.dropped_bytes += i->len;
		memcpy(s->dropped[s->ndropped++], i->o.name, SINK_NAME_MAX);
		drop_text(s, i->batch);
		if (i->grows && !i->closed)
			kill_item(s, i);
		else
			drop_item(s, i);
	}
}

bool
sink_dropped(struct sink *s, char name[static SINK_NAME_MAX])
{
	if (s->ndropped == 0)
		return false;
	memcpy(name, s->dropped[--s->ndropped], SINK_NAME_MAX);
	return true;
}

/* ---- the caller's side */

/* Of the versions of an object that have not begun, only the oldest may stay. */
static void
drop_between(struct sink *s, const char *name)
{
	struct sink_item *i, *next;
	bool first = true;

	for (i = s->first; i != NULL; i = next) {
		next = i->next;
		if (i->flying || i->remove || strcmp(i->o.name, name) != 0)
			continue;
		if (!first)
			drop_item(s, i);
		first = false;
	}
}

static int
queue(struct sink *s, const struct sink_object *o, bool remove)
{
	struct sink_item *i = calloc(1, sizeof(*i));

	if (i == NULL) {
		struct sink_object gone = *o;

		free_object(&gone);
		return -ENOMEM;
	}
	i->o = *o;
	i->remove = remove;
	i->batch = s->batch;
	for (unsigned n = 0; n < o->niov; n++)
		i->len += o->iov[n].iov_len;
	if (o->level > SINK_MEDIA && !remove)
		drop_between(s, o->name);
	i->queued_ns = clk_mono_ns();
	*s->last = i;
	s->last = &i->next;
	s->stats.queued++;
	s->stats.queued_bytes += i->len;
	collect(s);
	start_all(s);
	keep_bounds(s);
	return 0;
}

int
sink_put(struct sink *s, const struct sink_object *o)
{
	return queue(s, o, false);
}

int
sink_put_text(struct sink *s, const char *name, const char *content_type,
    enum sink_level level, char *text, size_t len)
{
	struct sink_object o = {
		.content_type = content_type, .level = level, .niov = 1,
		.iov[0] = { .iov_base = text, .iov_len = len }, .own[0] = text,
	};

	if (strlen(name) >= sizeof(o.name)) {
		free(text);
		return -ENAMETOOLONG;
	}
	memcpy(o.name, name, strlen(name) + 1);
	return queue(s, &o, false);
}

int
sink_delete(struct sink *s, const char *name)
{
	struct sink_object o = { .level = SINK_DELETE };

	if (strlen(name) >= sizeof(o.name))
		return -ENAMETOOLONG;
	memcpy(o.name, name, strlen(name) + 1);
	return queue(s, &o, true);
}

/* ---- objects that grow */

int
sink_open(struct sink *s, const char *name, const char *content_type,
    struct sink_item **item)
{
	struct sink_item *i;

	if (strlen(name) >= sizeof(i->o.name))
		return -ENAMETOOLONG;
	if ((i = calloc(1, sizeof(*i))) == NULL)
		return -ENOMEM;
	memcpy(i->o.name, name, strlen(name) + 1);
	i->o.content_type = content_type;
	i->o.level = SINK_MEDIA;
	i->grows = true;
	i->fd = -1;
	i->batch = s->batch;
	i->queued_ns = clk_mono_ns();
	*s->last = i;
	s->last = &i->next;
	s->stats.queued++;
	*item = i;
	return 0;
}

static void
go_on(struct sink *s, struct sink_item *i)
{
	int r;

	if (i->flying) {
		r = s->transport->more(s->t, i, s->stats.reason);
		s->flying -= r <= 0;
		if (r == 0)
			delivered(s, i);
		else if (r < 0)
			failed(s, i, r);
	}
	collect(s);
	start_all(s);
	keep_bounds(s);
}

int
sink_append(struct sink *s, struct sink_item *i, uint8_t *p, size_t len,
    int64_t since_ns)
{
	if (i->dead) {
		free(p);
		return 0;
	}
	if (i->npiece == i->cap) {
		unsigned cap = i->cap * 2 + 16;
		struct sink_piece *list = realloc(i->piece, cap * sizeof(*list));

		if (list == NULL) {
			free(p);
			return -ENOMEM;
		}
		i->piece = list;
		i->cap = cap;
	}
	i->piece[i->npiece++] = (struct sink_piece){ p, len, since_ns };
	i->len += len;
	s->stats.queued_bytes += len;
	go_on(s, i);
	return 0;
}

void
sink_close(struct sink *s, struct sink_item *i)
{
	i->closed = true;
	if (i->dead)
		drop_item(s, i);
	else
		go_on(s, i);
}

bool
sink_blocks(struct sink *s)
{
	return s->transport->blocks != NULL && s->transport->blocks(s->t);
}

void
sink_batch(struct sink *s)
{
	s->batch++;
}

int
sink_get(struct sink *s, const char *name, char **data, size_t *len)
{
	return s->transport->get(s->t, name, data, len, s->stats.reason);
}

bool
sink_busy(const struct sink *s)
{
	return s->first != NULL;
}

const struct sink_stats *
sink_stats(const struct sink *s)
{
	struct sink_stats *st = (struct sink_stats *)&s->stats;

	st->oldest_ns = s->first != NULL ? s->first->queued_ns : 0;
	return st;
}

/* Until when may we sleep, beside until_ns? */
static int64_t
next_deadline(const struct sink *s, int64_t until_ns)
{
	const struct sink_item *i = oldest_media(s);

	if (i != NULL && s->config.max_age_ns > 0 && !s->config.patient &&
	    i->queued_ns + s->config.max_age_ns < until_ns)
		until_ns = i->queued_ns + s->config.max_age_ns;
	if (s->first != NULL && s->hold_ns > 0 && s->hold_ns < until_ns)
		until_ns = s->hold_ns;
	return until_ns;
}

int
sink_run(struct sink *s, int fd, int64_t until_ns)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t now, wait_ns;
		int r;

		collect(s);
		start_all(s);
		keep_bounds(s);
		now = clk_mono_ns();
		if (io_stopping() && fd >= 0)
			return -EINTR;
		if (now >= until_ns || (fd < 0 && s->first == NULL))
			return 0;
		wait_ns = next_deadline(s, until_ns) - now;
		if (wait_ns < 0)
			wait_ns = 0;
		if (s->flying > 0 && s->transport->wait != NULL)
			r = s->transport->wait(s->t, fd, wait_ns);
		else
			r = io_wait(&pfd, fd >= 0, wait_ns);
		if (r > 0 && fd >= 0)
			return 1;
		if (r == -EINTR && fd >= 0 && io_stopping())
			return r;
		if (r < 0 && r != -EINTR)
			return r;
	}
}
