/*
 * An output that is SRT: srt://, to one peer or, as a listener, to all that call.
 *
 * libsrt never lets us wait: what has no room in the buffer of a caller is lost for
 * that caller.  Each datagram carries the time at which it was due, which is when its
 * receiver gives it out again, but for the latency: so it may go a little later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/leg/srtgate.h"
#include "lib/leg/srtsock.h"
#include "lib/media/ts.h"
#include "transport/outputkind.h"

#define MS		INT64_C(1000000)
#define CHECK_NS	(20 * MS)	/* to look for callers, and for those that went */
#define CALLERS		256
#define LAST_NS		CLK_SECOND	/* at the end, for retransmissions */

struct caller {
	SRTSOCKET sock;
	char	 peer[SRTSOCK_NAME];
	struct srtgate_guest guest;
	bool	 connected, gone;
	uint64_t sent, dropped;
	int64_t	 last_us;		/* on the clock of libsrt */
	int64_t	 latency_ns;
};

struct srtout {
	struct srtopts opts;
	struct srtgate *gate;		/* of a listener */
	SRTSOCKET listener;
	size_t	 payload;		/* most bytes of a message */
	struct caller *caller;
	unsigned ncaller;
	int64_t	 check_ns, grants_ns, retry_ns;
	unsigned tries;			/* in vain, in a row */
	int	 said;			/* the reason that was told of last */
	uint64_t attempts, dropped;
	struct srttotals past;
};

/* ---- callers */

static void
begin(const struct output *o, struct caller *c)
{
	struct srtout *s = o->state;

	c->connected = true;
	c->latency_ns = srtsock_ms(c->sock, SRTO_PEERLATENCY);
	c->last_us = srt_connection_time(c->sock);
	s->tries = 0;
	s->said = -1;
	log_info("'%s': %s%s%s%sconnected, latency %d ms", o->text, c->guest.name,
	    *c->guest.name != '\0' ? " at " : "", c->peer, *c->peer != '\0' ? " has " : "",
	    (int)(c->latency_ns / MS));
}

static void
drop(struct output *o, unsigned n, int64_t now_ns)
{
	struct srtout *s = o->state;
	struct caller *c = &s->caller[n];

	if (c->connected) {
		log_info("'%s': %s%s%s%sdisconnected", o->text, c->guest.name,
		    *c->guest.name != '\0' ? " at " : "", c->peer,
		    *c->peer != '\0' ? " has " : "");
		o->disconnections++;
	}
	srttotals_keep(&s->past, c->sock);
	srtsock_close(&c->sock);
	s->caller[n] = s->caller[--s->ncaller];
	s->retry_ns = now_ns + srtsock_backoff_ns(s->tries++);
}

static void
accept_callers(const struct output *o)
{
	struct srtout *s = o->state;

	while (s->ncaller < CALLERS) {
		struct caller *c = &s->caller[s->ncaller];

		*c = (struct caller){ .sock = SRT_INVALID_SOCK };
		if ((c->sock = srtsock_accept(s->listener, c->peer)) == SRT_INVALID_SOCK)
			break;
		s->ncaller++;
		srtgate_came(s->gate, c->sock);
		srtgate_guest(s->gate, c->sock, &c->guest);
		begin(o, c);
	}
}

static void
call(const struct output *o, int64_t now_ns)
{
	struct srtout *s = o->state;
	struct caller *c = &s->caller[0];
	char why[UDP_WHY];

	if (now_ns < s->retry_ns)
		return;
	*c = (struct caller){ .sock = SRT_INVALID_SOCK };
	s->attempts++;
	if (srtsock_open(&c->sock, &s->opts, true, NULL, why) == 0) {
		s->ncaller = 1;
		return;
	}
	if (s->said != -2)
		log_warn(0, "'%s': %s", o->text, why);
	s->said = -2;
	s->retry_ns = now_ns + srtsock_backoff_ns(s->tries++);
}

static void
tell_why(const struct output *o, const struct caller *c)
{
	struct srtout *s = o->state;
	int reason = srt_getrejectreason(c->sock);

	if (s->said != reason)
		log_warn(0, "'%s': cannot connect: %s", o->text, srtsock_reason(c->sock));
	s->said = reason;
}

static void
check(struct output *o, int64_t now_ns)
{
	struct srtout *s = o->state;
	bool look = now_ns >= s->grants_ns;	/* who may stay, once a second */

	s->check_ns = now_ns + CHECK_NS;
	if (look)
		s->grants_ns = now_ns + CLK_SECOND;
	for (unsigned i = s->ncaller; i-- > 0;) {
		struct caller *c = &s->caller[i];
		SRT_SOCKSTATUS state = srt_getsockstate(c->sock);

		if (state == SRTS_CONNECTED && !c->connected)
			begin(o, c);
		if (look && s->gate != NULL && !srtgate_holds(s->gate, &c->guest))
			c->gone = true;
		if (state > SRTS_CONNECTED && !c->connected)
			tell_why(o, c);
		if (state > SRTS_CONNECTED || c->gone)
			drop(o, i, now_ns);
	}
	if (s->listener != SRT_INVALID_SOCK) {
		accept_callers(o);
		srtgate_tell(s->gate, s->ncaller, now_ns);
		srtgate_say(s->gate, o->text, now_ns);
	} else if (s->ncaller == 0) {
		call(o, now_ns);
	}
}

/* ---- datagrams */

/* One message to one caller; false: it has no room for it, or is no longer there. */
static bool
send_message(struct caller *c, const uint8_t *p, size_t len, int64_t due_us)
{
	SRT_MSGCTRL m = srt_msgctrl_default;
	int err = 0;

	/* Times that run backwards, or lie before the connection, are not taken. */
	c->last_us = due_us > c->last_us ? due_us : c->last_us;
	m.srctime = c->last_us;
	if (srt_sendmsg2(c->sock, (const char *)p, (int)len, &m) == (int)len)
		return true;
	if (srt_getlasterror(&err) != SRT_EASYNCSND)
		c->gone = true;
	return false;
}

static bool
send_to(struct srtout *s, struct caller *c, const struct packet *p, int64_t due_us)
{
	bool good = c->connected && !c->gone;

	if (!good)
		return false;
	for (size_t pos = 0; good && pos < p->len; pos += s->payload) {
		size_t len = p->len - pos < s->payload ? p->len - pos : s->payload;

		good = send_message(c, p->data + pos, len, due_us);
	}
	c->sent += good;
	c->dropped += !good;
	s->dropped += !good;
	return good;
}

static bool
any_connected(const struct srtout *s)
{
	for (unsigned i = 0; i < s->ncaller; i++)
		if (s->caller[i].connected && !s->caller[i].gone)
			return true;
	return false;
}

static void
send_srt(struct output *o, const struct fan *f, int64_t now_ns)
{
	struct srtout *s = o->state;
	int64_t clock_us, now_us;

	if (now_ns >= s->check_ns)
		check(o, now_ns);
	if (o->place >= f->due)
		return;
	clock_us = srtsock_clock_us();
	now_us = now_ns / 1000 + clock_us;
	while (o->place < f->due && any_connected(s)) {
		const struct packet *p = fan_at(f, o->place);
		int64_t due_us = p->due_ns / 1000 + clock_us;
		unsigned took = 0;

		due_us = due_us < now_us ? due_us : now_us;
		for (unsigned i = 0; i < s->ncaller; i++)
			took += send_to(s, &s->caller[i], p, due_us);
		o->place++;
		if (took == 0) {
			o->dropped++;
			continue;
		}
		o->sent++;
		o->bytes += p->len;
		o->sent_ns = now_ns;
	}
	output_skip(o, f);
}

/* ---- the output */

static void
close_srt(struct output *o)
{
	struct srtout *s = o->state;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < s->ncaller; i++)
		srtsock_close(&s->caller[i].sock);
	srtsock_close(&s->listener);
	srtgate_free(s->gate);
	srtopts_clear(&s->opts);
	free(s->caller);
	free(s);
}

static void
count_srt(const struct output *o, struct numbers *all)
{
	const struct srtout *s = o->state;
	struct srttotals t = s->past;
	unsigned connected = 0;

	for (unsigned i = 0; i < s->ncaller; i++) {
		connected += s->caller[i].connected;
		srttotals_add(&t, s->caller[i].sock);
	}
	numbers_add(all, "connected_outputs", "gauge", "Peers that are connected.", connected);
	numbers_add(all, "output_arq_requests", "counter", "Reports of loss that came.",
	    t.nak_got);
	numbers_add(all, "output_resent_packets", "counter", "Datagrams sent again.", t.resent);
	numbers_add(all, "output_not_recovered_packets", "counter",
	    "Datagrams that libsrt gave up: they were too late for the peer.", t.send_drops);
	numbers_add(all, "output_peer_dropped_packets", "counter",
	    "Datagrams that one of the peers had no room for.", s->dropped);
	numbers_add(all, "output_round_trip_time", "gauge",
	    "Milliseconds to the farthest peer and back.", t.rtt_us / 1000);
	numbers_add(all, "output_buffer_ms", "gauge",
	    "Milliseconds in the send buffer of the slowest peer.", t.sndbuf_ms);
	if (s->gate != NULL)
		numbers_add(all, "output_refused_callers", "counter",
		    "Callers that were refused.", srtgate_refused(s->gate));
	else
		numbers_add(all, "connection_attempts", "counter",
		    "Times that a connection was tried.", s->attempts);
}

static json_t *
list_peers(const struct output *o)
{
	const struct srtout *s = o->state;
	json_t *list = json_array();

	for (unsigned i = 0; i < s->ncaller; i++) {
		const struct caller *c = &s->caller[i];
		struct srttotals t = { 0 };
		uint64_t dropped;

		if (!c->connected)
			continue;
		srttotals_add(&t, c->sock);
		dropped = c->dropped + t.send_drops;
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I}",
		    "peer", c->peer, "grant", c->guest.name, "total_packets", (json_int_t)c->sent, "dropped_packets",
		    (json_int_t)dropped, "resent_packets",
		    (json_int_t)t.resent, "round_trip_time", (json_int_t)(t.rtt_us / 1000),
		    "buffer_ms", (json_int_t)t.sndbuf_ms));
	}
	return list;
}

static int
reload(struct output *o, char why[static UDP_WHY])
{
	struct srtout *s = o->state;

	s->check_ns = s->grants_ns = 0;
	return s->gate != NULL ? srtgate_reload(s->gate, why) : 0;
}

static unsigned
put_out(struct output *o, const char *name, bool *known)
{
	struct srtout *s = o->state;
	unsigned n = 0;

	if (s->gate == NULL || !srtgate_revoke(s->gate, name))
		return 0;
	*known = true;
	for (unsigned i = s->ncaller; i-- > 0;)
		if (strcmp(s->caller[i].guest.name, name) == 0) {
			drop(o, i, clk_mono_ns());
			n++;
		}
	return n;
}

/* What a peer has is lost when the connection ends before it was given out there. */
static int64_t
busy_until(const struct output *o, int64_t now_ns)
{
	const struct srtout *s = o->state;
	int64_t until = 0;

	for (unsigned i = 0; i < s->ncaller; i++) {
		const struct caller *c = &s->caller[i];
		struct srttotals t = { 0 };
		size_t blocks = 0, bytes = 0;
		int64_t one;

		if (!c->connected || c->sent == 0 || srt_getsockstate(c->sock) != SRTS_CONNECTED)
			continue;
		srttotals_add(&t, c->sock);
		srt_getsndbuffer(c->sock, &blocks, &bytes);
		one = o->sent_ns + c->latency_ns + (int64_t)t.rtt_us * 1000 + CHECK_NS +
		    (blocks > 0 ? LAST_NS : 0);
		until = one > until ? one : until;
	}
	return until > now_ns ? until : 0;
}

static const struct output_ops srt_ops = {
	.tells_time = true, .send = send_srt, .close = close_srt, .numbers = count_srt,
	.peers = list_peers, .reload = reload, .revoke = put_out, .busy_ns = busy_until,
};

int
output_open_srt(struct output *o, struct url *url, char why[static UDP_WHY])
{
	struct srtout *s = calloc(1, sizeof(*s));
	int64_t payload;
	int r;

	o->state = s;
	o->ops = &srt_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (s == NULL)
		return -ENOMEM;
	s->listener = SRT_INVALID_SOCK;
	s->said = -1;
	if ((s->caller = calloc(CALLERS, sizeof(*s->caller))) == NULL)
		return -ENOMEM;
	if ((r = srtopts_parse(&s->opts, url, why)) < 0)
		return r;
	payload = srtopts_value(&s->opts, SRTO_PAYLOADSIZE, SRT_LIVE_DEF_PLSIZE);
	s->payload = (size_t)(payload / TS_PACKET * TS_PACKET);
	if (s->opts.mode == SRTOPTS_LISTENER)
		return (r = srtgate_new(&s->gate, CALLERS, s->opts.grants, why)) < 0 ? r :
		    srtsock_open(&s->listener, &s->opts, true, s->gate, why);
	s->attempts = 1;			/* what is wrong with its options is said now */
	s->caller[0].sock = SRT_INVALID_SOCK;
	if ((r = srtsock_open(&s->caller[0].sock, &s->opts, true, NULL, why)) < 0)
		return r;
	s->ncaller = 1;
	return 0;
}
