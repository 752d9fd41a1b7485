#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encode/pushsock.h"
#include "encode/pushtarget.h"
#include "lib/base/clk.h"
#include "lib/net/rtmpclient.h"

#define LOGIN		(15 * CLK_SECOND)	/* from the first byte to the publication */
#define STEADY		(10 * CLK_SECOND)	/* published for so long: it works */
#define WAIT_FIRST	(CLK_SECOND / 2)
#define WAIT_MOST	(30 * CLK_SECOND)
#define ENDING		(5 * CLK_SECOND)	/* to take the last bytes, */
#define LINGER		(2 * CLK_SECOND)	/* and to hang up */
#define LOOK		CLK_SECOND		/* at the time of a round trip */
#define OUT_MAX		65536u		/* bytes in chunks, ahead of the socket */
#define READS		64		/* in a row */
#define REDIRECTS	8		/* in a row */

const char *const pushtarget_state_name[] = {
	[PUSHTARGET_CONNECTING] = "connecting", [PUSHTARGET_PUBLISHING] = "publishing",
	[PUSHTARGET_WAITING] = "waiting", [PUSHTARGET_DONE] = "done",
	[PUSHTARGET_FAILED] = "failed",
};

enum outcome { OVER, LOST, REDIRECTED, QUIT };

/* One connection. */
struct session {
	struct pushtarget *t;
	const struct pushurl *url;
	struct pushsock sock;
	struct rtmpclient client;
	struct pushheads *heads;	/* the last that were sent */
	bool	 begun;			/* something was */
	int64_t	 last_ms[RTMP_AGGREGATE];	/* by type */
	int64_t	 published_ns, progress_ns, look_ns;
	char	 why[WHY_ROOM];
};

/* ---- bytes */

static size_t
pending(const struct session *s)
{
	return s->client.out.len - s->client.out.pos;
}

static int
flush(struct session *s)
{
	struct rtmp_out *o = &s->client.out;

	while (pending(s) > 0) {
		ssize_t n = pushsock_write(&s->sock, o->data + o->pos, pending(s));

		if (n == -EAGAIN)
			return 0;
		if (n <= 0)
			return why_failed(s->why, n == 0 ? -EPIPE : (int)n, "the connection "
			    "broke: %s", strerror(n == 0 ? EPIPE : (int)-n));
		rtmp_out_sent(o, (size_t)n);
		atomic_fetch_add(&s->t->sent_bytes, (uint64_t)n);
		s->progress_ns = clk_mono_ns();
	}
	return 0;
}

static int
explain(struct session *s, int r)
{
	struct rtmpclient *c = &s->client;
	const char *verb = r == -ECONNREFUSED ? "it refuses" : "it ends the publication";

	if (r == -EPROTO)
		return why_failed(s->why, r, "what it speaks is not RTMP");
	if (r != -ECONNREFUSED && r != -ECONNRESET)
		return why_failed(s->why, r, "what it sends cannot be read: %s", strerror(-r));
	if (strstr(c->description, "authmod=") != NULL)
		return why_failed(s->why, r, "it asks for a user and a password, which is "
		    "not supported");
	pushurl_hide(s->url, c->code);
	pushurl_hide(s->url, c->description);
	return why_failed(s->why, r, "%s: %s%s%s", verb,
	    c->code[0] != '\0' ? c->code : "no reason given",
	    c->description[0] != '\0' ? ": " : "", c->description);
}

static int
receive(struct session *s)
{
	uint8_t buf[16384];		/* a record of TLS as a whole: none waits in there */

	/* One that sends without end is not to keep us from the rest. */
	for (unsigned i = 0; i < READS; i++) {
		ssize_t n = pushsock_read(&s->sock, buf, sizeof(buf));
		int r;

		if (n == -EAGAIN)
			break;
		if (n == 0)
			return why_failed(s->why, -EPIPE, "it has hung up");
		if (n < 0)
			return why_failed(s->why, (int)n, "the connection broke: %s",
			    strerror((int)-n));
		if ((r = rtmpclient_take(&s->client, buf, (size_t)n)) < 0)
			return explain(s, r);
	}
	atomic_store(&s->t->acked, s->client.acked);
	return 0;
}

/* Move bytes until deadline_ns at the latest; more: there are others to send.  0, or an error. */
static int
turn(struct session *s, bool more, int64_t deadline_ns)
{
	int r = flush(s), events;

	if (r < 0)
		return r;
	events = pushsock_wait(&s->sock, (short)(POLLIN |
	    (pending(s) > 0 || more ? POLLOUT : 0)), deadline_ns);
	if (events < 0)
		return events;
	if ((events & ~POLLOUT) != 0 && (r = receive(s)) < 0)
		return r;
	return flush(s);
}

/* ---- from the first byte to the publication */

static int
login(struct session *s)
{
	int64_t deadline = clk_mono_ns() + LOGIN;
	const struct rtmpclient_config config = {
		.app = s->url->app, .stream = s->url->stream, .tc_url = s->url->tc_url,
		.flash_ver = "FMLE/3.0 (compatible; mlive-push)",
		.caps = { .codecs = 1u << RTMP_HEVC, .flags = RTMP_CAN_RECONNECT },
	};
	int r = pushsock_open(&s->sock, s->url, deadline);

	if (r < 0) {
		memcpy(s->why, s->sock.why, sizeof(s->why));
		return r;
	}
	if ((r = rtmpclient_init(&s->client, &config)) < 0)
		return why_failed(s->why, r, "%s", strerror(-r));
	while (s->client.state != RTMPCLIENT_PUBLISHING) {
		if ((r = turn(s, false, deadline)) < 0)
			return r;
		if (clk_mono_ns() >= deadline)
			return why_failed(s->why, -ETIMEDOUT, "it does not answer: %s",
			    rtmpclient_state_name[s->client.state]);
	}
	return 0;
}

/* ---- items */

static int
put(struct session *s, enum rtmp_type type, int64_t ms, const uint8_t *p, size_t len)
{
	int r = rtmpclient_put(&s->client, type, (uint32_t)ms, p, len);

	return r < 0 ? why_failed(s->why, r, "%s", strerror(-r)) : 0;
}

static bool
differs(const struct pushbody *a, const struct pushbody *b)
{
	if (a == NULL || b == NULL)
		return b != NULL;
	return a != b && (a->len != b->len || memcmp(a->data, b->data, a->len) != 0);
}

/* A server that says what it takes, and not this, would make no sense of it. */
static int
check_hevc(struct session *s)
{
	const struct rtmp_caps *caps = &s->client.caps;

	if ((caps->codecs & 1u << RTMP_HEVC) != 0)
		return 0;
	if (caps->fourcc_list || caps->video_map)
		return why_failed(s->why, -ENOTSUP, "it does not take HEVC");
	if (!s->t->told_hevc)
		log_warn(0, "'%s' does not say whether it takes HEVC: sending it", s->url->name);
	s->t->told_hevc = true;
	return 0;
}

static int
put_heads(struct session *s, struct pushheads *h, int64_t ms)
{
	const struct pushheads *old = s->heads;
	int r = 0;

	if (h == NULL || h == old)
		return 0;
	if (h->hevc && (old == NULL || !old->hevc))
		r = check_hevc(s);
	if (r == 0 && differs(old != NULL ? old->meta : NULL, h->meta))
		r = put(s, RTMP_DATA, ms, h->meta->data, h->meta->len);
	if (r == 0 && differs(old != NULL ? old->video : NULL, h->video))
		r = put(s, RTMP_VIDEO, ms, h->video->data, h->video->len);
	if (r == 0 && differs(old != NULL ? old->colour : NULL, h->colour))
		r = put(s, RTMP_VIDEO, ms, h->colour->data, h->colour->len);
	if (r == 0 && differs(old != NULL ? old->audio : NULL, h->audio))
		r = put(s, RTMP_AUDIO, ms, h->audio->data, h->audio->len);
	pushheads_unref(s->heads);
	s->heads = pushheads_ref(h);
	return r;
}

static int
put_item(struct session *s, const struct pushitem *item)
{
	int64_t ms = pushitem_ms(item->t), *last = &s->last_ms[item->type];
	int r;

	if (ms < 0)
		ms = 0;
	if (ms <= *last && item->type != RTMP_DATA)
		ms = *last + 1;
	if ((r = put_heads(s, item->heads, ms)) < 0 ||
	    (r = put(s, item->type, ms, item->data, item->len)) < 0)
		return r;
	*last = ms;
	s->begun = true;
	atomic_fetch_add(&s->t->sent_items, 1);
	return 0;
}

/*
 * As much as the socket may take; *more: there is still some.  1: the server wants us
 * elsewhere, and now is the time.
 */
static int
fill(struct session *s, bool *more)
{
	struct pushqueue *q = &s->t->queue;
	int r = 0;

	*more = false;
	while (r == 0 && pending(s) < OUT_MAX) {
		struct pushitem *item;

		if (s->client.reconnect && s->begun && pushqueue_at_key(q))
			return 1;
		item = pushqueue_get(q, !s->begun);
		if (item == NULL)
			return 0;
		r = put_item(s, item);
		pushitem_unref(item);
	}
	*more = true;
	return r;
}

/* All is sent: say so, and wait until the server has it. */
static int
finish(struct session *s)
{
	int64_t deadline = clk_mono_ns() + ENDING;
	int r = rtmpclient_end(&s->client);

	if (r < 0)
		return r;
	for (;;) {
		if ((r = flush(s)) < 0)
			return r;
		if (pending(s) == 0)
			break;
		if (clk_mono_ns() >= deadline)
			return why_failed(s->why, -ETIMEDOUT, "it does not take the end");
		if ((r = turn(s, false, deadline)) < 0 && pending(s) > 0)
			return r;
	}
	pushsock_end(&s->sock);
	deadline = clk_mono_ns() + LINGER;
	while (clk_mono_ns() < deadline && turn(s, false, deadline) == 0)
		;
	return 0;
}

static void
look(struct session *s, int64_t now)
{
	if (now < s->look_ns)
		return;
	s->look_ns = now + LOOK;
	atomic_store(&s->t->rtt_us, pushsock_rtt_us(&s->sock));
}

static enum outcome
publish(struct session *s)
{
	struct pushtarget *t = s->t;
	int64_t now = clk_mono_ns();
	bool more;
	int r;

	s->published_ns = s->progress_ns = now;
	for (;;) {
		if ((r = fill(s, &more)) < 0)
			return LOST;
		if (r == 1) {
			finish(s);
			return atomic_load(&t->quit) ? QUIT : REDIRECTED;
		}
		if (flush(s) < 0)
			return LOST;
		if (pending(s) == 0) {
			s->progress_ns = now;
			if (pushqueue_done(&t->queue))
				return finish(s) < 0 ? LOST : OVER;
		}
		look(s, now);
		r = turn(s, more, pending(s) == 0 ? now + LOOK :
		    s->progress_ns + s->url->timeout_ns);
		if (r < 0)
			return r == -EINTR ? QUIT : LOST;
		now = clk_mono_ns();
		if (pending(s) > 0 && now - s->progress_ns >= s->url->timeout_ns) {
			why_failed(s->why, -ETIMEDOUT, "it takes nothing any more");
			return LOST;
		}
	}
}

/* ---- the thread */

static void
set_state(struct pushtarget *t, enum pushtarget_state state)
{
	atomic_store(&t->state, state);
}

static void
set_why(struct pushtarget *t, const char *why)
{
	pthread_mutex_lock(&t->lock);
	snprintf(t->why, sizeof(t->why), "%s", why);
	for (char *p = t->why; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	pthread_mutex_unlock(&t->lock);
}

static void
stay(const struct pushurl *url, char *to, const char *why)
{
	pushurl_hide(url, to);
	log_warn(0, "'%s' sends us to '%s': not followed: %s", url->name, to, why);
}

static enum outcome
connection(struct pushtarget *t, struct pushurl *url)
{
	struct session s = {
		.t = t, .url = url, .last_ms = { [RTMP_AUDIO] = -1, [RTMP_VIDEO] = -1 },
	};
	enum outcome out = LOST;
	char why[WHY_ROOM];
	int r;

	set_state(t, PUSHTARGET_CONNECTING);
	pushsock_init(&s.sock, &t->queue, &t->quit);
	r = login(&s);
	if (r == 0) {
		log_info("publishing to '%s'", url->name);
		atomic_fetch_add(&t->publications, 1);
		set_state(t, PUSHTARGET_PUBLISHING);
		out = publish(&s);
		if (clk_mono_ns() - s.published_ns >= STEADY) {
			t->row = t->redirect_row = 0;
			backoff_reset(&t->pause);
			t->said[0] = '\0';
		}
	} else if (r == -EINTR) {
		out = QUIT;
	} else if (r == -ECONNREFUSED && s.client.reconnect) {
		out = REDIRECTED;
	}
	if (out == REDIRECTED && s.client.reconnect_url[0] != '\0' &&
	    pushurl_redirect(url, s.client.reconnect_url, why) < 0) {
		stay(url, s.client.reconnect_url, why);
		out = r < 0 ? LOST : out;
	}
	if (out == LOST)
		set_why(t, s.why);
	pushheads_unref(s.heads);
	rtmpclient_free(&s.client);
	pushsock_close(&s.sock);
	atomic_store(&t->rtt_us, 0);
	return out;
}

static void
say_failure(struct pushtarget *t, int64_t wait_ns)
{
	if (strcmp(t->said, t->why) == 0) {
		log_debug("'%s': %s, again", t->url.name, t->why);
		return;
	}
	memcpy(t->said, t->why, sizeof(t->said));
	log_warn(0, "'%s': %s: trying again in %" PRId64 " ms, and so on", t->url.name, t->why,
	    wait_ns / 1000000);
}

/* false: it is over. */
static bool
wait_again(struct pushtarget *t)
{
	struct pushsock none;
	int64_t wait = backoff_failed(&t->pause), until = t->pause.next_ns;

	say_failure(t, wait);
	set_state(t, PUSHTARGET_WAITING);
	pushsock_init(&none, &t->queue, &t->quit);
	while (clk_mono_ns() < until)
		if (pushsock_wait(&none, 0, until) < 0)
			return false;
	return true;
}

static void *
run(void *arg)
{
	struct pushtarget *t = arg;
	struct pushurl url = t->url;

	while (!atomic_load(&t->quit)) {
		enum outcome out = connection(t, &url);

		if (out == OVER) {
			set_state(t, PUSHTARGET_DONE);
			break;
		}
		if (out == QUIT)
			break;
		if (out == REDIRECTED) {
			atomic_fetch_add(&t->redirects, 1);
			if (++t->redirect_row <= REDIRECTS)
				continue;
			set_why(t, "it sends us on and on");
		}
		t->redirect_row = 0;
		url = t->url;			/* where it was meant to go */
		t->row++;
		atomic_fetch_add(&t->failures, 1);
		if (pushqueue_done(&t->queue)) {
			if (atomic_load(&t->sent_items) > 0)
				log_warn(0, "'%s': %s: the end may not have come there",
				    t->url.name, t->why);
			set_state(t, PUSHTARGET_FAILED);
			break;
		}
		if (t->url.retry != PUSHURL_RETRY_EVER && t->row > t->url.retry) {
			log_warn(0, "'%s' is given up: %s", t->url.name, t->why);
			set_state(t, PUSHTARGET_FAILED);
			break;
		}
		if (!wait_again(t))
			break;
	}
	atomic_store(&t->ended, true);
	return NULL;
}

/* ---- for who started it */

int
pushtarget_start(struct pushtarget *t)
{
	int r;

	pthread_mutex_init(&t->lock, NULL);
	t->pause = (struct backoff){ .first_ns = WAIT_FIRST, .most_ns = WAIT_MOST,
	    .spread = true };
	if ((r = pushqueue_init(&t->queue, t->url.cache_ns, PUSHQUEUE_BYTES)) < 0)
		return r;
	r = pthread_create(&t->thread, NULL, run, t);
	t->started = r == 0;
	return -r;
}

void
pushtarget_end(struct pushtarget *t)
{
	pushqueue_end(&t->queue);
}

bool
pushtarget_over(struct pushtarget *t)
{
	return atomic_load(&t->ended);
}

bool
pushtarget_stop(struct pushtarget *t, int64_t deadline_ns)
{
	atomic_store(&t->quit, true);
	pushqueue_poke(&t->queue);
	while (!atomic_load(&t->ended)) {
		if (clk_mono_ns() >= deadline_ns)
			return false;
		poll(NULL, 0, 10);
	}
	pthread_join(t->thread, NULL);
	t->started = false;
	return true;
}

void
pushtarget_free(struct pushtarget *t)
{
	pushqueue_free(&t->queue);
	pthread_mutex_destroy(&t->lock);
	explicit_bzero(&t->url, sizeof(t->url));
}

void
pushtarget_why(struct pushtarget *t, char why[static WHY_ROOM])
{
	pthread_mutex_lock(&t->lock);
	memcpy(why, t->why, WHY_ROOM);
	pthread_mutex_unlock(&t->lock);
}
