#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/leg/srtsock.h"
#include "transport/legown.h"
#include "transport/recorder.h"
#include "transport/relay.h"
#include "transport/relaychange.h"
#include "transport/relayclash.h"

#define SLACK_NS	INT64_C(4000000)

#define PATIENCE_NS	(5 * CLK_SECOND)
#define DRAIN_NS	(2 * CLK_SECOND)	/* for what is held, and again for the slow */

/* ---- names */

int
relay_find_leg(const struct relay *r, const char *name)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && strcmp(r->leg[i]->id, name) == 0)
			return (int)i;
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && strcmp(r->leg[i]->text, name) == 0)
			return (int)i;
	return -1;
}

int
relay_find_output(const struct relay *r, const char *name)
{
	for (unsigned i = 0; i < r->noutput; i++)
		if (strcmp(r->output[i]->id, name) == 0)
			return (int)i;
	for (unsigned i = 0; i < r->noutput; i++)
		if (strcmp(r->output[i]->text, name) == 0)
			return (int)i;
	return -1;
}

/* A name for what came without one, or whether the given one is free. */
static bool
name_it(const struct relay *r, char *id, const char *prefix, unsigned *serial,
    int (*find)(const struct relay *, const char *))
{
	if (*id != '\0')
		return find(r, id) < 0;
	do
		snprintf(id, LEG_ID, "%s%u", prefix, ++*serial);
	while (find(r, id) >= 0);
	return true;
}

/* It will stand in JSON. */
static bool
is_text(const char *s, char why[static UDP_WHY])
{
	json_t *o = json_string(s);

	snprintf(why, UDP_WHY, "it is not UTF-8");
	json_decref(o);
	return o != NULL;
}

/* ---- legs */

static int
attach_leg(struct relay *r, struct leg *l, char why[static UDP_WHY])
{
	struct epoll_event ev = { .events = EPOLLIN };
	int n, err;

	if (!is_text(l->id, why) || !is_text(l->text, why))
		return -EINVAL;
	for (unsigned i = 0; i < r->noutput; i++)
		if (relayclash_loop(l, r->output[i])) {
			snprintf(why, UDP_WHY, "'%.100s' sends there", r->output[i]->text);
			return -EINVAL;
		}
	if (!name_it(r, l->id, "i", &r->leg_serial, relay_find_leg)) {
		snprintf(why, UDP_WHY, "there is an input '%s'", l->id);
		return -EEXIST;
	}
	/* Beside what is live a file has a pace of its own. */
	l->paced = l->file && r->config.live;
	if ((n = flow_add_leg(&r->flow, !l->file || l->paced)) < 0) {
		snprintf(why, UDP_WHY, n == -ENOSPC ? "there are %d inputs" :
		    "out of memory", FLOW_LEGS);
		return n;
	}
	if (l->has_fec && (err = flow_expect_fec(&r->flow, (unsigned)n)) < 0) {
		snprintf(why, UDP_WHY, "out of memory");
		flow_remove_leg(&r->flow, (unsigned)n);
		return err;
	}
	ev.data.u64 = relay_tag(RELAY_LEG, (uint32_t)n);
	if (!l->file && l->fd >= 0 && epoll_ctl(r->epoll, EPOLL_CTL_ADD, l->fd, &ev) < 0) {
		if (errno != EPERM) {
			snprintf(why, UDP_WHY, "cannot wait for it");
			err = -errno;
			flow_remove_leg(&r->flow, (unsigned)n);
			return err;
		}
		l->file = true;			/* /dev/zero and its like */
	}
	if (l->in_order)
		flow_leg_in_order(&r->flow, (unsigned)n);
	r->leg[n] = l;
	r->lately[n] = (struct relay_lately){ 0 };
	if (r->recorder != NULL)
		recorder_leg(r->recorder, (unsigned)n, l->id, l->text);
	return n;
}

int
relay_take_leg(struct relay *r, struct leg *l, char why[static UDP_WHY])
{
	int n = attach_leg(r, l, why);

	if (n < 0) {
		leg_free(l);
		free(l);
	}
	return n;
}

int
relay_add_leg(struct relay *r, const char *text, bool from_config,
    struct leg **leg, char why[static UDP_WHY])
{
	struct leg *l = NULL;
	const char *used;
	int n;

	if ((l = malloc(sizeof(*l))) == NULL) {
		snprintf(why, UDP_WHY, "out of memory");
		return -ENOMEM;
	}
	if ((n = leg_open(l, text, legown_open, why)) < 0) {
		free(l);
		return n;
	}
	if ((used = relay_writes(r, l->id_of_file)) != NULL) {
		snprintf(why, UDP_WHY, "it is %s", used);
		leg_free(l);
		free(l);
		return -EINVAL;
	}
	if ((n = relay_take_leg(r, l, why)) < 0)
		return n;
	r->leg_from_config[n] = from_config;
	r->leg_seen[n] = true;
	if (leg != NULL)
		*leg = l;
	return 0;
}

void
relay_remove_leg(struct relay *r, unsigned n)
{
	struct leg *l = r->leg[n];

	if (r->recorder != NULL)
		recorder_gone(r->recorder, n);
	flow_remove_leg(&r->flow, n);
	r->leg[n] = NULL;
	if (l->fd >= 0)			/* standard input stays open */
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, l->fd, NULL);
	if (leg_leave(l)) {
		leg_free(l);
		free(l);
		return;
	}
	l->next = r->leaving_leg;
	r->leaving_leg = l;
}

unsigned
relay_place_of(const struct relay *r, const struct leg *l)
{
	unsigned i = 0;

	while (r->leg[i] != l)
		i++;
	return i;
}

static void
take_packet(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct relay *r = arg;

	unsigned i = relay_place_of(r, l);
	const struct flow_leg *fl = &r->flow.leg[i];
	uint64_t refused = fl->bare_refused;

	flow_take(&r->flow, i, pkt, at_ns);
	if (refused == 0 && fl->bare_refused > 0)
		log_warn(0, "'%s' is not merged: it has no RTP, see --by-content", l->text);
}

static void
take_fec(void *arg, struct leg *l, struct packet *pkt, int64_t at_ns)
{
	struct relay *r = arg;

	flow_take_fec(&r->flow, relay_place_of(r, l), pkt, at_ns);
}

struct leg_taker
relay_taker(struct relay *r)
{
	return (struct leg_taker){ .take = take_packet, .fec = take_fec, .arg = r,
	    .pool = &r->flow.pool, .raw = r->flow.nrepair > 0 };
}

/* ---- files, which are one thing each */

const char *
relay_reads(const struct relay *r, struct file_id file)
{
	if (r->replayed != NULL &&
	    file_id_same(file, file_id_of_address(r->replayed, STDIN_FILENO)))
		return "an input";
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && file_id_same(file, r->leg[i]->id_of_file))
			return "an input";
	return NULL;
}

const char *
relay_writes(const struct relay *r, struct file_id file)
{
	if (r->recorder != NULL && file_id_same(file, recorder_file(r->recorder)))
		return "the recording";
	if (r->stats.fd >= 0 && file_id_same(file, file_id_of_fd(r->stats.fd)))
		return "where the numbers go";
	for (unsigned i = 0; i < r->noutput; i++)
		if (file_id_same(file, r->output[i]->id_of_file))
			return "an output";
	return NULL;
}

/* ---- outputs */

static const struct leg *
looping_leg(const struct relay *r, const struct output *o)
{
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && relayclash_loop(r->leg[i], o))
			return r->leg[i];
	return NULL;
}

int
relay_open_output(struct relay *r, const char *text, struct output **output,
    char why[static UDP_WHY])
{
	const struct leg *looped;
	const char *used;
	struct file_id file;
	struct output *o;
	int err = -ENOMEM;

	if (!is_text(text, why))
		return -EINVAL;
	/* To begin a file anew that is used here would lose it. */
	file = file_id_of_address(text, STDOUT_FILENO);
	if ((used = relay_reads(r, file)) != NULL || (used = relay_writes(r, file)) != NULL) {
		snprintf(why, UDP_WHY, "it is %s", used);
		return -EINVAL;
	}
	snprintf(why, UDP_WHY, "out of memory");
	if ((o = malloc(sizeof(*o))) == NULL)
		return err;
	if ((err = output_open(o, text, &r->flow.fan, why)) < 0) {
		free(o);
		return err;
	}
	if ((looped = looping_leg(r, o)) != NULL) {
		snprintf(why, UDP_WHY, "it would come back by '%.100s'", looped->text);
		output_free(o);
		free(o);
		return -EINVAL;
	}
	*output = o;
	return 0;
}

int
relay_add_output(struct relay *r, const char *text, bool from_config,
    struct output **output, char why[static UDP_WHY])
{
	struct output *o;
	int err = relay_open_output(r, text, &o, why);

	if (err < 0)
		return err;
	if (r->noutput == RELAY_OUTPUTS) {
		snprintf(why, UDP_WHY, "there are %d outputs", RELAY_OUTPUTS);
		err = -ENOSPC;
	} else if (!name_it(r, o->id, "o", &r->output_serial, relay_find_output)) {
		snprintf(why, UDP_WHY, "there is an output '%s'", o->id);
		err = -EEXIST;
	}
	if (err < 0) {
		output_free(o);
		free(o);
		return err;
	}
	o->from_config = from_config;
	o->seen = true;
	r->output[r->noutput++] = o;
	if (output != NULL)
		*output = o;
	return 0;
}

void
relay_retire_output(struct relay *r, struct output *o)
{
	if (output_leave(o)) {
		output_free(o);
		free(o);
		return;
	}
	o->next = r->leaving_output;
	r->leaving_output = o;
}

void
relay_remove_output(struct relay *r, unsigned n)
{
	struct output *o = r->output[n];

	r->noutput--;
	for (; n < r->noutput; n++)
		r->output[n] = r->output[n + 1];
	relay_retire_output(r, o);
}

/* ---- those that take their time to end */

/* all: wait for each. */
static void
reap(struct relay *r, bool all)
{
	struct leg *l, **pl = &r->leaving_leg;
	struct output *o, **po = &r->leaving_output;

	while ((l = *pl) != NULL)
		if (all || leg_leave(l)) {
			*pl = l->next;
			leg_free(l);
			free(l);
		} else {
			pl = &l->next;
		}
	while ((o = *po) != NULL)
		if (all || output_leave(o)) {
			*po = o->next;
			output_free(o);
			free(o);
		} else {
			po = &o->next;
		}
}

void
relay_turn(struct relay *r, int64_t now_ns)
{
	for (unsigned i = r->noutput; i-- > 0;)
		if (r->output[i]->ended)
			relay_remove_output(r, i);
	reap(r, false);
	relaychange_turn(r, now_ns);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			leg_look(r->leg[i], now_ns);
}

/* ---- grants */

int
relay_reload_grants(struct relay *r, char why[static UDP_WHY])
{
	char reason[UDP_WHY];
	int err = 0, one;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL && (one = leg_reload(r->leg[i], reason)) < 0) {
			snprintf(why, UDP_WHY, "'%.60s': %.180s", r->leg[i]->id, reason);
			err = one;
		}
	for (unsigned i = 0; i < r->noutput; i++)
		if ((one = output_reload(r->output[i], reason)) < 0) {
			snprintf(why, UDP_WHY, "'%.60s': %.180s", r->output[i]->id, reason);
			err = one;
		}
	return err;
}

unsigned
relay_revoke(struct relay *r, const char *name, bool *known)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			n += leg_revoke(r->leg[i], name, known);
	for (unsigned i = 0; i < r->noutput; i++)
		n += output_revoke(r->output[i], name, known);
	return n;
}

/* ---- sending */

/* One that cannot take more is waited for, by its descriptor: they move. */
static void
watch(const struct relay *r, struct output *o)
{
	struct epoll_event ev = { .events = EPOLLOUT | EPOLLONESHOT,
	    .data.u64 = relay_tag(RELAY_OUTPUT, (uint32_t)o->fd) };

	if (o->fd < 0)
		return;
	if (epoll_ctl(r->epoll, o->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, o->fd, &ev) == 0)
		o->watched = true;
	else
		o->blocked = false;		/* a plain file is never waited for */
}

void
relay_send(struct relay *r, int64_t now_ns)
{
	struct fan *f = &r->flow.fan;
	uint64_t first = f->due;
	bool exact = false;

	for (unsigned i = 0; i < r->noutput; i++) {
		const struct output *o = r->output[i];

		exact |= !output_tells_time(o);
		if (!o->ended && o->place < first)
			first = o->place;
	}
	r->flow.slack_ns = r->flow.config.slack_ns;
	if (!exact && r->flow.slack_ns < SLACK_NS)
		r->flow.slack_ns = SLACK_NS;
	fan_turn(f, first, now_ns);
	for (unsigned i = 0; i < r->noutput; i++) {
		struct output *o = r->output[i];
		bool was = o->blocked;

		output_send(o, f, now_ns);
		if (o->blocked && !was)
			watch(r, o);
	}
}

/* Legs by their names, besides their numbers. */
static void
name_legs(const struct relay *r, json_t *o)
{
	static const char *const key[][2] = { { "leg", "source" },
	    { "from", "from_source" }, { "to", "to_source" } };

	for (unsigned i = 0; i < 3; i++) {
		const json_t *v = json_object_get(o, key[i][0]);
		json_int_t n = v != NULL ? json_integer_value(v) : -1;

		if (n >= 0 && n < FLOW_LEGS && r->leg[n] != NULL)
			json_object_set_new(o, key[i][1], json_string(r->leg[n]->id));
	}
}

int64_t
relay_drain_until(const struct relay *r, int64_t now_ns)
{
	const struct fan *f = &r->flow.fan;
	int64_t last = f->head > f->due ? fan_at(f, f->head - 1)->due_ns : now_ns;

	return (last > now_ns + DRAIN_NS ? now_ns + DRAIN_NS : last) + DRAIN_NS;
}

/* A replay is faster than who reads its numbers: that is waited for. */
static void
write_waiting(struct relay *r, json_t *o)
{
	int64_t until = clk_mono_ns() + PATIENCE_NS;
	uint64_t before = r->stats.dropped;

	for (;;) {
		stats_write(&r->stats, json_incref(o));
		if (r->stats.dropped == before || clk_mono_ns() > until || io_stopping())
			break;
		r->stats.dropped = before;
		clk_sleep_until(clk_mono_ns() + CLK_SECOND / 1000);
	}
	json_decref(o);
}

void
relay_tell(struct relay *r, json_t *o)
{
	char iso[CLK_ISO];

	if (r->is_replay) {
		clk_iso(r->replay_ns + r->replay_offset_ns, iso);
		json_object_set_new(o, "time", json_string(iso));
		json_object_set_new(o, "uptime_ms",
		    json_integer((r->replay_ns - r->start_ns) / 1000000));
	}
	if (r->is_replay)
		write_waiting(r, o);
	else
		stats_write(&r->stats, o);
}

static void
warn_apart(const json_t *o)
{
	json_int_t behind = json_integer_value(json_object_get(o, "behind_ms"));

	log_warn(0, "'%s' is not merged: it is %d ms %s the others, more than --window %dms",
	    json_string_value(json_object_get(o, "source")), (int)(behind < 0 ? -behind : behind),
	    behind < 0 ? "ahead of" : "behind",
	    (int)json_integer_value(json_object_get(o, "window_ms")));
}

void
relay_event(void *arg, json_t *o)
{
	struct relay *r = arg;
	char *text;

	name_legs(r, o);
	text = json_dumps(o, JSON_COMPACT);
	if (text != NULL)
		log_info("%s", text);
	free(text);
	if (strcmp(json_string_value(json_object_get(o, "event")), "apart") == 0)
		warn_apart(o);
	if (r->stats.fd >= 0)
		relay_tell(r, o);
	else
		json_decref(o);
}

void
relay_free(struct relay *r)
{
	while (r->noutput > 0)
		relay_remove_output(r, r->noutput - 1);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			relay_remove_leg(r, i);
	reap(r, true);
	srtsock_end();
	flow_free(&r->flow);
	leg_batch_free(r->batch);
}
