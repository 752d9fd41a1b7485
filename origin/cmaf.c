/* Channels and tracks, and what becomes of a chunk; cmafseg.c has the segments. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "origin/cmafpub.h"
#include "origin/cmafseg.h"

#define STALL_NS	(3 * CLK_SECOND)	/* silent so long is as good as gone */
#define CLOSE_NS	(5 * CLK_SECOND)	/* so long an open segment waits */

int
cmaf_start(struct cmaf *m, struct store *s, struct httpd *h, struct work *w)
{
	m->store = s;
	m->work = w;
	m->httpd = h;
	return -pthread_mutex_init(&m->lock, NULL);
}

static void
free_channel(struct cmaf_channel *ch)
{
	for (unsigned i = 0; i < ch->ntrack; i++) {
		struct cmaf_track *t = ch->track[i];

		for (unsigned k = 0; k < t->n; k++)
			free(t->seg[k].part);
		free(t->seg);
		free(t->head);
		free(t);
	}
	pthread_mutex_destroy(&ch->lock);
	free(ch);
}

void
cmaf_stop(struct cmaf *m)
{
	m->work = NULL;			/* it has ended */
	for (unsigned i = 0; i < m->n; i++) {
		for (unsigned k = 0; k < m->channel[i]->ntrack; k++)
			cmafseg_end(m->channel[i]->track[k], NULL);
		free_channel(m->channel[i]);
	}
	m->n = 0;
}

/* The channel of a folder, made if need be, with one sender more. */
static int
take_channel(struct cmaf *m, const char *path, struct cmaf_channel **out)
{
	struct cmaf_channel *ch = NULL;
	int err = 0;

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->n && ch == NULL; i++)
		if (strcmp(m->channel[i]->path, path) == 0)
			ch = m->channel[i];
	if (ch == NULL && m->n == CMAF_CHANNELS) {
		err = -ENOBUFS;
	} else if (ch == NULL && (ch = calloc(1, sizeof(*ch))) == NULL) {
		err = -ENOMEM;
	} else if (ch->cmaf == NULL) {
		ch->cmaf = m;
		memcpy(ch->path, path, strlen(path) + 1);
		pthread_mutex_init(&ch->lock, NULL);
		m->channel[m->n++] = ch;
	}
	if (err == 0)
		ch->senders++;
	pthread_mutex_unlock(&m->lock);
	*out = ch;
	return err;
}

static void
leave_channel(struct cmaf_channel *ch)
{
	pthread_mutex_lock(&ch->cmaf->lock);
	ch->senders--;
	pthread_mutex_unlock(&ch->cmaf->lock);
}

static int
take_track(struct cmaf_channel *ch, const char *name, struct cmaf_track **out)
{
	struct cmaf_track *t;

	for (unsigned i = 0; i < ch->ntrack; i++)
		if (strcmp(ch->track[i]->name, name) == 0) {
			*out = ch->track[i];
			return 0;
		}
	if (ch->ntrack == CMAF_TRACKS)
		return -ENOBUFS;
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return -ENOMEM;
	t->channel = ch;
	t->sequence = -1;
	memcpy(t->name, name, strlen(name) + 1);
	ch->track[ch->ntrack++] = t;
	*out = t;
	return 0;
}

int
cmaf_open(struct cmaf *m, struct httpd_loop *l, const char *channel,
    const char *track, struct cmaf_sender **out)
{
	struct cmaf_sender *s = calloc(1, sizeof(*s));
	struct cmaf_channel *ch;
	int err;

	if (s == NULL)
		return -ENOMEM;
	err = take_channel(m, channel, &ch);
	if (err < 0) {
		free(s);
		return err;
	}
	pthread_mutex_lock(&ch->lock);
	err = take_track(ch, track, &s->track);
	if (err == 0) {
		cmafbox_init(&s->box, CMAF_CHUNK_MAX);
		s->loop = l;
		s->max_object = UINT64_MAX;
		s->end = &s->first;
		s->opened_ns = s->last_ns = clk_mono_ns();
		s->next = ch->sender;
		ch->sender = s;
	}
	pthread_mutex_unlock(&ch->lock);
	if (err < 0) {
		leave_channel(ch);
		free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* Does anyone else send this track? */
static bool
has_rival(const struct cmaf_sender *s)
{
	for (const struct cmaf_sender *o = s->track->channel->sender; o != NULL; o = o->next)
		if (o != s && o->track == s->track && o->begun &&
		    s->last_ns - o->last_ns < STALL_NS)
			return true;
	return false;
}

static bool
owner_alive(const struct cmaf_track *t, int64_t now_ns)
{
	return t->owner != NULL && now_ns - t->owner->last_ns < STALL_NS;
}

static int
take_header(struct cmaf_sender *s, const uint8_t *p, size_t len)
{
	struct cmaf_track *t = s->track;
	bool news = t->head == NULL || t->head_len != len || memcmp(t->head, p, len) != 0;
	struct cmaf_header h;
	uint8_t *copy;
	int err;

	if (!news) {
		s->header = true;
		return 0;
	}
	if (t->head != NULL && has_rival(s))
		return -EEXIST;
	err = cmaf_header_parse(p, len, &h);
	if (err < 0)
		return err;
	copy = malloc(len);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, p, len);
	err = cmaf_header_parse(copy, len, &h);	/* it borrows */
	if (err == 0)
		err = cmafseg_header(t, s->loop, copy, len, &h);
	if (err != 0)
		free(copy);
	else
		s->header = true;
	return err;
}

enum verdict { TAKE, DROP, LATER };

static enum verdict
judge(struct cmaf_sender *s, const struct cmaf_chunk *c)
{
	struct cmaf_track *t = s->track;
	uint64_t slack = c->sample_duration / 2;
	bool rival = owner_alive(t, s->last_ns) && t->owner != s;
	bool begins, due;

	if (c->samples == 0)
		return DROP;
	if (t->n == 0)
		return c->sync ? TAKE : DROP;
	if (c->t + slack < t->next) {
		if (!cmafseg_same(t, c))
			s->differs = true;
		/* An encoder that was started again counts from 0; one that was
		 * there before is only late. */
		return c->sync && !has_rival(s) && c->t < cmafseg_old(t) &&
		    (s->segments > 0 || s->opened_ns > t->taken_ns) ? TAKE : DROP;
	}
	due = c->t <= t->next + slack;
	begins = cmafseg_begins(t, c);
	if (begins && (due || !rival)) {
		s->differs = false;
		return TAKE;
	}
	if (!begins && due && (t->upload != NULL || s->segments > 0) &&
	    (t->owner == s || (!s->differs && (!rival || s->begun))))
		return TAKE;
	if (t->owner == s || !rival)
		return DROP;		/* it has lost its beginning */
	return LATER;
}

static int
take_chunk(struct cmaf_sender *s, const struct cmaf_chunk *c, const uint8_t *p, size_t len)
{
	s->track->idle_ns = s->last_ns - s->track->taken_ns;
	s->track->taken_ns = s->last_ns;
	return cmafseg_chunk(s->track, s, c, p, len);
}

static struct cmaf_waiting *
pop(struct cmaf_sender *s)
{
	struct cmaf_waiting *w = s->first;

	s->first = w->next;
	if (s->first == NULL)
		s->end = &s->first;
	s->waiting -= w->len;
	return w;
}

/* What others have sent ahead may be due now. */
static int
drain(struct cmaf_track *t)
{
	bool again = true;
	int err = 0;

	while (again && err == 0) {
		again = false;
		for (struct cmaf_sender *s = t->channel->sender; s != NULL; s = s->next)
			while (s->track == t && s->first != NULL && err == 0) {
				enum verdict v = judge(s, &s->first->chunk);
				struct cmaf_waiting *w;

				if (v == LATER)
					break;
				w = pop(s);
				if (v == TAKE) {
					err = take_chunk(s, &w->chunk, w->data, w->len);
					again = true;
				}
				free(w);
			}
	}
	return err;
}

static int
keep(struct cmaf_sender *s, const struct cmaf_chunk *c, const uint8_t *p, size_t len)
{
	struct cmaf_waiting *w;

	/* Without its start the rest would be of no use. */
	while (s->waiting + len > CMAF_WAIT_MAX && s->first != NULL)
		free(pop(s));
	w = malloc(sizeof(*w) + len);
	if (w == NULL)
		return -ENOMEM;
	*w = (struct cmaf_waiting){ .chunk = *c, .len = len };
	memcpy(w->data, p, len);
	*s->end = w;
	s->end = &w->next;
	s->waiting += len;
	return 0;
}

static int
on_chunk(struct cmaf_sender *s, const uint8_t *p, size_t len)
{
	struct cmaf_track *t = s->track;
	struct cmaf_chunk c;
	int err;

	if (t->head == NULL)
		return -ENODATA;
	err = cmaf_chunk_parse(&t->header, p, len, &c);
	if (err < 0)
		return err;
	t->ended = false;
	if (s->first == NULL) {
		enum verdict v = judge(s, &c);

		if (v == DROP)
			t->dropped++;
		else
			err = v == TAKE ? take_chunk(s, &c, p, len) : keep(s, &c, p, len);
	} else {
		err = keep(s, &c, p, len);
	}
	s->begun = true;
	if (err == 0)
		err = drain(t);
	if (err == 0 && c.last)
		s->finished = true;
	return err;
}

int
cmaf_data(struct cmaf_sender *s, const void *data, size_t len)
{
	struct cmaf_channel *ch = s->track->channel;
	const uint8_t *p = data, *piece;
	size_t piece_len;
	int r, err = 0;

	pthread_mutex_lock(&ch->lock);
	s->last_ns = s->track->last_ns = ch->last_ns = clk_mono_ns();
	do {
		r = cmafbox_next(&s->box, &p, &len, &piece, &piece_len);
		if (r == CMAFBOX_HEADER)
			err = take_header(s, piece, piece_len);
		else if (r == CMAFBOX_CHUNK)
			err = on_chunk(s, piece, piece_len);
		else if (r == CMAFBOX_END)
			s->finished = true;
	} while (r > CMAFBOX_MORE && err == 0);
	pthread_mutex_unlock(&ch->lock);
	return r < 0 ? r : err;
}

int
cmaf_close(struct cmaf_sender **at, bool clean)
{
	struct cmaf_sender *s = *at, **p;
	struct cmaf_track *t = s->track;
	struct cmaf_channel *ch = t->channel;
	int err = 0;

	*at = NULL;
	pthread_mutex_lock(&ch->lock);
	if (clean && cmafbox_partial(&s->box))
		err = -EBADMSG;
	for (p = &ch->sender; *p != s; p = &(*p)->next)
		;
	*p = s->next;
	if (t->owner == s) {
		t->owner = NULL;
		/* All of it is there: a request for each segment, or the end. */
		if (clean)
			cmafseg_end(t, s->loop);
		if (clean && t->refused < 0 && err == 0) {
			err = t->refused;
			t->refused = 0;
		}
	}
	if (clean && !has_rival(s) && (s->finished || (s->header && s->segments > 1)))
		cmafseg_finish(t, s->loop);
	else
		drain(t);
	pthread_mutex_unlock(&ch->lock);
	while (s->first != NULL)
		free(pop(s));
	cmafbox_free(&s->box);
	free(s);
	leave_channel(ch);
	return err;
}

static void
tick_channel(struct cmaf_channel *ch, struct httpd_loop *l, int64_t now_ns)
{
	pthread_mutex_lock(&ch->lock);
	for (unsigned i = 0; i < ch->ntrack; i++) {
		struct cmaf_track *t = ch->track[i];

		if (!owner_alive(t, now_ns))
			drain(t);
		if (t->upload != NULL && now_ns - t->last_ns > CLOSE_NS) {
			cmafseg_end(t, l);
			t->refused = 0;		/* nobody is there to be told */
		}
	}
	pthread_mutex_unlock(&ch->lock);
}

void
cmaf_tick(struct cmaf *m, struct httpd_loop *l)
{
	int64_t now_ns = clk_mono_ns();

	pthread_mutex_lock(&m->lock);
	for (unsigned i = 0; i < m->n;) {
		struct cmaf_channel *ch = m->channel[i];

		tick_channel(ch, l, now_ns);
		if (ch->senders == 0 && now_ns - ch->last_ns > CMAF_FORGET_NS) {
			m->channel[i] = m->channel[--m->n];
			free_channel(ch);
		} else {
			i++;
		}
	}
	pthread_mutex_unlock(&m->lock);
}
