/* Archived objects, from S3 to a peer; see archget.h. */
#include "origin/archget.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/wire.h"
#include "origin/api.h"
#include "origin/archs3.h"
#include "origin/serve.h"

#define FETCH_WINDOW	(256u << 10)	/* in the client, beside our own */
#define RETRIES		3
#define SAY_NS		(10 * CLK_SECOND)

/* A reply: FETCH_ASKED until its head can be sent, or an error. */
enum fetched_state { FETCHED_ASKED, FETCHED_ANSWERED, FETCHED_ENDED };

struct fetched {
	struct fetched *next;
	struct archget *get;
	atomic_uint refs;		/* of the exchange, the thread, messages */
	atomic_bool cancelled;		/* the exchange is over */
	_Atomic uint64_t taken;		/* by the peer */
	atomic_bool full;		/* the thread waits for the peer */
	atomic_flag posted;		/* grew is on its way */
	struct httpd_msg answer, grew;
	struct httpd_conn *conn;
	struct httpd_loop *loop;
	struct httpd_reply reply;	/* with a head of its own, and no object yet */
	int	 err;			/* in place of an answer */
	/* The thread's: */
	enum fetched_state state;
	struct s3_job *job;
	struct object *object;		/* that grows */
	uint64_t len, got, given;	/* to get, got, and given back to the system */
	int64_t	 until_ns;
	char	 key[ARCHS3_KEY];
	char	 head[];
};

static void
unref(struct fetched *f)
{
	if (atomic_fetch_sub(&f->refs, 1) != 1)
		return;
	atomic_fetch_sub(&f->get->count, 1);
	object_unref(&f->object);
	free(f);
}

static void
wake(struct archget *g)
{
	uint64_t one = 1;

	if (write(g->wake, &one, sizeof(one)) < 0)
		log_warn(errno, "cannot wake the archive");	/* it is awake */
}

/* ---- on the loop of the peer */

static void
on_taken(void *user, uint64_t pos)
{
	struct fetched *f = user;

	atomic_store(&f->taken, pos);
	if (atomic_exchange(&f->full, false))
		wake(f->get);
}

static void
on_grew(struct httpd_loop *l, struct httpd_msg *m)
{
	struct fetched *f = LINK_OF(m, struct fetched, grew);

	atomic_flag_clear(&f->posted);
	httpd_grew(l, f->object, false);
	unref(f);
}

static void
on_answer(struct httpd_loop *l, struct httpd_msg *m)
{
	struct fetched *f = LINK_OF(m, struct fetched, answer);

	(void)l;
	if (httpd_release(f->conn)) {
		if (f->err < 0) {
			serve_error(f->conn, f->err);
		} else {
			f->reply.object = object_ref(f->object);
			serve_reply(f->conn, &f->reply);
		}
	}
	unref(f);
}

int
archget_reply(struct archget *g, struct httpd_conn *c, struct httpd_reply *r,
    struct fetched **out)
{
	size_t len = r->head_len + r->head2_len;
	struct fetched *f = calloc(1, sizeof(*f) + len);
	int err = f == NULL ? -ENOMEM : g->archive == NULL ? -EIO :
	    archs3_key(g->archive->s3, r->object->fd, f->key);

	*out = NULL;
	if (err == 0 && atomic_fetch_add(&g->count, 1) >= ARCHGET_MAX) {
		atomic_fetch_sub(&g->count, 1);
		err = -EMFILE;
	}
	if (err < 0) {
		free(f);
		return err;
	}
	memcpy(f->head, r->head, r->head_len);
	if (r->head2_len > 0)
		memcpy(f->head + r->head_len, r->head2, r->head2_len);
	f->reply = (struct httpd_reply){ .status = r->status, .head = f->head,
	    .head_len = len, .from_object = true, .follow = true, .sized = true,
	    .first = 0, .end = r->end - r->first };
	atomic_init(&f->refs, 2);
	f->get = g;
	f->conn = c;
	f->loop = c->loop;
	f->len = f->reply.end;
	f->given = r->first;		/* for now: where it begins */
	f->answer.run = on_answer;
	f->grew.run = on_grew;
	f->until_ns = clk_mono_ns() + ARCHGET_FIRST_NS;
	object_unref(&r->object);
	httpd_hold(c);
	pthread_mutex_lock(&g->lock);
	f->next = g->incoming;
	g->incoming = f;
	pthread_mutex_unlock(&g->lock);
	wake(g);
	*out = f;
	return 0;
}

void
archget_cancel(struct fetched **at)
{
	struct fetched *f = *at;

	*at = NULL;
	if (f == NULL)
		return;
	atomic_store(&f->cancelled, true);
	wake(f->get);
	unref(f);
}

/* ---- on the thread */

static void
post_answer(struct fetched *f, int err)
{
	f->err = err;
	f->state = FETCHED_ANSWERED;
	atomic_fetch_add(&f->refs, 1);
	httpd_post(f->loop, &f->answer);
}

static void
post_grew(struct fetched *f)
{
	if (atomic_flag_test_and_set(&f->posted))
		return;
	atomic_fetch_add(&f->refs, 1);
	httpd_post(f->loop, &f->grew);
}

static void
fail(struct fetched *f, int err)
{
	struct archget *g = f->get;
	int64_t now = clk_mono_ns();

	atomic_fetch_add(&g->failed, 1);
	/* Of a bucket that is away one message now and then is enough. */
	if (err != -ENOMEM && (g->said_ns == 0 || now - g->said_ns > SAY_NS)) {
		g->said_ns = now;
		log_warn(0, "cannot read '%s' from the archive: %s", f->key,
		    f->job != NULL && *f->job->reason != '\0' ? f->job->reason :
		    strerror(-err));
	}
	if (f->state == FETCHED_ASKED) {
		/* Not there, or not what it was: that will not pass. */
		post_answer(f, err == -ENOENT || err == -EIO ? -EIO : -EAGAIN);
	} else {
		wire_end(f->object, OBJECT_FAILED);
		post_grew(f);
	}
	f->state = FETCHED_ENDED;
}

static void
start(struct fetched *f)
{
	struct s3_request q = { .key = f->key, .window = FETCH_WINDOW,
	    .offset = (int64_t)f->given, .len = (int64_t)f->len };

	f->given = 0;
	f->job = s3_start(f->get->s3, &q);
	if (f->job == NULL)
		fail(f, -ENOMEM);
}

/* S3 answers: there is something to follow now. */
static int
begin(struct fetched *f)
{
	struct httpd *h = f->get->httpd;
	int fd;

	if (f->job->http->content_length != (int64_t)f->len)
		return -EIO;
	fd = memfd_create("archived object", MFD_CLOEXEC);
	f->object = fd < 0 ? NULL : object_new(fd, &h->memory);
	if (f->object == NULL) {
		if (fd >= 0)
			close(fd);
		return -ENOMEM;
	}
	if (!object_take(f->object, ARCHGET_WINDOW) || httpd_can_grow(h, f->object) < 0)
		return -ENOMEM;
	f->object->on_sent = on_taken;
	f->object->on_sent_user = f;
	post_answer(f, 0);
	return 0;
}

/* What the peer has, the system gets back. */
static void
give_back(struct fetched *f)
{
	uint64_t to = atomic_load(&f->taken) & ~UINT64_C(4095);

	if (to > f->given && fallocate(f->object->fd, FALLOC_FL_PUNCH_HOLE |
	    FALLOC_FL_KEEP_SIZE, (off_t)f->given, (off_t)(to - f->given)) == 0)
		f->given = to;
}

/* As much as may wait for the peer.  Returns 0 or -errno. */
static int
pass_on(struct fetched *f)
{
	struct fetch_job *h = f->job->http;
	uint64_t room = ARCHGET_WINDOW - (f->got - atomic_load(&f->taken));
	size_t n = h->len < room ? h->len : (size_t)room;

	give_back(f);
	if (n < h->len) {
		atomic_store(&f->full, true);
		/* Unless it was told just before. */
		room = ARCHGET_WINDOW - (f->got - atomic_load(&f->taken));
		n = h->len < room ? h->len : (size_t)room;
	}
	if (n > f->len - f->got)
		return -EIO;
	for (size_t done = 0; done < n;) {
		ssize_t w = pwrite(f->object->fd, h->data + done, n - done,
		    (off_t)(f->got + done));

		if (w <= 0)
			return w < 0 ? -errno : -EIO;
		done += (size_t)w;
	}
	if (n == 0)
		return 0;
	fetch_drop(h, n);
	f->got += n;
	wire_grow(f->object, NULL, n);
	if (f->got == f->len)
		wire_end(f->object, OBJECT_WHOLE);
	post_grew(f);
	return 0;
}

static void
tend(struct fetched *f, int64_t now_ns)
{
	struct s3_job *j = f->job;
	int err = 0;

	if (j->done && j->error < 0) {
		fail(f, j->error);
		return;
	}
	if (f->state == FETCHED_ASKED) {
		if (j->http == NULL || !j->http->started)
			err = now_ns >= f->until_ns ? -ETIMEDOUT : 0;
		else if (j->http->status == 200 || j->http->status == 206)
			err = begin(f);
	}
	if (err == 0 && f->state == FETCHED_ANSWERED)
		err = pass_on(f);
	if (err < 0) {
		fail(f, err);
	} else if (f->state == FETCHED_ANSWERED && f->got == f->len) {
		f->state = FETCHED_ENDED;
	} else if (j->done && (f->state == FETCHED_ASKED || j->http->len == 0)) {
		fail(f, -EIO);		/* shorter than it was said to be */
	}
}

static void
enter_new(struct archget *g)
{
	struct fetched *f, *next;

	pthread_mutex_lock(&g->lock);
	f = g->incoming;
	g->incoming = NULL;
	pthread_mutex_unlock(&g->lock);
	for (; f != NULL; f = next) {
		next = f->next;
		f->next = g->all;
		g->all = f;
		start(f);
	}
}

/* All that go on, and away with those that do not.  *busy: S3 has yet to send. */
static void
tend_all(struct archget *g, bool *busy)
{
	int64_t now = clk_mono_ns();
	struct fetched **at = &g->all, *f;

	while ((f = *at) != NULL) {
		if (f->state != FETCHED_ENDED && !atomic_load(&f->cancelled))
			tend(f, now);
		if (f->state == FETCHED_ASKED && atomic_load(&f->cancelled))
			post_answer(f, -EPIPE);	/* which only lets the connection go */
		if (f->state == FETCHED_ENDED || atomic_load(&f->cancelled)) {
			*at = f->next;
			s3_end(f->job);
			f->job = NULL;
			unref(f);
			continue;
		}
		*busy |= !f->job->done;
		at = &f->next;
	}
}

static void *
archget_main(void *arg)
{
	struct archget *g = arg;
	uint64_t n;

	while (!atomic_load(&g->stop)) {
		bool busy = false;

		enter_new(g);
		tend_all(g, &busy);
		/* The rest only waits for peers, or there is none. */
		if (!busy)
			poll(&(struct pollfd){ .fd = g->wake, .events = POLLIN }, 1, -1);
		else
			s3_run(g->s3, clk_mono_ns() + CLK_SECOND / 2);
		if (read(g->wake, &n, sizeof(n)) < 0 && errno != EAGAIN)
			break;
	}
	return NULL;
}

int
archget_start(struct archget *g, struct archive *a, struct httpd *httpd)
{
	sigset_t all, before;
	int err;

	if (a->s3 == NULL)
		return 0;
	g->httpd = httpd;
	pthread_mutex_init(&g->lock, NULL);
	g->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (g->wake < 0)
		return -errno;
	g->s3 = archs3_client(a->s3, RETRIES);
	if (g->s3 == NULL)
		return -ENOMEM;
	s3_outlive_stop(g->s3, true);
	s3_watch(g->s3, g->wake);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	err = pthread_create(&g->thread, NULL, archget_main, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err == 0)
		g->archive = a;
	return -err;
}

/* After httpd_stop(): no exchange is left, and each has been cancelled. */
void
archget_stop(struct archget *g)
{
	bool busy = false;

	if (g->archive == NULL)
		return;
	atomic_store(&g->stop, true);
	wake(g);
	pthread_join(g->thread, NULL);
	enter_new(g);
	tend_all(g, &busy);
	s3_free(g->s3);
	close(g->wake);
}
