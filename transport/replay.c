#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"
#include "transport/capturefile.h"
#include "transport/legown.h"
#include "transport/note.h"
#include "transport/replay.h"
#include "transport/replaypick.h"

#define MS		INT64_C(1000000)
#define BACK_NS		(10 * CLK_SECOND)	/* further back: the clock was set */
#define AHEAD_NS	(86400 * CLK_SECOND)
#define SEND_NS		(5 * MS)	/* what is due goes to the outputs that often */
#define SEND_AT		64		/* or when there is so much of it */
#define LOSS_NS		(250 * MS)	/* losses are told after so long */
#define EVENTS		64
#define FURTHEST_NS	(INT64_C(1) << 61)	/* times beyond it are damaged */

struct replay {
	struct capturefile file;
	struct relay *relay;
	bool	 ours;			/* a recording of the relay, and no input is picked */
	bool	 said, begun, ended;	/* ended: all that was held has gone out */
	int	 leg[CAPTURE_INTERFACES];	/* of each interface, or -1 */
	unsigned npick;
	struct replaypick pick[FLOW_LEGS];	/* of each leg */
	int64_t	 offset_ns;		/* from the recording's clock to UTC */
	int64_t	 shift_ns;		/* of times that were laid together */
	int64_t	 now_ns, sent_ns, stats_ns, lost_ns;
	uint64_t unpicked;
};

/* ---- the file */

int
replay_open(struct replay **out, const char *path, struct flow_config *flow)
{
	struct replay *p = calloc(1, sizeof(*p));
	struct capture_item item;
	struct note note;
	int r;

	if (p == NULL)
		return -ENOMEM;
	if ((r = capturefile_open(&p->file, path)) < 0) {
		free(p);
		return r;
	}
	for (unsigned i = 0; i < CAPTURE_INTERFACES; i++)
		p->leg[i] = -1;
	flow->live = true;
	/* A recording says what it is before anything else. */
	do
		r = capturefile_next(&p->file, &item);
	while (r == 1 && item.kind == CAPTURE_SECTION);
	if (r == 1 && item.kind == CAPTURE_LOCAL &&
	    note_parse(item.data, item.len, item.swapped, &note) == 0 &&
	    note.kind == NOTE_START) {
		p->ours = true;
		flow->live = note.live;
		flow->by_content |= flow->merge && note.bare && !flow->keep_header;
	}
	if (r == 0)
		r = -ENODATA;
	if (r < 0) {
		replay_free(p);
		return r;
	}
	capturefile_unread(&p->file);
	*out = p;
	return 0;
}

void
replay_free(struct replay *p)
{
	if (p != NULL)
		capturefile_free(&p->file);
	free(p);
}

static int
add_leg(struct relay *r, const char *id, const char *text, char why[static UDP_WHY])
{
	struct leg *l = malloc(sizeof(*l));

	snprintf(why, UDP_WHY, "out of memory");
	if (l == NULL)
		return -ENOMEM;
	if (leg_open_replay(l, id, text) < 0) {
		free(l);
		return -ENOMEM;
	}
	return relay_take_leg(r, l, why);
}

int
replay_pick(struct replay *p, struct relay *r, const char *text, char why[static UDP_WHY])
{
	struct replaypick pick;
	int n = replaypick_parse(&pick, text, why);

	if (n < 0 || (n = add_leg(r, pick.name, text, why)) < 0)
		return n;
	p->pick[n] = pick;
	p->npick++;
	p->ours = false;
	return 0;
}

/* ---- the clock */

/* The time of something, on a clock that neither goes back nor leaps. */
static int64_t
lay(struct replay *p, int64_t at_ns)
{
	at_ns = at_ns < -FURTHEST_NS ? -FURTHEST_NS : at_ns > FURTHEST_NS ? FURTHEST_NS : at_ns;
	if (!p->begun) {
		p->begun = true;
		/* Far from the ends, whatever the first one is. */
		p->shift_ns = at_ns < 0 || at_ns > FURTHEST_NS / 2 ? CLK_SECOND - at_ns : 0;
		p->now_ns = p->sent_ns = p->relay->start_ns = p->relay->last_ns =
		    at_ns + p->shift_ns;
		p->stats_ns = p->now_ns + CLK_SECOND;
		p->lost_ns = p->now_ns;
	}
	if (at_ns + p->shift_ns > p->now_ns + AHEAD_NS)
		p->shift_ns = p->now_ns + AHEAD_NS - at_ns;
	else if (at_ns + p->shift_ns < p->now_ns - BACK_NS)
		p->shift_ns = p->now_ns - at_ns;
	p->relay->replay_offset_ns = (p->ours ? p->offset_ns : 0) - p->shift_ns;
	return at_ns + p->shift_ns;
}

static bool
any_blocked(const struct relay *r)
{
	for (unsigned i = 0; i < r->noutput; i++)
		if (r->output[i]->blocked && !r->output[i]->ended)
			return true;
	return false;
}

static void
wait_for_outputs(struct relay *r)
{
	struct epoll_event ev[EVENTS];
	int n;

	io_wait(&(struct pollfd){ .fd = r->epoll, .events = POLLIN }, 1, LOSS_NS);
	n = epoll_wait(r->epoll, ev, EVENTS, 0);
	for (int i = 0; i < n; i++)
		for (unsigned k = 0; k < r->noutput; k++)
			if (r->output[k]->blocked &&
			    ev[i].data.u64 == relay_tag(RELAY_OUTPUT,
			    (uint32_t)r->output[k]->fd))
				output_ready(r->output[k], clk_mono_ns());
}

/* All that is due goes out: the clock stands still as long as that takes. */
static void
send_all(struct replay *p)
{
	struct relay *r = p->relay;

	relay_send(r, p->now_ns);
	while (any_blocked(r) && !io_stopping()) {
		wait_for_outputs(r);
		relay_send(r, p->now_ns);
	}
	relay_turn(r, clk_mono_ns());
	p->sent_ns = p->now_ns;
}

/* Move the clock on. */
static void
tick(struct replay *p, int64_t now_ns)
{
	struct relay *r = p->relay;
	const struct fan *f = &r->flow.fan;

	if (now_ns > p->now_ns)
		p->now_ns = now_ns;
	r->replay_ns = p->now_ns;
	if (p->now_ns - p->sent_ns >= SEND_NS || f->head - f->due >= SEND_AT)
		send_all(p);
	if (p->now_ns < p->stats_ns)
		return;
	if (r->stats.fd >= 0)
		relay_tell(r, relay_stats(r, p->now_ns));
	p->stats_ns += ((p->now_ns - p->stats_ns) / CLK_SECOND + 1) * CLK_SECOND;
}

static void
turn(struct replay *p, int64_t now_ns)
{
	tick(p, now_ns);
	/* The relay may have asked for what was due before the last that it had read. */
	flow_turn(&p->relay->flow, now_ns);
	p->ended = false;
}

/* What was due until then, each at its time: of captures that do not say when. */
static void
turn_until(struct replay *p, int64_t until_ns)
{
	const struct flow *f = &p->relay->flow;
	int64_t next;

	while (!io_stopping()) {
		next = flow_next(f);
		if (f->watch.loss.open && p->lost_ns + LOSS_NS < next)
			next = p->lost_ns + LOSS_NS;
		next = next < p->now_ns ? p->now_ns : next;
		if (next > until_ns)
			return;
		p->lost_ns = next;
		turn(p, next);
		if (next == p->now_ns && flow_next(f) <= next)
			return;			/* it cannot be helped on */
	}
}

/* There is no more, or the recording ended there. */
static void
end(struct replay *p, int64_t now_ns)
{
	struct relay *r = p->relay;
	const struct fan *f = &r->flow.fan;
	int64_t until, next;

	if (p->ended || !p->begun)
		return;
	tick(p, now_ns);
	flow_flush(&r->flow, p->now_ns);
	until = relay_drain_until(r, p->now_ns);
	send_all(p);
	while ((next = fan_deadline(f)) <= until && !io_stopping()) {
		p->now_ns = p->now_ns > next ? p->now_ns : next;
		send_all(p);
	}
	p->ended = true;
}

/* ---- what comes out of the file */

static void
take_datagram(struct replay *p, const struct capture_item *item)
{
	struct relay *r = p->relay;
	const struct leg_taker taker = relay_taker(r);
	uint16_t own_port;
	int64_t at;
	int n = -1;

	if (p->ours)
		n = p->leg[item->interface];
	for (unsigned i = 0; i < FLOW_LEGS && n < 0 && !p->ours; i++)
		if (r->leg[i] != NULL && replaypick_is(&p->pick[i], item))
			n = (int)i;
	if (n < 0 || r->leg[n] == NULL) {
		p->unpicked++;
		return;
	}
	at = lay(p, item->utc_ns - (p->ours ? p->offset_ns : 0));
	if (!p->ours) {
		turn_until(p, at);
		at = at < p->now_ns ? p->now_ns : at;
	}
	tick(p, at);
	own_port = p->ours ? item->from_port : p->pick[n].port;
	if (r->leg[n]->has_fec && item->to_port != own_port) {
		leg_fec(r->leg[n], item->data, item->len, at, &taker);
		if (!p->ours)
			turn(p, at);
	} else {
		leg_datagram(r->leg[n], item->data, item->len, at, &taker);
	}
	p->ended = false;
}

static void
take_interface(struct replay *p, const struct capture_item *item)
{
	char id[LEG_ID], text[URL_MAX], why[UDP_WHY];
	int n;

	if (!p->ours)
		return;
	snprintf(id, sizeof(id), "%.*s", (int)item->len, (const char *)item->data);
	snprintf(text, sizeof(text), "%.*s", (int)item->about_len,
	    (const char *)item->about);
	n = *id != '\0' ? relay_find_leg(p->relay, id) : -1;
	if (n < 0 && (n = add_leg(p->relay, id, text, why)) < 0) {
		if (!p->said)
			log_warn(0, "input '%s': %s", text, why);
		p->said = true;
	}
	p->leg[item->interface] = n;
}

static void
take_note(struct replay *p, const struct capture_item *item)
{
	struct note n;

	if (!p->ours || note_parse(item->data, item->len, item->swapped, &n) < 0)
		return;
	switch (n.kind) {
	case NOTE_START:
		/* As it was when the recording began; else only the time of day is set. */
		p->offset_ns = n.offset_ns < -FURTHEST_NS || n.offset_ns > FURTHEST_NS ? 0 :
		    n.offset_ns;
		lay(p, n.time_ns);
		break;
	case NOTE_TURN:
		turn(p, lay(p, n.time_ns));
		break;
	case NOTE_GONE:
		if (n.interface < CAPTURE_INTERFACES && p->leg[n.interface] >= 0) {
			relay_remove_leg(p->relay, (unsigned)p->leg[n.interface]);
			p->leg[n.interface] = -1;
		}
		break;
	case NOTE_END:
		end(p, lay(p, n.time_ns));
		break;
	}
}

static void
take_item(struct replay *p, const struct capture_item *item)
{
	switch (item->kind) {
	case CAPTURE_DATAGRAM:
		take_datagram(p, item);
		break;
	case CAPTURE_SECTION:
		for (unsigned i = 0; i < CAPTURE_INTERFACES; i++)
			p->leg[i] = -1;
		break;
	case CAPTURE_INTERFACE:
		take_interface(p, item);
		break;
	case CAPTURE_LOCAL:
		take_note(p, item);
		break;
	}
}

/* A FIFO is waited for, since nothing would be lost for the lack of its reader. */
static void
wait_for_readers(struct relay *r)
{
	int64_t at_ns = 0;

	for (unsigned i = 0; i < r->noutput; i++)
		while (r->output[i]->fd < 0 && !io_stopping()) {
			output_send(r->output[i], &r->flow.fan, at_ns);
			at_ns += CLK_SECOND;
			if (r->output[i]->fd < 0)
				clk_sleep_until(clk_mono_ns() + 20 * MS);
		}
}

static bool
is_in_vain(const struct replay *p)
{
	return p->relay->noutput > 0 && p->file.capture.datagrams == p->unpicked &&
	    !io_stopping();
}

static void
report(const struct replay *p, int r)
{
	const struct capture *c = &p->file.capture;

	if (r < 0 && r != -EINTR)
		log_warn(-r, "the capture is damaged, and is used until there");
	else if (p->file.cut_short)
		log_warn(0, "the capture ends in the middle of a packet");
	if (c->cut > 0)
		log_warn(0, "%llu packets were not captured whole",
		    (unsigned long long)c->cut);
	if (is_in_vain(p))
		log_warn(0, "no datagram of %llu was of an input",
		    (unsigned long long)c->datagrams);
	log_info("datagrams=%llu not_picked=%llu other=%llu fragments=%llu",
	    (unsigned long long)c->datagrams, (unsigned long long)p->unpicked,
	    (unsigned long long)c->other, (unsigned long long)c->fragments);
}

int
replay_run(struct replay *p, struct relay *r)
{
	struct capture_item item;
	int n;

	p->relay = r;
	r->is_replay = true;
	/* Outputs are waited for: nothing is too old for them, however the clock leaps. */
	r->flow.fan.hold_ns = FURTHEST_NS;
	wait_for_readers(r);
	while ((n = capturefile_next(&p->file, &item)) == 1) {
		take_item(p, &item);
		if (r->noutput == 0)
			return EXIT_RUNTIME;
		if (io_stopping())
			break;
	}
	if (!p->ours)
		turn_until(p, p->now_ns);
	end(p, p->now_ns);
	if (r->stats.fd >= 0)
		relay_tell(r, relay_stats(r, p->now_ns));
	report(p, n);
	return r->noutput == 0 ? EXIT_RUNTIME : is_in_vain(p) ? EXIT_INPUT : EXIT_SUCCESS;
}
