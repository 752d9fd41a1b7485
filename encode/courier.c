#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "encode/courier.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"

#define TURN		(CLK_SECOND / 4)
#define STUCK		(5 * CLK_SECOND)	/* in one call of the system */

/* ---- what waits; under lock */

static void
note_dropped(struct courier *c, const char *name)
{
	if (c->ndropped == COURIER_DROPPED)	/* the oldest makes room */
		memmove(c->name[0], c->name[1], --c->ndropped * sizeof(c->name[0]));
	memcpy(c->name[c->ndropped++], name, SINK_NAME_MAX);
}

static struct courier_picture *
take_first(struct courier *c)
{
	struct courier_picture *p = c->first;

	c->first = p->next;
	if (c->first == NULL)
		c->tail = &c->first;
	c->n--;
	c->bytes -= p->len;
	return p;
}

static void
discard(struct courier_picture *p)
{
	free(p->data);
	free(p);
}

static void
make_room(struct courier *c, size_t len)
{
	while (c->first != NULL && (c->config.one || (!c->config.patient &&
	    c->bytes + c->state.queued_bytes + len > c->config.max_bytes))) {
		struct courier_picture *p = take_first(c);

		if (!c->config.one) {
			c->dropped++;
			note_dropped(c, p->name);
		}
		discard(p);
	}
}

/* ---- its thread */

static void
delivered(void *arg, const char *name, uint64_t tag)
{
	struct courier *c = arg;

	log_debug("delivered '%s'", name);
	if (c->kept.most == 0 || keep_add(&c->kept, name, tag) == 0)
		return;
	pthread_mutex_lock(&c->lock);
	c->state.error = -ENOMEM;
	pthread_mutex_unlock(&c->lock);
}

/* Not while the sink is at work. */
static void
delete_older(struct courier *c)
{
	const char *name;

	while ((name = keep_next(&c->kept)) != NULL)
		sink_delete(c->sink, name);
}

static int
give(struct courier *c, struct courier_picture *p)
{
	struct sink_object o = {
		.content_type = "image/jpeg",
		.level = c->config.one ? SINK_PLAYLIST : SINK_MEDIA, .niov = 1,
		.iov[0] = { p->data, p->len }, .own[0] = p->data, .tag = p->number,
	};

	memcpy(o.name, p->name, sizeof(o.name));
	free(p);
	delete_older(c);
	sink_batch(c->sink);
	return sink_put(c->sink, &o);
}

/* False: it is to end. */
static bool
give_all(struct courier *c)
{
	struct courier_picture *p;
	bool stop;
	int r = 0;

	do {
		pthread_mutex_lock(&c->lock);
		stop = c->stop;
		p = r == 0 && !stop && c->first != NULL && !sink_full(c->sink) ?
		    take_first(c) : NULL;
		if (p != NULL) {		/* until it says so itself */
			c->state.queued++;
			c->state.queued_bytes += p->len;
			c->turn_ns = clk_mono_ns();
		}
		if (r < 0)
			c->state.error = r;
		pthread_mutex_unlock(&c->lock);
		if (p != NULL)
			r = give(c, p);
	} while (p != NULL);
	return !stop;
}

static void
publish(struct courier *c, bool at_work)
{
	const struct sink_stats *st = sink_stats(c->sink);
	struct courier_state *s = &c->state;
	char name[SINK_NAME_MAX];

	pthread_mutex_lock(&c->lock);
	s->delivered = st->delivered;
	s->deleted = st->deleted;
	s->retried = st->retried;
	s->dropped = st->dropped;
	s->queued = st->queued;
	s->queued_bytes = st->queued_bytes;
	s->busy = sink_busy(c->sink);
	s->failing = st->failing_ns != 0;
	s->refused = st->refused;
	memcpy(s->reason, st->reason, sizeof(s->reason));
	while (sink_dropped(c->sink, name))
		note_dropped(c, name);
	c->turn_ns = at_work ? clk_mono_ns() : INT64_MAX;
	pthread_cond_signal(&c->turned);
	pthread_mutex_unlock(&c->lock);
}

/* Until there is something to do. */
static void
rest(struct courier *c)
{
	struct pollfd pfd = { .fd = c->wake, .events = POLLIN };
	uint64_t n;

	publish(c, false);
	poll(&pfd, 1, -1);
	if (read(c->wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
		log_debug("the thread of deliveries is woken by %d", errno);
	publish(c, true);
}

static void *
work(void *arg)
{
	struct courier *c = arg;
	uint64_t n;

	while (give_all(c)) {
		int64_t until = clk_mono_ns() + TURN;
		int r;

		delete_older(c);
		if (!sink_busy(c->sink)) {
			rest(c);
			continue;
		}
		r = sink_run(c->sink, io_stopping() ? -1 : c->wake, until);
		if (r == 1 && read(c->wake, &n, sizeof(n)) < 0)
			r = -errno;
		publish(c, true);
		if (r < 0 && r != -EINTR && r != -EAGAIN) {
			pthread_mutex_lock(&c->lock);
			c->state.error = r;
			pthread_mutex_unlock(&c->lock);
		}
	}
	return NULL;
}

/* ---- the caller's side */

static void
poke(struct courier *c)
{
	if (write(c->wake, &(uint64_t){ 1 }, sizeof(uint64_t)) < 0)
		log_debug("the thread of deliveries is awake");
}

int
courier_start(struct courier *c)
{
	const struct courier_config *cfg = &c->config;
	struct sink_config s = {
		.token = cfg->token, .max_bytes = cfg->max_bytes, .patient = cfg->patient,
		.done = delivered, .arg = c,
	};
	pthread_condattr_t attr;
	int r;

	if ((r = sink_new(&c->sink, cfg->place, &s)) < 0)
		return r;
	c->kept.most = cfg->keep;
	if (cfg->keep > 0 && cfg->folder != NULL &&
	    (r = keep_found(&c->kept, cfg->folder, cfg->naming)) < 0)
		return r;
	if ((c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
		return -errno;
	c->tail = &c->first;
	c->turn_ns = INT64_MAX;
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->turned, &attr);
	pthread_condattr_destroy(&attr);
	return -pthread_create(&c->thread, NULL, work, c);
}

int
courier_put(struct courier *c, const struct courier_picture *picture)
{
	struct courier_picture *p = malloc(sizeof(*p));

	if (p == NULL) {
		free(picture->data);
		return -ENOMEM;
	}
	*p = *picture;
	p->next = NULL;
	pthread_mutex_lock(&c->lock);
	make_room(c, p->len);
	*c->tail = p;
	c->tail = &p->next;
	c->n++;
	c->bytes += p->len;
	pthread_mutex_unlock(&c->lock);
	poke(c);
	return 0;
}

void
courier_look(struct courier *c, struct courier_state *state)
{
	pthread_mutex_lock(&c->lock);
	*state = c->state;
	state->dropped += c->dropped;
	state->queued += c->n;
	state->queued_bytes += c->bytes;
	state->busy |= c->n > 0 || c->turn_ns != INT64_MAX;
	if (c->turn_ns < clk_mono_ns() - STUCK && !state->failing) {
		state->failing = true;
		snprintf(state->reason, sizeof(state->reason), "it does not answer");
	}
	pthread_mutex_unlock(&c->lock);
}

bool
courier_full(struct courier *c)
{
	bool full;

	pthread_mutex_lock(&c->lock);
	full = c->bytes + c->state.queued_bytes > c->config.max_bytes;
	pthread_mutex_unlock(&c->lock);
	return full;
}

bool
courier_dropped(struct courier *c, char name[static SINK_NAME_MAX])
{
	bool some;

	pthread_mutex_lock(&c->lock);
	some = c->ndropped > 0;
	if (some) {
		memcpy(name, c->name[0], SINK_NAME_MAX);
		memmove(c->name[0], c->name[1], --c->ndropped * sizeof(c->name[0]));
	}
	pthread_mutex_unlock(&c->lock);
	return some;
}

void
courier_wait(struct courier *c, int64_t until_ns)
{
	const struct timespec ts = { .tv_sec = until_ns / CLK_SECOND,
	    .tv_nsec = until_ns % CLK_SECOND };

	pthread_mutex_lock(&c->lock);
	pthread_cond_timedwait(&c->turned, &c->lock, &ts);
	pthread_mutex_unlock(&c->lock);
}

void
courier_free(struct courier *c)
{
	pthread_mutex_lock(&c->lock);
	c->stop = true;
	pthread_mutex_unlock(&c->lock);
	poke(c);
	pthread_join(c->thread, NULL);
	while (c->first != NULL)
		discard(take_first(c));
	sink_free(c->sink);
	keep_free(&c->kept);
	close(c->wake);
	pthread_cond_destroy(&c->turned);
	pthread_mutex_destroy(&c->lock);
}
