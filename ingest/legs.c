/*
 * legs.c - SRT, RIST, and RTP with FEC: a leg (lib/leg/leg.h) as a source.
 *
 * What has RTP numbers goes through the order of merge.h, which FEC repairs; what has
 * none comes as it is.  A connection that begins anew is a break.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/filewatch.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "lib/leg/address.h"
#include "lib/leg/leg.h"
#include "lib/leg/merge.h"
#include "lib/leg/repair.h"
#include "lib/leg/srtsock.h"

#define REORDER		(100 * CLK_SECOND / 1000)
#define MEMORY		(256u << 20)
#define LOOK		(CLK_SECOND / 2)	/* between looks, though nothing comes */

struct legs {
	struct source s;
	struct leg leg;
	struct leg_batch *batch;
	struct packet_pool pool;
	struct leg_taker taker;
	struct merge order;
	struct repair *repair;		/* or NULL: no FEC */
	struct packet *first, **tail;	/* without RTP, in order */
	struct packet *lent;		/* what the last event points to */
	struct packet *held;		/* of a new stream: the break comes before it */
	bool	 any, more;
	uint64_t bare_lost;		/* of those, before one that came */
	uint64_t begun, breaks;		/* connections that have brought something */
	char	*grants;		/* of a listener of SRT, or NULL */
	struct filewatch watch;
};

/* ---- what the leg gives */

static void
on_packet(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct legs *s = arg;

	(void)l;
	if (pkt->has_rtp) {
		merge_push(&s->order, 0, pkt, at_ns);
		return;
	}
	s->bare_lost += pkt->missing;
	pkt->next = NULL;
	*s->tail = pkt;
	s->tail = &pkt->next;
}

static void
on_fec(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct legs *s = arg;

	(void)l;
	repair_take(s->repair, 0, pkt, at_ns);
}

/* What goes out next, or NULL. */
static struct packet *
next_packet(struct legs *s, int64_t now_ns, bool *restarted)
{
	struct packet *pkt = s->first;

	*restarted = false;
	if (pkt != NULL) {
		s->first = pkt->next;
		if (s->first == NULL)
			s->tail = &s->first;
		*restarted = s->begun != s->leg.begun;
		s->begun = s->leg.begun;
	} else if ((pkt = merge_pop(&s->order, now_ns)) != NULL) {
		*restarted = s->order.restarted;
	}
	*restarted &= s->any;
	s->any |= pkt != NULL;
	return pkt;
}

static void
give_back(struct legs *s)
{
	if (s->lent != NULL)
		packet_unref(s->lent);
	s->lent = NULL;
}

/* False: there is nothing now. */
static bool
give(struct legs *s, struct source_event *ev)
{
	int64_t now_ns = clk_mono_ns();
	struct packet *pkt = s->held;
	bool restarted = false;

	s->held = NULL;
	if (pkt == NULL && (pkt = next_packet(s, now_ns, &restarted)) == NULL)
		return false;
	if (restarted) {
		s->held = pkt;
		s->breaks++;
		log_info("'%s' has started anew", s->s.name);
		ev->what = SOURCE_BREAK;
		ev->more = true;
		return true;
	}
	s->lent = pkt;
	ev->what = SOURCE_BYTES;
	ev->data = pkt->data;
	ev->len = pkt->len;
	ev->utc_ns = clk_utc_ns() - (now_ns - pkt->arrival_ns);
	ev->more = s->first != NULL;
	return true;
}

/* Who may call may change while we run. */
static void
look_at_grants(struct legs *s, int64_t now_ns)
{
	char why[UDP_WHY];

	if (s->grants == NULL || !filewatch_changed(&s->watch, now_ns))
		return;
	filewatch_read(&s->watch, s->grants);
	if (leg_reload(&s->leg, why) < 0)
		log_warn(0, "'%s' is not used, and what it said before holds: %s",
		    s->grants, why);
	else
		log_info("'%s' is read again", s->grants);
}

static void
wait_for_leg(struct legs *s, int64_t deadline_ns)
{
	int64_t now_ns = clk_mono_ns(), order_ns = merge_deadline(&s->order);
	struct pollfd pfd = { .fd = s->leg.fd, .events = POLLIN };

	if (order_ns < deadline_ns)
		deadline_ns = order_ns;
	if (now_ns + LOOK < deadline_ns)
		deadline_ns = now_ns + LOOK;
	if (io_wait(&pfd, 1, s->more || deadline_ns <= now_ns ? 0 : deadline_ns - now_ns) > 0)
		s->more = true;
	now_ns = clk_mono_ns();
	leg_look(&s->leg, now_ns);
	look_at_grants(s, now_ns);
	if (s->more)
		s->more = leg_read(&s->leg, s->batch, &s->taker);
	s->s.connected = s->leg.begun > 0 ? s->leg.connected > 0 : s->any;
}

static void
legs_read(struct source *source, struct source_event *ev, int64_t deadline_ns)
{
	struct legs *s = (struct legs *)source;

	give_back(s);
	while (!give(s, ev)) {
		wait_for_leg(s, deadline_ns);
		if (io_stopping() || (s->first == NULL && clk_mono_ns() >= deadline_ns)) {
			give(s, ev);
			return;
		}
	}
}

/* ---- the source */

static int64_t
get_reorder(struct legs *s, struct url *url)
{
	static const struct opt_unit times[] = {
		{ "ms", 1000000 }, { "s", 1000000000 }, { NULL, 0 },
	};
	uint64_t ns = (uint64_t)REORDER;
	const char *text = strcmp(url->scheme, "rtp") == 0 ? url_get(url, "reorder") : NULL;

	if (text != NULL && (opt_scaled(text, times, &ns) < 0 || ns > 10 * (uint64_t)CLK_SECOND))
		fatal(EXIT_USAGE, 0, "'%s': reorder '%s' is not a time such as 100ms",
		    s->s.name, text);
	return (int64_t)ns;
}

static void
set_up_order(struct legs *s, int64_t reorder_ns)
{
	bool fec = s->leg.has_fec;

	/* Behind a gap FEC may come late: then all waits, for an even pace. */
	if (merge_init(&s->order, s->leg.in_order ? 0 : reorder_ns, !fec) < 0 ||
	    (fec && repair_new(&s->repair, &s->order, &s->pool, true) < 0))
		fatal(EXIT_RUNTIME, ENOMEM, "cannot receive from '%s'", s->s.name);
	s->order.nleg = 1;
	s->taker = (struct leg_taker){ .take = on_packet, .fec = on_fec, .arg = s,
	    .pool = &s->pool, .raw = fec };
}

static void
watch_grants(struct legs *s, struct url *url)
{
	const char *path = strcmp(url->scheme, "srt") == 0 ? url_get(url, "grants-file") : NULL;

	if (path == NULL)
		return;
	if ((s->grants = strdup(path)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	filewatch_read(&s->watch, s->grants);
}

struct source *
legs_open(const struct source_config *cfg, struct url *url)
{
	struct legs *s = calloc(1, sizeof(*s));
	char why[UDP_WHY];
	int64_t reorder_ns;
	int r;

	if (cfg->realtime)
		fatal(EXIT_USAGE, 0, "--realtime is for files and pipes: '%s' has a pace "
		    "of its own", cfg->name);
	if (s == NULL || (s->batch = leg_batch_new()) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	s->s = (struct source){ .type = &source_legs, .name = cfg->name, .live = true };
	s->tail = &s->first;
	reorder_ns = get_reorder(s, url);
	packet_pool_init(&s->pool, MEMORY);
	watch_grants(s, url);
	if ((r = leg_open_url(&s->leg, cfg->name, url, why)) < 0)
		fatal(r == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, address_errno(r, why),
		    "'%s': %s", cfg->name, why);
	set_up_order(s, reorder_ns);
	return &s->s;
}

static void
legs_stats(const struct source *source, json_t *o)
{
	const struct legs *s = (const struct legs *)source;
	const struct leg *l = &s->leg;
	const struct merge_leg *m = &s->order.leg[0];
	struct numbers all = { .n = 0 };
	const struct {
		const char *key;
		uint64_t value;
	} list[] = {
		{ "datagrams", l->datagrams },
		{ "datagrams_junk", l->junk },
		{ "datagrams_foreign", l->foreign },
		{ "datagrams_truncated", l->truncated },
		{ "datagrams_no_room", l->no_room + l->fec_no_room },
		{ "rtp_packets", m->received },
		{ "rtp_bad_type", l->bad_type },
		{ "rtp_reordered", m->reordered },
		{ "rtp_duplicates", m->duplicate },
		{ "rtp_late", m->late },
		{ "rtp_restarts", s->order.restarts },
		{ "source_breaks", s->breaks },
		{ "source_not_recovered_packets", s->order.lost + s->bare_lost },
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		json_object_set_new(o, list[i].key, json_integer((json_int_t)list[i].value));
	leg_numbers(l, &all);
	if (s->repair != NULL)
		repair_numbers(s->repair, 0, &all);
	for (unsigned i = 0; i < all.n; i++)
		json_object_set_new(o, all.list[i].name,
		    json_integer((json_int_t)all.list[i].value));
}

static void
legs_close(struct source *source)
{
	struct legs *s = (struct legs *)source;
	struct packet *pkt;

	give_back(s);
	if (s->held != NULL)
		packet_unref(s->held);
	while ((pkt = s->first) != NULL) {
		s->first = pkt->next;
		packet_unref(pkt);
	}
	repair_free(s->repair);
	merge_free(&s->order);
	leg_free(&s->leg);
	srtsock_end();
	packet_pool_free(&s->pool);
	leg_batch_free(s->batch);
	free(s->grants);
	free(s);
}

const struct source_type source_legs = {
	.schemes = "srt rist",
	.open = legs_open, .read = legs_read, .stats = legs_stats, .close = legs_close,
};
