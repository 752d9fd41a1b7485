/*
 * udp.c - transport streams in datagrams: tsudp.h as a source.
 */
#include <errno.h>
#include <stdlib.h>

#include "ingest/source.h"
#include "lib/base/log.h"
#include "lib/net/tsudp.h"

struct udp {
	struct source s;
	struct tsudp *t;
};

static void
warn(struct udp *u)
{
	char text[UDP_WHY];

	if (tsudp_warning(u->t, text))
		log_warn(0, "'%s': %s", u->s.name, text);
}

static struct source *
udp_open(const struct source_config *cfg, struct url *url)
{
	struct udp *u;
	char why[UDP_WHY];
	int err;

	if (url_get(url, "fec") != NULL)
		return legs_open(cfg, url);
	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	u = calloc(1, sizeof(*u));
	if (u == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	u->s = (struct source){ .name = cfg->name, .live = true };
	u->t = tsudp_open(url, &err, why);
	if (u->t == NULL)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, err == -EINVAL ? 0 : -err,
		    "'%s': %s", cfg->name, why);
	warn(u);
	return &u->s;
}

static void
udp_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct udp *u = (struct udp *)s;
	int r = tsudp_read(u->t, deadline_ns);

	warn(u);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot receive from '%s'", s->name);
	if (r == TSUDP_BYTES) {
		s->connected = true;
		ev->what = SOURCE_BYTES;
		ev->data = u->t->data;
		ev->len = u->t->len;
		ev->utc_ns = u->t->utc_ns;
	} else if (r == TSUDP_RESTART) {
		log_info("'%s' has started anew", s->name);
		ev->what = SOURCE_BREAK;
	}
	if (r != TSUDP_NOTHING)
		ev->more = u->t->more;
}

static void
udp_stats(const struct source *s, json_t *o)
{
	const struct tsudp *t = ((const struct udp *)s)->t;
	const struct {
		const char *key;
		uint64_t value;
	} list[] = {
		{ "datagrams", t->datagrams },
		{ "source_dropped_packets", t->in.kernel_drops },
		{ "datagrams_junk", t->junk },
		{ "datagrams_foreign", t->foreign },
		{ "datagrams_truncated", t->truncated },
		{ "rtp_packets", t->rtp },
		{ "rtp_bad_type", t->bad_type },
		{ "rtp_reordered", t->order.reordered },
		{ "rtp_duplicates", t->order.duplicates },
		{ "rtp_late", t->order.late },
		{ "source_not_recovered_packets", t->order.lost },
		{ "rtp_restarts", t->order.restarts },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].key, json_integer((json_int_t)list[i].value));
}

static void
udp_close(struct source *s)
{
	tsudp_close(((struct udp *)s)->t);
	free(s);
}

const struct source_type source_udp = {
	.schemes = "udp rtp",
	.open = udp_open, .read = udp_read, .stats = udp_stats, .close = udp_close,
};
