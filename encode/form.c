#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "encode/form.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"

#define READ		(1 << 20)
#define SHA256		32
#define TABLES		(64 * TS_PACKET)
#define BEFORE_NS	(5 * CLK_SECOND)	/* of the stream before a cut are read */
#define BEFORE_LEAST	(1u << 20)
#define BEFORE_MOST	(64u << 20)
#define AFTER_MOST	(64u << 20)
#define WAIT		(CLK_SECOND / 5)

void
form_path(uint64_t number, const char *tag, char name[static 64])
{
	snprintf(name, 64, "%010" PRIu64 "%s" SPOOL_PART, number, tag);
}

int
form_checksum(int fd, char out[static 65])
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	unsigned char md[EVP_MAX_MD_SIZE];
	char *buf = malloc(READ);
	off_t at = 0;
	ssize_t n = 0;
	int r = c == NULL || buf == NULL || EVP_DigestInit_ex(c, EVP_sha256(), NULL) != 1 ?
	    -ENOMEM : 0;

	while (r == 0 && (n = pread(fd, buf, READ, at)) > 0) {
		EVP_DigestUpdate(c, buf, (size_t)n);
		at += n;
	}
	if (r == 0 && n < 0)
		r = -errno;
	if (r == 0 && EVP_DigestFinal_ex(c, md, NULL) == 1)
		for (int i = 0; i < SHA256; i++)
			snprintf(out + 2 * i, 3, "%02x", md[i]);
	EVP_MD_CTX_free(c);
	free(buf);
	return r;
}

/* ---- the stream's bytes */

static int
take_bytes(struct remux *m, enum remux_phase phase, int fd, uint64_t from, uint64_t to)
{
	uint8_t *buf = malloc(READ);
	int r = buf == NULL ? -ENOMEM : 0;

	while (r == 0 && from < to) {
		size_t want = to - from < READ ? (size_t)(to - from) : READ;
		ssize_t n = pread(fd, buf, want, (off_t)from);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			r = n < 0 ? -errno : 0;
			break;
		}
		from += (uint64_t)n;
		r = remux_take(m, phase, buf, (size_t)n);
	}
	free(buf);
	return r;
}

/* How much of the piece before a cut is read; the same whoever asks. */
static uint64_t
tail_of(const struct piece *p)
{
	uint64_t n = BEFORE_MOST / 4;

	if (p->duration_ns > 0)
		n = (uint64_t)rescale_near((int64_t)p->held, BEFORE_NS, p->duration_ns);
	n = n < BEFORE_LEAST ? BEFORE_LEAST : n > BEFORE_MOST ? BEFORE_MOST : n;
	n -= n % TS_PACKET;
	return n < p->held ? n : p->held;
}

static int
take_before(struct remux *m, struct spool *s, const struct piece *p)
{
	struct piece before;
	int fd, r;

	if (!spool_before(s, p->number, &before))
		return 0;
	fd = spool_file(s, before.number);
	if (fd < 0)
		return 0;
	r = take_bytes(m, REMUX_BEFORE, fd, before.held - tail_of(&before), before.held);
	close(fd);
	return r < 0 ? r : 1;
}

/* As it comes, until the piece has all that belongs to it. */
static int
take_after(struct form *f, struct remux *m, struct spool *s, const struct piece *p)
{
	struct piece next;
	uint64_t at = 0;
	bool growing;
	int fd = -1, r, there;

	for (r = 0; r == 0 && !remux_full(m) && at < AFTER_MOST;) {
		there = spool_after(s, p->number, &next, &growing);
		if (there < 0 || (there == 1 && fd >= 0 && at >= next.held && !growing))
			break;
		if (there == 1 && fd < 0) {
			fd = spool_file(s, next.number);
			at = next.copied;
		}
		if (there == 1 && fd < 0)
			break;
		if (there == 1 && at < next.held) {
			uint64_t to = next.held - at < READ ? next.held : at + READ;

			r = take_bytes(m, REMUX_AFTER, fd, at, to);
			at = to;
		} else if (atomic_load(f->stop)) {
			r = -ECANCELED;
		} else {
			spool_wait(s, clk_mono_ns() + WAIT);
		}
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* Where the piece ends: where the next one begins. */
static int
find_end(struct form *f, struct spool *s, const struct piece *p, struct remux_cut *end)
{
	struct piece next;
	bool growing;
	int there;

	while ((there = spool_after(s, p->number, &next, &growing)) == 0) {
		if (atomic_load(f->stop))
			return -ECANCELED;
		spool_wait(s, clk_mono_ns() + WAIT);
	}
	if (there == 1)
		*end = (struct remux_cut){ .known = true, .forced = next.forced,
		    .time = next.pts };
	return 0;
}

/* Packets of the tables in p[0..len): PAT, and the PMTs that it says. */
static int
find_tables(const uint8_t *p, size_t len, uint8_t *out, size_t size)
{
	struct tsdemux d;
	struct tsdemux_event ev;
	struct ts_sync sync;
	struct ts_packet pkt;
	size_t used, at = 0, n = 0;
	int r = tsdemux_init(&d), got;

	if (r < 0)
		return r;
	while (tsdemux_next(&d, p + at, len - at, &used, &ev) > 0)
		at += used;
	ts_sync_init(&sync);
	for (at = 0; (got = ts_sync_next(&sync, p + at, len - at, &used, &pkt)) != 0;
	    at += used) {
		bool table = got > 0 && pkt.pid == 0;

		for (unsigned i = 0; i < d.nprogram && got > 0; i++)
			table |= d.program[i].pmt_pid == pkt.pid;
		if (table && size - n >= TS_PACKET) {
			memcpy(out + n, pkt.data, TS_PACKET);
			n += TS_PACKET;
		}
	}
	tsdemux_free(&d);
	return (int)n;
}

/* What nothing comes before may begin ahead of its tables. */
static int
take_tables(struct remux *m, int fd)
{
	uint8_t *p = malloc(READ), *tables = malloc(TABLES);
	ssize_t n = p == NULL || tables == NULL ? 0 : pread(fd, p, READ, 0);
	int r = n > 0 ? find_tables(p, (size_t)n, tables, TABLES) : 0;

	if (r > 0)
		r = remux_take(m, REMUX_PIECE, tables, (size_t)r);
	free(tables);
	free(p);
	return r;
}

static int
read_piece(struct form *f, struct remux *m, struct spool *s, const struct piece *p)
{
	int fd = spool_file(s, p->number), before, r;

	if (fd < 0)
		return fd;
	before = take_before(m, s, p);
	m->config.begin.open = before == 0 && p->form == PIECE_MP4;
	r = before == 0 ? take_tables(m, fd) : before < 0 ? before : 0;
	if (r == 0)
		r = take_bytes(m, REMUX_PIECE, fd, before > 0 ? p->copied : 0, p->held);
	close(fd);
	if (r == 0 && m->config.end.known)
		r = take_after(f, m, s, p);
	if (r == 0)
		r = remux_end(m, !m->config.end.known || !remux_full(m));
	return r;
}

/* ---- the files made of them */

static int
put_file(struct form *f, const struct remux *m, struct spool *s, const struct piece *p,
    const struct assemble_file *a)
{
	struct piece_file *out = &f->file[f->n];
	struct stat st = { .st_size = 0 };
	char name[64];
	int fd, r;

	form_path(p->number, a->tag, name);
	fd = openat(s->dir, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	*out = (struct piece_file){ .bytes = 0 };
	memcpy(out->tag, a->tag, sizeof(out->tag));
	f->content_type[f->n++] = a->content_type;
	r = assemble_put(m, p->form == PIECE_CMAF, a, p->timed ? p->utc_ns : 0, fd);
	if (r == 0 && (fdatasync(fd) < 0 || fstat(fd, &st) < 0))
		r = -errno;
	out->bytes = (uint64_t)st.st_size;
	if (r == 0)
		r = form_checksum(fd, out->sha256);
	close(fd);
	return r;
}

void
form_remove(struct form *f, struct spool *s, uint64_t number)
{
	char name[64];

	for (unsigned i = 0; i < f->n; i++) {
		form_path(number, f->file[i].tag, name);
		unlinkat(s->dir, name, 0);
	}
	f->n = 0;
}

static int
put_files(struct form *f, const struct remux *m, struct spool *s, struct piece *p)
{
	struct assemble_file *a = NULL;
	int n = assemble_plan(m, p->form == PIECE_CMAF, &a), r = n < 0 ? n : 0;

	f->n = 0;
	for (int i = 0; i < n && r == 0; i++)
		r = put_file(f, m, s, p, &a[i]);
	free(a);
	if (r == 0 && n == 0)
		r = -ENODATA;
	if (r < 0) {
		form_remove(f, s, p->number);
		return r;
	}
	p->bytes = 0;
	for (unsigned i = 0; i < f->n; i++)
		p->bytes += f->file[i].bytes;
	p->nfile = f->n > 1 || f->file[0].tag[0] != '\0' ? f->n : 0;
	p->file = p->nfile > 0 ? f->file : NULL;
	if (p->nfile == 0)
		memcpy(p->sha256, f->file[0].sha256, sizeof(p->sha256));
	else
		p->sha256[0] = '\0';
	return 0;
}

int
form_make(struct form *f, struct spool *s, struct piece *p)
{
	struct remux_config c = {
		.program = f->program, .dir = s->dir, .begin = { .known = p->timed,
		    .forced = p->forced, .time = p->pts },
		.t = p->timed ? p->t : rescale_near(p->utc_ns, CLK_90K, CLK_SECOND),
		.not_before_0 = p->form == PIECE_CMAF, .torn = p->recovered,
	};
	struct remux *m = malloc(sizeof(*m));
	int r = m == NULL ? -ENOMEM : find_end(f, s, p, &c.end);

	if (r < 0) {
		free(m);
		return r;
	}
	r = remux_init(m, &c);
	if (r == 0)
		r = read_piece(f, m, s, p);
	if (r == 0 && m->left_video)	/* nobody wants the sound alone */
		r = -ENODATA;
	if (r == 0 && m->left_out > 0 && !f->told_left) {
		log_warn(0, "%" PRIu64 " streams are left out of the files, %s for instance: "
		    "--format ts keeps all", m->left_out, codec_name(m->left_codec));
		f->told_left = true;
	}
	if (r == 0 && m->left_programs > 0 && !f->told_programs)
		log_warn(0, "%u programs are left out, which have a clock of their own: say "
		    "--program, or --format ts", m->left_programs);
	f->told_programs |= m->left_programs > 0;
	if (r == 0 && m->left_cues > 0)
		log_warn(0, "%" PRIu64 " cues of piece %" PRIu64 " are left out, those after %u: "
		    "--format ts keeps all", m->left_cues, p->number, REMUX_CUES);
	if (r == 0)
		r = put_files(f, m, s, p);
	remux_free(m);
	free(m);
	return r;
}
