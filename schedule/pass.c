#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "schedule/pass.h"

static void
drop(void *arg)
{
	pass_drop(arg);
}

static void
put(void *arg, const uint8_t *packets, size_t len)
{
	pass_put(arg, packets, len);
}

void
pass_init(struct pass *p, const char *stats,
    void (*packet)(void *arg, const struct ts_packet *pkt, bool damaged),
    void (*count)(void *arg, json_t *o), void *arg)
{
	int r;

	p->packet = packet;
	p->count = count;
	p->arg = arg;
	p->sink = (struct rewrite_sink){ .drop = drop, .put = put, .arg = p };
	ts_sync_init(&p->sync);
	if ((r = stats_open(&p->stats, stats)) < 0)
		fatal(EXIT_USAGE, -r, "--stats: cannot open '%s'", stats);
	if (p->stats.fd == STDOUT_FILENO)
		fatal(EXIT_USAGE, 0, "--stats '%s' is where the stream goes", stats);
}

/* ---- out */

static void
write_all(struct pass *p, const uint8_t *from, size_t len)
{
	int r;

	if (len == 0)
		return;
	if ((r = io_write(STDOUT_FILENO, from, len)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write standard output");
	p->written += len / TS_PACKET;
}

void
pass_flush(struct pass *p)
{
	write_all(p, p->in + p->run, p->end - p->run);
	if (p->now != NULL)
		write_all(p, p->now, TS_PACKET);
	write_all(p, p->extra, p->fill);
	p->now = NULL;
	p->fill = 0;
	p->run = p->end;
}

void
pass_drop(struct pass *p)
{
	p->now = NULL;
}

void
pass_put(struct pass *p, const uint8_t *packets, size_t len)
{
	for (size_t n; len > 0; packets += n, len -= n) {
		if (p->fill == sizeof(p->extra))
			pass_flush(p);
		n = sizeof(p->extra) - p->fill < len ? sizeof(p->extra) - p->fill : len;
		memcpy(p->extra + p->fill, packets, n);
		p->fill += n;
	}
}

/* What is to be written goes on at in[pos]. */
static void
run_on(struct pass *p, size_t pos)
{
	if (p->end == pos)
		return;
	pass_flush(p);
	p->run = p->end = pos;
}

/* packet() has had it: it joins those before it, which may leave a gap. */
static void
settle(struct pass *p)
{
	if (p->now != NULL && p->run == p->end)
		p->run = p->end = (size_t)(p->now - p->in);
	if (p->now != NULL && p->now != p->in + p->end)
		memmove(p->in + p->end, p->now, TS_PACKET);
	if (p->now != NULL)
		p->end += TS_PACKET;
	p->now = NULL;
	if (p->fill > 0)
		pass_flush(p);
}

/* ---- in */

static bool
wanted(const struct pass *p, const uint8_t *d)
{
	uint8_t look = p->look[(d[1] & 0x1f) << 8 | d[2]];

	if (look == 0)
		return false;
	return (look & PASS_ALL) != 0 || ((look & PASS_START) != 0 && (d[1] & 0x40) != 0) ||
	    ((look & PASS_CLOCK) != 0 && (d[3] & 0x20) != 0 && d[4] > 0 &&
	    (d[5] & 0x12) != 0);
}

/* Over packets that nobody wants, from in[pos]. */
static size_t
pass_over(struct pass *p, size_t pos)
{
	size_t at = pos;

	if (!p->sync.locked || p->sync.stride != TS_PACKET)
		return pos;
	while (p->len - at >= TS_PACKET && p->in[at] == TS_SYNC && !wanted(p, p->in + at))
		at += TS_PACKET;
	if (at == pos)
		return pos;
	run_on(p, pos);
	p->end = at;
	p->sync.packets += (at - pos) / TS_PACKET;
	return at;
}

static void
pass_packets(struct pass *p)
{
	struct ts_packet pkt;
	size_t pos = 0, used;
	int r;

	p->run = p->end = 0;
	for (;;) {
		pos = pass_over(p, pos);
		r = ts_sync_next(&p->sync, p->in + pos, p->len - pos, &used, &pkt);
		pos += used;
		if (r == 0)
			break;
		p->now = pkt.data;
		if (r < 0 || wanted(p, pkt.data))
			p->packet(p->arg, &pkt, r < 0);
		settle(p);
	}
	pass_flush(p);
	p->len -= pos;
	memmove(p->in, p->in + pos, p->len);
	p->run = p->end = 0;
}

/* ---- what it says while it runs */

static void
report(struct pass *p)
{
	json_t *o = json_object();

	json_object_set_new(o, "packets", json_integer((json_int_t)p->sync.packets));
	json_object_set_new(o, "output_packets", json_integer((json_int_t)p->written));
	json_object_set_new(o, "bad_packets", json_integer((json_int_t)p->sync.bad));
	json_object_set_new(o, "sync_losses", json_integer((json_int_t)p->sync.sync_losses));
	p->count(p->arg, o);
	stats_write(&p->stats, o);
}

bool
pass_read(struct pass *p)
{
	ssize_t n = io_read(STDIN_FILENO, p->in + p->len, sizeof(p->in) - p->len);
	size_t at;

	if (n < 0 && n != -EINTR)
		fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
	p->sync.eof = n <= 0;
	p->len += n > 0 ? (size_t)n : 0;
	p->probed = p->probed || ts_probe(p->in, p->len, p->sync.eof, &at, &p->sync.stride);
	if (p->probed)
		pass_packets(p);
	else if (p->len == sizeof(p->in) || p->sync.eof)
		fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	if (stats_due(&p->stats))
		report(p);
	log_status("%" PRIu64 " packets", p->sync.packets);
	return !p->sync.eof;
}

void
pass_end(struct pass *p)
{
	pass_flush(p);
	if (p->stats.fd >= 0)
		report(p);
}
