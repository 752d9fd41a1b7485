#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encode/sender.h"
#include "lib/base/backoff.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/media/ts.h"

#define RETRY_FIRST	CLK_SECOND
#define RETRY_MAX	(60 * CLK_SECOND)
#define NAMES_MAX	10000

/* ---- what a file says of itself */

/* From the first PCR to the last of its PID: for one that a crash has ended. */
static int64_t
duration_of(int fd)
{
	static const int64_t most = INT64_C(24 * 3600) * CLK_27M;
	uint8_t p[TS_PACKET];
	int64_t first = TS_NO_PCR, last = TS_NO_PCR;
	uint16_t pid = TS_PID_NULL;
	struct ts_packet pkt;
	FILE *f = fdopen(dup(fd), "rb");

	if (f == NULL)
		return 0;
	rewind(f);
	while (fread(p, 1, sizeof(p), f) == sizeof(p)) {
		if (ts_parse(p, &pkt) < 0 || pkt.pcr == TS_NO_PCR ||
		    (pid != TS_PID_NULL && pkt.pid != pid))
			continue;
		pid = pkt.pid;
		if (first == TS_NO_PCR)
			first = pkt.pcr;
		last = pkt.pcr;
	}
	fclose(f);
	if (first == TS_NO_PCR)
		return 0;
	last = (last - first + TS_PCR_WRAP) % TS_PCR_WRAP;
	return last > most ? 0 : last / 27 * 1000;
}

/* The bytes of the stream, which are on disk then. */
static int
describe(struct sender *s, struct piece *p)
{
	int fd = spool_file(s->spool, p->number), r;

	if (fd < 0)
		return fd;
	r = fdatasync(fd) < 0 ? -errno : 0;
	if (p->duration_ns == 0)
		p->duration_ns = duration_of(fd);
	close(fd);
	return r;
}

static int
describe_ts(struct sender *s, struct piece *p)
{
	int fd = spool_file(s->spool, p->number), r;

	if (fd < 0)
		return fd;
	p->bytes = p->held;
	p->nfile = 0;
	p->file = NULL;
	r = form_checksum(fd, p->sha256);
	close(fd);
	return r;
}

/* ---- names */

/* The n-th try for a name that is taken has _n before its ending. */
static int
make_name(struct sender *s, struct piece *p, unsigned n)
{
	struct naming_values v = { .utc_ns = p->utc_ns, .counter = p->number,
	    .slot = p->slot, .show = s->show };
	char name[PIECE_NAME], tag[16] = "";
	int r;

	/* A file that no journal tells of has a time only. */
	if (p->slot == 0 && p->utc_ns > s->every_ns)
		p->slot = p->utc_ns / s->every_ns;
	if (p->slot >= 0 && p->slot <= INT64_MAX / s->every_ns)
		v.utc_ns = p->slot * s->every_ns;
	r = naming_put(s->naming, &v, name, sizeof(name));
	if (r < 0)
		return r;
	if (n > 1)
		snprintf(tag, sizeof(tag), "_%u", n);
	if (p->form == PIECE_TS && s->form.kind != PIECE_TS)	/* it is not what its name says */
		r = snprintf(p->name, PIECE_NAME, "%s%s.ts", name, tag) < PIECE_NAME ? 0 :
		    -ENAMETOOLONG;
	else
		r = piece_tagged(name, tag, p->name);
	if (r < 0)
		return r;
	return piece_name_good(p->name) ? 0 : -EINVAL;
}

static int
free_name(struct sender *s, struct piece *p, unsigned *n)
{
	bool taken = true;
	int r = 0;

	while (r == 0 && taken && ++*n < NAMES_MAX) {
		r = make_name(s, p, *n);
		pthread_mutex_lock(&s->spool->lock);
		taken = pieces_have_name(&s->spool->list, p->name);
		pthread_mutex_unlock(&s->spool->lock);
		taken |= names_has(&s->names, p->name);
	}
	return *n == NAMES_MAX ? -EEXIST : r;
}

/* ---- delivery */

static void
say(struct sender *s, const struct piece *p)
{
	pthread_mutex_lock(&s->lock);
	pieces_set(&s->said, p);
	pthread_mutex_unlock(&s->lock);
}

bool
sender_said(struct sender *s, struct piece *p)
{
	struct pieces *l = &s->said;
	bool some;

	pthread_mutex_lock(&s->lock);
	some = l->n > 0;
	if (some) {
		*p = l->p[0];
		memmove(l->p, l->p + 1, --l->n * sizeof(*l->p));
	}
	pthread_mutex_unlock(&s->lock);
	return some;
}

/* again: it may be there already, but what is not it is not replaced. */
static int
put_file(struct sender *s, const char *file, uint64_t bytes, const char *name,
    const char *content_type, bool again)
{
	int r = again ? deliver_check(&s->deliver, name, (int64_t)bytes) : -ENOENT;

	if (r < 0 && r != -ENOENT)
		return r;
	return deliver_file(&s->deliver, s->spool->dir, file, (int64_t)bytes, name,
	    content_type, r == -ENOENT);
}

/* One of several has a name that is taken: no manifest will name those before it. */
static void
take_back(struct sender *s, const struct piece *p, unsigned n)
{
	char name[PIECE_NAME];

	for (unsigned i = 0; i < n; i++)
		if (piece_tagged(p->name, s->form.file[i].tag, name) == 0 &&
		    deliver_remove(&s->deliver, name) < 0)
			log_warn(0, "cannot remove '%s' of '%s', which is no piece: %s", name,
			    s->place, s->deliver.why);
}

/* All files of a piece. */
static int
put_files(struct sender *s, const struct piece *p, bool again)
{
	struct form *f = &s->form;
	char file[64], name[PIECE_NAME];
	int r = 0;

	if (p->form == PIECE_TS) {
		spool_path(p->number, file);
		return put_file(s, file, p->bytes, p->name, "video/mp2t", again);
	}
	for (unsigned i = 0; i < f->n && r == 0; i++) {
		form_path(p->number, f->file[i].tag, file);
		if ((r = piece_tagged(p->name, f->file[i].tag, name)) == 0)
			r = put_file(s, file, f->file[i].bytes, name, f->content_type[i],
			    again);
		if (r == -EEXIST)
			take_back(s, p, i);
	}
	return r;
}

static void
tidy(struct sender *s, const struct piece *p)
{
	char name[PIECE_NAME];

	if (p->nfile == 0)
		deliver_tidy(&s->deliver, p->name);
	for (unsigned i = 0; i < p->nfile; i++)
		if (piece_tagged(p->name, p->file[i].tag, name) == 0)
			deliver_tidy(&s->deliver, name);
}

/* Its files, or the bytes as they are where no others can be made. */
static int
make_form(struct sender *s, struct piece *p)
{
	int r;

	s->form.n = 0;
	if (p->state != PIECE_SENDING)
		p->form = s->form.kind;
	if (p->form == PIECE_TS)
		return describe_ts(s, p);
	atomic_store(&s->form.busy, true);
	r = form_make(&s->form, s->spool, p);
	atomic_store(&s->form.busy, false);
	switch (r) {
	case -ENODATA:
		r = -ENOTSUP;
		/* fall through */
	case -ENOSPC:
	case -ENOTSUP:
	case -EFBIG:
		log_warn(-r, "piece %" PRIu64 " cannot be made into %s, and "
		    "is kept as a transport stream", p->number, piece_form_name[p->form]);
		p->form = PIECE_TS;
		p->state = PIECE_CLOSED;	/* with another name */
		return describe_ts(s, p);
	default:
		return r;
	}
}

/* May be there already, when the answer to an earlier attempt was lost. */
static int
put_piece(struct sender *s, struct piece *p)
{
	bool again = p->state == PIECE_SENDING;
	unsigned n = 0;
	int r;

	if (again)
		tidy(s, p);
	if ((r = describe(s, p)) < 0 || (r = make_form(s, p)) < 0)
		return why_failed(s->deliver.why, r, "%s", strerror(-r));
	for (again = p->state == PIECE_SENDING;; again = false) {
		if (!again && (r = free_name(s, p, &n)) < 0)
			return why_failed(s->deliver.why, r, "no name for it: %s",
			    strerror(-r));
		p->state = PIECE_SENDING;
		spool_set(s->spool, p);
		if ((r = put_files(s, p, again)) != -EEXIST)
			break;
	}
	form_remove(&s->form, s->spool, p->number);
	return r;
}

/* ---- what the place has of earlier runs */

int
sender_ask(struct sender *s, const char *name, struct manifest *m, struct pieces *l)
{
	char *text;
	size_t len;
	int r = deliver_get(&s->deliver, name, &text, &len);

	if (r < 0)
		return r;
	r = manifest_parse(l, text, len, m);
	free(text);
	return r == 0 ? 0 : why_failed(s->deliver.why, -EBADMSG, "'%s' is no manifest of ours",
	    name);
}

/* Of a part nothing but the names has to be known. */
static void
read_names(struct sender *s, unsigned i)
{
	char name[MANIFEST_PART];
	struct pieces old = { .n = 0 };
	struct manifest part;

	manifest_part(i, "json", name);
	if (sender_ask(s, name, &part, &old) < 0)
		log_warn(0, "cannot get '%s' of '%s': %s", name, s->place, s->deliver.why);
	for (size_t k = 0; k < old.n; k++)
		names_add(&s->names, old.p[k].name);
	pieces_free(&old);
}

void
sender_know(struct sender *s, const struct manifest *m)
{
	struct pieces *l = &s->spool->list;

	if (m->parts > 0 && m->list != s->list)
		log_warn(0, "the manifest of '%s' has parts of %" PRIu64 ", and goes on with "
		    "them", s->place, m->list);
	if (m->parts > 0)
		s->list = m->list;
	s->parts = m->parts;
	spool_forget(s->spool, s->parts * s->list);
	pthread_mutex_lock(&s->spool->lock);
	l->gone = m->before;
	for (size_t i = 0; i < l->n && l->p[i].number <= s->parts * s->list; i++)
		l->gone -= l->p[i].state == PIECE_DONE && l->gone > 0;
	pthread_mutex_unlock(&s->spool->lock);
	for (unsigned i = 0; deliver_blind(&s->deliver) && i < m->parts; i++)
		read_names(s, i);
	s->unasked = false;
}

/* What the spool has forgotten is in the parts alone: they must not be written again. */
static int
ask_again(struct sender *s)
{
	struct pieces old = { .n = 0 };
	struct manifest m = { .parts = 0 };
	int r = sender_ask(s, "index.json", &m, &old);

	pieces_free(&old);
	if (r < 0 && r != -ENOENT)
		return r;
	sender_know(s, &m);
	return 0;
}

/* ---- manifests */

/* A manifest, and a playlist of the same where there is one. */
static int
put_lists(struct sender *s, const struct manifest *m, const char *json_name,
    const char *m3u8_name)
{
	char *json, *m3u8;
	int r;

	pthread_mutex_lock(&s->spool->lock);
	json = manifest_put(&s->spool->list, m);
	m3u8 = playlist_put(&s->spool->list, m);
	pthread_mutex_unlock(&s->spool->lock);
	if (json == NULL || m3u8 == NULL)
		r = why_failed(s->deliver.why, -ENOMEM, "%s", strerror(ENOMEM));
	else if ((r = deliver_text(&s->deliver, json_name, "application/json", json,
	    strlen(json))) == 0 && s->form.kind == PIECE_TS)
		r = deliver_text(&s->deliver, m3u8_name, "application/vnd.apple.mpegurl",
		    m3u8, strlen(m3u8));
	free(json);
	free(m3u8);
	return r;
}

/* There are so many behind it that the oldest can go into a part of their own. */
static bool
part_due(struct sender *s)
{
	uint64_t above = s->parts * s->list, upto = above + s->list;
	const struct pieces *l = &s->spool->list;
	bool due;

	pthread_mutex_lock(&s->spool->lock);
	due = l->n > 0 && l->p[l->n - 1].number > upto + s->list && pieces_final(l, above, upto);
	pthread_mutex_unlock(&s->spool->lock);
	return due;
}

/* A server by http is not asked what it has: then the names of all pieces are kept. */
static void
remember(struct sender *s, uint64_t upto)
{
	const struct pieces *l = &s->spool->list;

	if (!deliver_blind(&s->deliver))
		return;
	pthread_mutex_lock(&s->spool->lock);
	for (size_t i = 0; i < l->n && l->p[i].number <= upto; i++)
		if (l->p[i].state == PIECE_DONE)
			names_add(&s->names, l->p[i].name);
	pthread_mutex_unlock(&s->spool->lock);
}

static int
put_part(struct sender *s)
{
	struct manifest m = { .show = s->show, .every_ns = s->every_ns, .ended = true,
	    .above = s->parts * s->list, .upto = (s->parts + 1) * s->list };
	char json[MANIFEST_PART], m3u8[MANIFEST_PART];
	int r;

	manifest_part((unsigned)s->parts, "json", json);
	manifest_part((unsigned)s->parts, "m3u8", m3u8);
	r = put_lists(s, &m, json, m3u8);
	if (r == 0) {
		remember(s, ++s->parts * s->list);
		spool_forget(s->spool, s->parts * s->list);
	}
	return r;
}

static void
put_manifest(struct sender *s)
{
	struct manifest m = { .show = s->show, .every_ns = s->every_ns,
	    .ended = atomic_load(&s->ended), .upto = PIECE_NUMBER };
	int r = s->unasked ? ask_again(s) : 0;

	while (r == 0 && part_due(s))
		r = put_part(s);
	m.above = s->parts * s->list;
	m.parts = (unsigned)s->parts;
	m.list = s->list;
	if (r == 0)
		r = put_lists(s, &m, "index.json", "index.m3u8");
	s->dirty = r < 0;
	s->ended_put = r == 0 && m.ended;
}

static void
tell(struct sender *s, int r)
{
	if (r < 0 && !s->failing)
		log_warn(0, "cannot deliver to '%s', trying again: %s", s->place,
		    s->deliver.why);
	else if (r == 0 && s->failing)
		log_info("'%s' takes pieces again", s->place);
	s->failing = r < 0;
	if (r < 0)
		atomic_fetch_add(&s->retried, 1);
}

static bool
has_gone(const struct sender *s, uint64_t number)
{
	int fd = spool_file(s->spool, number);

	if (fd >= 0)
		close(fd);
	return fd == -ENOENT;
}

static bool
wants_manifest(struct sender *s)
{
	return s->dirty || (atomic_load(&s->ended) && !s->ended_put);
}

static void *
work(void *arg)
{
	struct sender *s = arg;
	struct backoff pause = { .first_ns = RETRY_FIRST, .most_ns = RETRY_MAX };
	struct piece p;

	while (!atomic_load(&s->stop)) {
		int64_t now = clk_mono_ns();
		int r = 0;

		if (spool_next(s->spool, &p, wants_manifest(s) ? now : now + CLK_SECOND / 5)) {
			/* What such a server has would be replaced by a name that is taken. */
			if (s->unasked && deliver_blind(&s->deliver))
				r = ask_again(s);
			if (r == 0)
				r = put_piece(s, &p);
			if (r == 0) {
				p.state = PIECE_DONE;
				spool_set(s->spool, &p);
				atomic_fetch_add(&s->sent, p.bytes);
				say(s, &p);
				s->dirty = true;
			} else if (r == -ENOENT && has_gone(s, p.number)) {
				log_warn(0, "piece %llu has gone from the spool",
				    (unsigned long long)p.number);
				p.state = PIECE_DROPPED;
				spool_set(s->spool, &p);
				continue;
			}
			spool_rest(s->spool);
		} else if (!wants_manifest(s)) {
			atomic_store(&s->idle, true);
			continue;
		}
		if (r == 0)
			put_manifest(s);
		if (r == 0 && s->dirty)
			r = -EIO;
		tell(s, r);
		if (r == 0) {
			backoff_reset(&pause);
			continue;
		}
		backoff_failed(&pause);
		while (clk_mono_ns() < pause.next_ns && !atomic_load(&s->stop))
			spool_wait(s->spool, clk_mono_ns() + CLK_SECOND / 5);
	}
	return NULL;
}

int
sender_start(struct sender *s)
{
	s->form.stop = &s->stop;
	pthread_mutex_init(&s->lock, NULL);
	return -pthread_create(&s->thread, NULL, work, s);
}
