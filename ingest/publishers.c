#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "ingest/fifo.h"
#include "ingest/publishers.h"
#include "ingest/pubkeys.h"
#include "ingest/rtmpd.h"
#include "ingest/rtmpstats.h"
#include "ingest/unitgate.h"
#include "ingest/units.h"
#include "lib/base/clk.h"
#include "lib/base/filewatch.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/base/url.h"
#include "lib/net/rtmp.h"
#include "lib/net/tls.h"

#define TURN		(CLK_SECOND / 10)
#define DRAIN		(3 * CLK_SECOND)
#define LAST_BYTES	(2 * CLK_SECOND)	/* for readers, at the end */
#define MEMORY		(UINT64_C(512) << 20)	/* of all pipes */
#define NPOLL		(RTMPD_LISTEN + RTMPD_CONNS + PUBKEYS_MAX)

struct pub {
	struct rtmpd_slot slot;		/* first: a slot is its pub */
	bool	 listed;		/* in the file, as it was read last */
	struct fifo fifo;
	struct unitgate gate;
	struct out out;
	struct units *units;
	unsigned place;			/* in the set of the last poll */
	bool	 reader;		/* units go into the pipe */
	bool	 midway;		/* a unit of this publication has been */
	uint64_t unread;		/* units that had no reader */
	uint64_t stats_bytes;
	int64_t	 stats_ns;
};

struct publishers {
	const struct publishers_config *cfg;
	struct rtmpd *server;
	struct tls *tls;
	struct budget memory;
	struct stats stats;
	unsigned npub;
	struct pub *pub[PUBKEYS_MAX];
	struct filewatch watch;		/* of the file of keys */
	struct pollfd pfd[NPOLL];
};

/* ---- from publishers to pipes */

static void
put_bytes(void *arg, const uint8_t *p, size_t len)
{
	struct pub *b = arg;

	fifo_put(&b->fifo, p, len);
}

static void
take_streams(struct pub *b, const struct source_event *ev)
{
	const struct units_config cfg = {
		.name = b->slot.name, .live = true, .announce = true,
	};

	unitgate_streams(&b->gate, ev);
	if (b->units == NULL)
		b->units = units_new(&cfg, &b->out);
	units_streams(b->units, ev);
}

static void
take_unit(struct pub *b, const struct source_event *ev)
{
	bool came, begins, fresh, midway = b->midway;

	b->midway = true;
	if (!fifo_ready(&b->fifo, &came)) {
		b->reader = false;
		b->unread++;
		return;
	}
	fresh = came || !b->reader;
	if (fresh)			/* as after a gap; all there is, at the start */
		b->gate.shut = midway;
	b->reader = true;
	if (!unitgate_pass(&b->gate, ev, fifo_full(&b->fifo), fifo_roomy(&b->fifo), &begins))
		return;
	if (begins || fresh)
		units_again(b->units);
	units_unit(b->units, ev);
	fifo_run(&b->fifo);
}

static void
on_event(void *arg, struct rtmpd_slot *slot, const struct source_event *ev)
{
	struct pub *b = (struct pub *)slot;

	(void)arg;
	switch (ev->what) {
	case SOURCE_BREAK:
		b->midway = false;
		if (b->units != NULL)
			units_break(b->units);
		break;
	case SOURCE_STREAMS:
		take_streams(b, ev);
		break;
	case SOURCE_UNIT:
		if (b->units != NULL)
			take_unit(b, ev);
		break;
	default:
		break;
	}
}

/* As long for every key that there is, and for any that there is not. */
static struct rtmpd_slot *
find(void *arg, const uint8_t digest[static RTMPD_DIGEST])
{
	struct publishers *p = arg;
	struct rtmpd_slot *found = NULL;

	for (unsigned i = 0; i < p->npub; i++)
		if (CRYPTO_memcmp(p->pub[i]->slot.digest, digest, RTMPD_DIGEST) == 0)
			found = &p->pub[i]->slot;
	return found;
}

/* ---- keys */

static struct pub *
named(struct publishers *p, const char *name)
{
	for (unsigned i = 0; i < p->npub; i++)
		if (strcmp(p->pub[i]->slot.name, name) == 0)
			return p->pub[i];
	return NULL;
}

static void
free_pub(struct pub *b)
{
	units_free(b->units);
	fifo_close(&b->fifo);
	free(b);
}

static int
add_pub(struct publishers *p, const struct pubkey *key)
{
	struct pub *b = calloc(1, sizeof(*b));
	int r;

	if (b == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	r = fifo_init(&b->fifo, p->cfg->fifo_dir, key->name, key->is_socket, &p->memory);
	if (r < 0) {
		free(b);
		return r;
	}
	memcpy(b->slot.name, key->name, sizeof(key->name));
	memcpy(b->slot.digest, key->digest, sizeof(key->digest));
	b->slot.takeover = key->takeover;
	b->out.write = put_bytes;
	b->out.write_arg = b;
	b->stats_ns = clk_mono_ns();
	b->listed = true;
	p->pub[p->npub++] = b;
	return 0;
}

/* What is no longer there ends; a name with another key keeps its pipe. */
static void
apply(struct publishers *p, const struct pubkeys *keys, bool first)
{
	for (unsigned i = 0; i < p->npub; i++)
		p->pub[i]->listed = false;
	for (unsigned i = 0; i < keys->n; i++) {
		struct pub *b = named(p, keys->key[i].name);

		if (b == NULL || (b->fifo.listener.fd >= 0) != keys->key[i].is_socket)
			continue;
		if (memcmp(b->slot.digest, keys->key[i].digest, RTMPD_DIGEST) != 0)
			rtmpd_revoke(p->server, &b->slot);
		memcpy(b->slot.digest, keys->key[i].digest, RTMPD_DIGEST);
		b->slot.takeover = keys->key[i].takeover;
		b->listed = true;
	}
	for (unsigned i = 0; i < p->npub;) {
		struct pub *b = p->pub[i];

		if (b->listed) {
			i++;
			continue;
		}
		rtmpd_revoke(p->server, &b->slot);
		fifo_run(&b->fifo);
		free_pub(b);
		p->pub[i] = p->pub[--p->npub];
	}
	for (unsigned i = 0; i < keys->n; i++) {
		const struct pubkey *key = &keys->key[i];
		int r = named(p, key->name) != NULL ? 0 : add_pub(p, key);
		const char *no = key->is_socket ? "is no socket" : "is no named pipe";
		char path[PATH_MAX + RTMPD_NAME];

		snprintf(path, sizeof(path), "%s/%s", p->cfg->fifo_dir, key->name);
		if (r == -EEXIST && first)
			fatal(EXIT_RUNTIME, 0, "'%s' %s", path, no);
		else if (r == -EEXIST)
			log_warn(0, "'%s' %s: it has to be removed first", path, no);
		else if (r < 0 && first)
			fatal(EXIT_RUNTIME, -r, "cannot make '%s'", path);
		else if (r < 0)
			log_warn(-r, "cannot make '%s'", path);
	}
}

static void
read_keys(struct publishers *p, bool first)
{
	struct pubkeys *keys = malloc(sizeof(*keys));
	char why[WHY_ROOM];
	int r;

	if (keys == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	filewatch_read(&p->watch, p->cfg->keys);
	r = pubkeys_read(keys, p->cfg->keys, why);
	if (r < 0 && first)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, 0, "cannot use '%s': %s",
		    p->cfg->keys, why);
	if (r < 0)
		log_warn(0, "'%s' is not used, and what it said before holds: %s",
		    p->cfg->keys, why);
	else
		apply(p, keys, first);
	if (r == 0 && !first)
		log_info("'%s' is read again: %u keys", p->cfg->keys, keys->n);
	free(keys);
}

static void
look_at_keys(struct publishers *p)
{
	if (io_reload_asked()) {
		char why[TLS_WHY];

		read_keys(p, false);
		if (p->tls != NULL && tls_reload(p->tls, why) < 0)
			log_warn(0, "%s: that from before stays", why);
		return;
	}
	if (filewatch_changed(&p->watch, clk_mono_ns()))
		read_keys(p, false);
}

/* ---- numbers */

static void
write_pub(struct publishers *p, struct pub *b)
{
	int64_t now = clk_mono_ns(), ns = now - b->stats_ns;
	json_t *o = json_object();

	json_object_set_new(o, "publisher", json_string(b->slot.name));
	json_object_set_new(o, "source_connected", json_integer(b->slot.owner != NULL));
	json_object_set_new(o, "source_disconnections",
	    json_integer((json_int_t)b->slot.ended));
	json_object_set_new(o, "source_bit_rate", json_integer(ns <= 0 ? 0 :
	    rescale_near((int64_t)(b->slot.bytes - b->stats_bytes) * 8, CLK_SECOND, ns)));
	json_object_set_new(o, "source_bytes", json_integer((json_int_t)b->slot.bytes));
	json_object_set_new(o, "output_packets", json_integer((json_int_t)b->out.packets));
	json_object_set_new(o, "media_ms", json_integer(b->units != NULL ?
	    units_media(b->units) / 90 : 0));
	json_object_set_new(o, "reader_connected", json_integer(b->fifo.fd >= 0));
	json_object_set_new(o, "reader_waiting_bytes",
	    json_integer((json_int_t)fifo_waiting(&b->fifo)));
	json_object_set_new(o, "reader_stalls", json_integer((json_int_t)b->gate.gaps));
	json_object_set_new(o, "reader_dropped_units",
	    json_integer((json_int_t)b->gate.dropped));
	json_object_set_new(o, "unread_units", json_integer((json_int_t)b->unread));
	if (b->units != NULL)
		units_stats(b->units, o);
	rtmpstats_slot(o, &b->slot);
	b->stats_ns = now;
	b->stats_bytes = b->slot.bytes;
	stats_write(&p->stats, o);
}

static void
write_stats(struct publishers *p)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < p->npub; i++)
		write_pub(p, p->pub[i]);
	json_object_set_new(o, "source", json_string(p->cfg->listen[0]));
	json_object_set_new(o, "publishers",
	    json_integer(rtmpd_counts(p->server)->publishers));
	rtmpstats_server(o, rtmpd_counts(p->server));
	stats_write(&p->stats, o);
}

/* ---- the loop */

static void
turn(struct publishers *p)
{
	int64_t now = clk_mono_ns(), deadline = now + TURN;
	unsigned n = 0, from;
	bool came;

	for (unsigned i = 0; i < p->npub; i++) {
		struct fifo *f = &p->pub[i]->fifo;

		/* Who waits in open(2) for us is let in, also when nothing comes yet. */
		if (fifo_ready(f, &came) && came)
			p->pub[i]->reader = false;
		p->pub[i]->place = n;
		if (f->fd >= 0)
			p->pfd[n++] = (struct pollfd){ .fd = f->fd,
			    .events = fifo_waiting(f) > 0 ? POLLOUT : 0 };
	}
	from = n;
	n += rtmpd_prepare(p->server, p->pfd + n, NPOLL - n, &deadline);
	if (io_wait(p->pfd, n, deadline > now ? deadline - now : 0) <= 0)
		for (unsigned i = 0; i < n; i++)
			p->pfd[i].revents = 0;
	rtmpd_act(p->server, p->pfd + from, n - from);
	for (unsigned i = 0; i < p->npub; i++) {
		struct pub *b = p->pub[i];

		if (b->place < from && p->pfd[b->place].fd == b->fifo.fd &&
		    (p->pfd[b->place].revents & (POLLERR | POLLHUP)) != 0)
			fifo_hung_up(&b->fifo);
		fifo_run(&b->fifo);
	}
	if (stats_due(&p->stats))
		write_stats(p);
	log_status("%u publishers, %u connections", rtmpd_counts(p->server)->publishers,
	    rtmpd_counts(p->server)->conns);
}

static bool
waiting(const struct publishers *p)
{
	for (unsigned i = 0; i < p->npub; i++)
		if (fifo_waiting(&p->pub[i]->fifo) > 0)
			return true;
	return false;
}

static void
finish(struct publishers *p)
{
	int64_t until = clk_mono_ns() + DRAIN;
	struct pollfd none;

	rtmpd_drain(p->server, DRAIN);
	/* A stop has been asked for, so io_wait() would not wait. */
	while (rtmpd_counts(p->server)->publishers > 0 && clk_mono_ns() < until) {
		turn(p);
		poll(&none, 0, 5);
	}
	until = clk_mono_ns() + LAST_BYTES;
	while (waiting(p) && clk_mono_ns() < until) {
		for (unsigned i = 0; i < p->npub; i++)
			fifo_run(&p->pub[i]->fifo);
		poll(&none, 0, 5);
	}
}

static void
listen_at(struct publishers *p, const char *text)
{
	static struct url url;
	bool tls;
	int r = url_parse(&url, text);

	if (r < 0 || (strcmp(url.scheme, "rtmp") != 0 && strcmp(url.scheme, "rtmps") != 0))
		fatal(EXIT_USAGE, 0, "--listen '%s' is no rtmp://[address]:port or "
		    "rtmps://...", text);
	if ((*url.path != '\0' && strcmp(url.path, "/") != 0) || url.npair > 0 || url.has_at)
		fatal(EXIT_USAGE, 0, "--listen '%s': apps and keys are in the file of "
		    "--keys", text);
	tls = strcmp(url.scheme, "rtmps") == 0;
	if (tls && p->tls == NULL)
		fatal(EXIT_USAGE, 0, "--listen '%s' needs --cert and --key", text);
	if (url.port == 0)
		url.port = tls ? RTMPS_PORT : RTMP_PORT;
	if ((r = rtmpd_listen(p->server, url.host, url.port, tls)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -r, "cannot listen on '%s'",
		    text);
}

int
publishers_run(const struct publishers_config *cfg)
{
	static struct publishers p;	/* zeroed, and too big for the stack */
	const struct rtmpd_config server = { .arg = &p, .find = find, .event = on_event };
	struct rtmpd_config with_tls = server;
	char why[TLS_WHY];
	struct stat st;
	int r;

	p.cfg = cfg;
	p.memory.limit = MEMORY;
	io_init_server();
	if (stat(cfg->fifo_dir, &st) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot use '%s'", cfg->fifo_dir);
	if (!S_ISDIR(st.st_mode))
		fatal(EXIT_RUNTIME, ENOTDIR, "cannot use '%s'", cfg->fifo_dir);
	if ((r = stats_open(&p.stats, cfg->stats)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -r, "cannot open '%s'",
		    cfg->stats);
	if (cfg->cert != NULL && tls_new(&p.tls, cfg->cert, cfg->key, why) < 0)
		fatal(EXIT_RUNTIME, 0, "%s", why);
	with_tls.tls = p.tls;
	p.server = rtmpd_new(&with_tls);
	read_keys(&p, true);
	for (unsigned i = 0; i < cfg->nlisten; i++)
		listen_at(&p, cfg->listen[i]);
	while (!io_stopping()) {
		turn(&p);
		look_at_keys(&p);
	}
	finish(&p);
	if (p.stats.fd >= 0)
		write_stats(&p);
	rtmpd_free(p.server);
	for (unsigned i = 0; i < p.npub; i++) {
		if (p.pub[i]->units != NULL)
			units_log(p.pub[i]->units);
		free_pub(p.pub[i]);
	}
	tls_free(p.tls);
	return EXIT_SUCCESS;
}
