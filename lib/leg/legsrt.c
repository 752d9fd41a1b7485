/*
 * A leg that is a connection of SRT: srt://.
 *
 * libsrt wakes nobody by a descriptor.  It is asked each few milliseconds instead,
 * which takes several messages at a time: it tells of each when it was due, so that
 * nothing of their times is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/leg/legkind.h"
#include "lib/leg/srtgate.h"
#include "lib/leg/srtsock.h"

#define MS		INT64_C(1000000)
#define BUSY_NS		(4 * MS)
#define IDLE_NS		(20 * MS)
#define BATCH		64
#define MESSAGE		2048		/* room for any of libsrt's live mode */
#define BARRED_NS	(10 * CLK_SECOND)	/* who sent too fast */
#define SLACK_NS	(100 * MS)	/* for what is left after a connection has ended */
#define SEQ_MASK	0x7fffffff

struct srtleg {
	struct srtopts opts;
	struct srtgate *gate;
	SRTSOCKET listener, sock;
	char	 peer[SRTSOCK_NAME];	/* of a listener: who sends */
	struct srtgate_guest guest;	/* and by which grant */
	bool	 connected;		/* else sock tries to connect */
	int64_t	 ended_ns;		/* when it had ended; what is left is still read */
	int64_t	 latency_ns;
	bool	 has_seq;
	int32_t	 next_seq;
	int64_t	 heard_ns, period_ns, retry_ns, second_ns;
	uint64_t second_bytes;		/* since second_ns */
	unsigned tries;			/* in vain, in a row */
	int	 said;			/* the reason that was told of last */
	uint64_t attempts, disconnections;
	struct srttotals past;
	uint8_t	 buf[MESSAGE];
};

static void
set_period(struct leg *l, int64_t period_ns)
{
	struct srtleg *s = l->state;
	const struct timespec t = { 0, (long)period_ns };

	if (s->period_ns != period_ns)
		timerfd_settime(l->fd, 0, &(struct itimerspec){ t, t }, NULL);
	s->period_ns = period_ns;
}

static void
tell_gate(const struct srtleg *s)
{
	if (s->gate != NULL)
		srtgate_tell(s->gate, s->sock != SRT_INVALID_SOCK, s->heard_ns);
}

/* ---- connections */

static void
begin(struct leg *l)
{
	struct srtleg *s = l->state;

	s->connected = true;
	l->connected = 1;
	l->begun++;
	s->second_ns = clk_mono_ns();
	s->second_bytes = 0;
	s->ended_ns = 0;
	s->has_seq = false;
	s->heard_ns = 0;
	s->tries = 0;
	s->said = -1;
	s->latency_ns = srtsock_ms(s->sock, SRTO_RCVLATENCY);
	log_info("'%s': %s%s%s%sconnected, latency %d ms", l->text, s->guest.name,
	    *s->guest.name != '\0' ? " at " : "", s->peer, *s->peer != '\0' ? " has " : "",
	    (int)(s->latency_ns / MS));
	set_period(l, BUSY_NS);
	tell_gate(s);
}

static void
drop(struct leg *l, int64_t now_ns)
{
	struct srtleg *s = l->state;

	srttotals_keep(&s->past, s->sock);
	srtsock_close(&s->sock);
	s->connected = false;
	l->connected = 0;
	s->retry_ns = now_ns + srtsock_backoff_ns(s->tries++);
	set_period(l, IDLE_NS);
	tell_gate(s);
}

/* The newest is taken: the gate lets in no other while one sends. */
static void
accept_sender(struct leg *l, int64_t now_ns)
{
	struct srtleg *s = l->state;
	char peer[SRTSOCK_NAME];
	SRTSOCKET one;

	while ((one = srtsock_accept(s->listener, peer)) != SRT_INVALID_SOCK) {
		if (s->sock != SRT_INVALID_SOCK) {
			log_info("'%s': %s is silent and makes room", l->text, s->peer);
			s->disconnections += s->ended_ns == 0;
			drop(l, now_ns);
		}
		s->sock = one;
		memcpy(s->peer, peer, sizeof(peer));
		srtgate_came(s->gate, one);
		srtgate_guest(s->gate, one, &s->guest);
		begin(l);
	}
}

static void
call(struct leg *l, int64_t now_ns)
{
	struct srtleg *s = l->state;
	char why[UDP_WHY];
	SRT_SOCKSTATUS state;

	if (s->sock == SRT_INVALID_SOCK) {
		if (now_ns < s->retry_ns)
			return;
		s->attempts++;
		if (srtsock_open(&s->sock, &s->opts, false, NULL, why) < 0) {
			if (s->said != -2)
				log_warn(0, "'%s': %s", l->text, why);
			s->said = -2;
			s->retry_ns = now_ns + srtsock_backoff_ns(s->tries++);
		}
		return;
	}
	state = srt_getsockstate(s->sock);
	if (state == SRTS_CONNECTED) {
		begin(l);
	} else if (state > SRTS_CONNECTED) {
		int reason = srt_getrejectreason(s->sock);

		if (s->said != reason)
			log_warn(0, "'%s': cannot connect: %s", l->text, srtsock_reason(s->sock));
		s->said = reason;
		drop(l, now_ns);
	}
}

/* Once a second: is the grant still good, and kept to? */
static void
check_guest(struct leg *l, int64_t now_ns)
{
	struct srtleg *s = l->state;
	int64_t elapsed = now_ns - s->second_ns;
	const char *why = NULL;
	bool fast = s->guest.max_bps > 0 && elapsed < 2 * CLK_SECOND &&
	    s->second_bytes * 8000 / 1100 > s->guest.max_bps / 1000 * (uint64_t)(elapsed / MS);

	if (s->gate == NULL || elapsed < CLK_SECOND)
		return;
	if (!srtgate_holds(s->gate, &s->guest))
		why = "the grant has ended";
	else if (fast)
		why = "it sends more than its ceiling";
	s->second_ns = now_ns;
	s->second_bytes = 0;
	if (why == NULL)
		return;
	if (fast)				/* else it would go on as before */
		srtgate_bar(s->gate, &s->guest, now_ns + BARRED_NS);
	log_warn(0, "'%s': %s at %s is put out: %s", l->text, s->guest.name, s->peer, why);
	s->disconnections++;
	drop(l, now_ns);
}

/* ---- messages */

static int64_t
arrival(const SRT_MSGCTRL *m, int64_t clock_us, int64_t now_ns)
{
	int64_t at = (m->srctime - clock_us) * 1000;

	return m->srctime == 0 || at > now_ns || at < now_ns - CLK_SECOND ? now_ns : at;
}

static void
count_missing(struct leg *l, int32_t seq)
{
	struct srtleg *s = l->state;
	uint32_t gap = ((uint32_t)seq - (uint32_t)s->next_seq) & SEQ_MASK;

	if (s->has_seq && gap < SEQ_MASK / 2)
		l->missing += gap;
	s->has_seq = true;
	s->next_seq = (int32_t)(((uint32_t)seq + 1) & SEQ_MASK);
}

static void
end(struct leg *l, int64_t now_ns)
{
	struct srtleg *s = l->state;

	if (s->ended_ns == 0) {
		s->ended_ns = now_ns;
		s->disconnections++;
		log_info("'%s': %s%sdisconnected", l->text, s->peer,
		    *s->peer != '\0' ? " has " : "");
	} else if (now_ns - s->ended_ns > s->latency_ns + SLACK_NS) {
		drop(l, now_ns);
	}
}

/* A few of them; are there more? */
static bool
receive(struct leg *l, int64_t now_ns, const struct leg_taker *t)
{
	struct srtleg *s = l->state;
	int64_t clock_us = srtsock_clock_us();

	for (unsigned n = 0; n < BATCH; n++) {
		SRT_MSGCTRL m = srt_msgctrl_default;
		int len = srt_recvmsg2(s->sock, (char *)s->buf, sizeof(s->buf), &m), err = 0;

		if (len <= 0 && srt_getlasterror(&err) != SRT_EASYNCRCV)
			end(l, now_ns);
		if (len <= 0)
			return false;
		s->heard_ns = now_ns;
		s->second_bytes += (uint64_t)len;
		count_missing(l, m.pktseq);
		leg_datagram(l, s->buf, (size_t)len, arrival(&m, clock_us, now_ns), t);
	}
	return true;
}

static bool
read_srt(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct srtleg *s = l->state;
	int64_t now_ns = clk_mono_ns();
	bool more = false;
	uint64_t ticks;
	ssize_t n = read(l->fd, &ticks, sizeof(ticks));

	(void)b;
	(void)n;
	if (s->listener != SRT_INVALID_SOCK)
		accept_sender(l, now_ns);
	else if (!s->connected)
		call(l, now_ns);
	if (s->connected)
		check_guest(l, now_ns);
	if (s->connected) {
		more = receive(l, now_ns, t);
		tell_gate(s);
	}
	if (s->gate != NULL)
		srtgate_say(s->gate, l->text, now_ns);
	return more;
}

/* ---- the leg */

static void
close_srt(struct leg *l)
{
	struct srtleg *s = l->state;

	if (l->fd >= 0)
		close(l->fd);
	if (s == NULL)
		return;
	srtsock_close(&s->sock);
	srtsock_close(&s->listener);
	srtgate_free(s->gate);
	srtopts_clear(&s->opts);
	free(s);
}

static void
count_srt(const struct leg *l, struct numbers *all)
{
	const struct srtleg *s = l->state;
	struct srttotals t = s->past;
	uint64_t gone;

	if (s->sock != SRT_INVALID_SOCK)
		srttotals_add(&t, s->sock);
	gone = t.given_up + t.filtered;
	numbers_add(all, "source_arq_recovered", "counter",
	    "Datagrams that came by a retransmission.", t.lost > gone ? t.lost - gone : 0);
	numbers_add(all, "source_arq_requests", "counter", "Reports of loss that were sent.",
	    t.nak_sent);
	numbers_add(all, "source_fec_recovered", "counter",
	    "Datagrams that a packet filter recovered.", t.filtered);
	numbers_add(all, "source_missing_packets", "counter",
	    "Datagrams that were missing when a later one came.", t.lost);
	numbers_add(all, "source_retransmitted_packets", "counter",
	    "Datagrams that came as retransmissions.", t.got_again);
	numbers_add(all, "source_belated_packets", "counter",
	    "Datagrams that libsrt ignored: they came too late, or twice.", t.belated);
	numbers_add(all, "source_given_up_packets", "counter",
	    "Datagrams that libsrt gave up when their time had come.", t.given_up);
	numbers_add(all, "source_undecrypted_packets", "counter",
	    "Datagrams that could not be decrypted.", t.undecrypted);
	numbers_add(all, "source_round_trip_time", "gauge", "Milliseconds to the peer and back.",
	    t.rtt_us / 1000);
	numbers_add(all, "source_latency", "gauge", "Milliseconds that the connection delays.",
	    s->connected ? (uint64_t)(s->latency_ns / MS) : 0);
	numbers_add(all, "source_buffer_ms", "gauge", "Milliseconds in the receive buffer.",
	    t.rcvbuf_ms);
	numbers_add(all, "source_disconnections", "counter", "Connections that ended.",
	    s->disconnections);
	if (s->gate != NULL)
		numbers_add(all, "source_refused_callers", "counter",
		    "Callers that were refused.", srtgate_refused(s->gate));
	else
		numbers_add(all, "connection_attempts", "counter",
		    "Times that a connection was tried.", s->attempts);
}

static int
reload(struct leg *l, char why[static UDP_WHY])
{
	struct srtleg *s = l->state;

	s->second_ns = 0;
	return s->gate != NULL ? srtgate_reload(s->gate, why) : 0;
}

static unsigned
put_out(struct leg *l, const char *name, bool *known)
{
	struct srtleg *s = l->state;

	if (s->gate == NULL || !srtgate_revoke(s->gate, name))
		return 0;
	*known = true;
	if (s->sock == SRT_INVALID_SOCK || strcmp(s->guest.name, name) != 0)
		return 0;
	s->disconnections++;
	drop(l, clk_mono_ns());
	return 1;
}

static const struct leg_ops srt_ops = {
	.read = read_srt, .close = close_srt, .numbers = count_srt, .reload = reload,
	.revoke = put_out,
};

int
leg_open_srt(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	struct srtleg *s = calloc(1, sizeof(*s));
	int r;

	l->state = s;
	l->ops = &srt_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (s == NULL)
		return -ENOMEM;
	s->sock = s->listener = SRT_INVALID_SOCK;
	s->said = -1;
	if ((r = srtopts_parse(&s->opts, url, why)) < 0)
		return r;
	if ((l->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0) {
		snprintf(why, UDP_WHY, "cannot make a timer");
		return -errno;
	}
	set_period(l, IDLE_NS);
	if (s->opts.mode == SRTOPTS_LISTENER)
		return (r = srtgate_new(&s->gate, 1, s->opts.grants, why)) < 0 ? r :
		    srtsock_open(&s->listener, &s->opts, false, s->gate, why);
	s->attempts = 1;			/* what is wrong with its options is said now */
	return srtsock_open(&s->sock, &s->opts, false, NULL, why);
}
