#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/backoff.h"
#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/leg/srtgate.h"
#include "lib/leg/srtsock.h"

#define BACKLOG		64
#define WINDOW		25600		/* packets on their way, as libsrt has it */
#define SLOT		1472
#define REJECTED	64		/* callers, of whom it is known why for a while */

/* What a listener refuses by itself, libsrt tells by its log alone. */
static struct {
	pthread_mutex_t lock;
	unsigned n;
	struct { SRTSOCKET sock; int reason; } last[REJECTED];
} rejected = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void
note_rejection(const char *message)
{
	const char *at = strchr(message, '@'), *word = strstr(message, "ERROR:");
	long sock = at != NULL ? strtol(at + 1, NULL, 10) : 0;

	if (sock <= 0 || word == NULL ||
	    strstr(message, "newConnection: connection rejected") == NULL)
		return;
	pthread_mutex_lock(&rejected.lock);
	rejected.last[rejected.n % REJECTED].sock = (SRTSOCKET)sock;
	rejected.last[rejected.n++ % REJECTED].reason =
	    strncmp(word + 6, "BADSECRET", 9) == 0 ? SRT_REJ_BADSECRET :
	    strncmp(word + 6, "UNSECURE", 8) == 0 ? SRT_REJ_UNSECURE : SRT_REJ_UNKNOWN;
	pthread_mutex_unlock(&rejected.lock);
}

int
srtsock_rejected(SRTSOCKET sock)
{
	int reason = SRT_REJ_UNKNOWN;

	pthread_mutex_lock(&rejected.lock);
	for (unsigned i = 0; i < REJECTED; i++)
		if (rejected.last[i].sock == sock)
			reason = rejected.last[i].reason;
	pthread_mutex_unlock(&rejected.lock);
	return reason;
}

/* In any thread. */
static void
take_log(void *opaque, int level, const char *file, int line, const char *area,
    const char *message)
{
	note_rejection(message);
	(void)opaque;
	(void)level;
	(void)file;
	(void)line;
	(void)area;
	log_debug("libsrt: %.*s", (int)strcspn(message, "\n"), message);
}

/* libsrt has one state for the process, and counts how often it was started. */
static bool started;

static void
start(void)
{
	if (started)
		return;
	started = true;
	srt_startup();
	atexit(srtsock_end);	/* libsrt crashes if its threads outlive its data */
	srt_setlogflags(SRT_LOGF_DISABLE_TIME | SRT_LOGF_DISABLE_THREADNAME |
	    SRT_LOGF_DISABLE_SEVERITY | SRT_LOGF_DISABLE_EOL);
	srt_setloghandler(NULL, take_log);
}

void
srtsock_end(void)
{
	if (started)
		srt_cleanup();
	started = false;
}

static int
failed(char why[static UDP_WHY], const char *what)
{
	int err = 0, code = srt_getlasterror(&err);

	snprintf(why, UDP_WHY, "%s: %s", what, srt_getlasterror_str());
	if (code == SRT_EDUPLISTEN || code == SRT_EBINDCONFLICT)	/* of ours */
		return -EADDRINUSE;
	return err > 0 ? -err : -EIO;
}

static void
set(SRTSOCKET s, SRT_SOCKOPT opt, int value)
{
	srt_setsockflag(s, opt, &value, sizeof(value));
}

static void
set_flag(SRTSOCKET s, SRT_SOCKOPT opt, bool value)
{
	srt_setsockflag(s, opt, &value, sizeof(value));
}

/* Room for the whole window, which libsrt takes only as it is needed. */
static void
set_defaults(SRTSOCKET s, bool sends)
{
	const struct linger none = { 0, 0 };

	set_flag(s, SRTO_SNDSYN, false);
	set_flag(s, SRTO_RCVSYN, false);
	set_flag(s, SRTO_SENDER, sends);	/* for peers before 1.3 */
	srt_setsockflag(s, SRTO_LINGER, &none, sizeof(none));
	set(s, sends ? SRTO_SNDBUF : SRTO_RCVBUF, WINDOW * SLOT);
}

static int
begin(SRTSOCKET s, const struct srtopts *o, struct srtgate *gate, char why[static UDP_WHY])
{
	if (o->mode == SRTOPTS_RENDEZVOUS)
		set_flag(s, SRTO_RENDEZVOUS, true);
	if (o->has_local && srt_bind(s, (const struct sockaddr *)&o->local,
	    (int)o->local_len) < 0)
		return failed(why, "cannot bind");
	if (o->mode == SRTOPTS_LISTENER) {
		if (srt_listen_callback(s, srtgate_hook, gate) < 0 ||
		    srt_listen(s, BACKLOG) < 0)
			return failed(why, "cannot listen");
	} else if (srt_connect(s, (const struct sockaddr *)&o->peer, (int)o->peer_len) < 0)
		return failed(why, "cannot connect");
	return 0;
}

int
srtsock_open(SRTSOCKET *sock, const struct srtopts *o, bool sends, struct srtgate *gate,
    char why[static UDP_WHY])
{
	SRTSOCKET s;
	int r;

	start();
	if ((s = srt_create_socket()) < 0)
		return failed(why, "cannot make a socket");
	set_defaults(s, sends);
	if ((r = srtopts_apply(o, s, why)) < 0 || (r = begin(s, o, gate, why)) < 0) {
		srt_close(s);
		return r;
	}
	*sock = s;
	return 0;
}

void
srtsock_close(SRTSOCKET *sock)
{
	if (*sock != SRT_INVALID_SOCK)
		srt_close(*sock);
	*sock = SRT_INVALID_SOCK;
}

SRTSOCKET
srtsock_accept(SRTSOCKET listener, char name[static SRTSOCK_NAME])
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);
	SRTSOCKET s = srt_accept(listener, (struct sockaddr *)&sa, &len);

	if (s != SRT_INVALID_SOCK)
		udp_name(&sa, name, SRTSOCK_NAME);
	return s;
}

const char *
srtsock_reason(SRTSOCKET sock)
{
	static const struct {
		int	 code;
		const char *text;
	} known[] = {
		{ SRT_REJ_TIMEOUT, "no answer" },
		{ SRT_REJ_PEER, "the peer refused" },
		{ SRT_REJ_BADSECRET, "the passphrase is not the peer's" },
		{ SRT_REJ_UNSECURE, "only one side has a passphrase" },
		{ SRT_REJX_UNAUTHORIZED, "the peer does not know this stream id" },
		{ SRT_REJX_FORBIDDEN, "the peer forbids it" },
		{ SRT_REJX_CONFLICT, "the peer has another sender" },
		{ SRT_REJX_OVERLOAD, "the peer takes no more for now" },
	};
	int code = srt_getrejectreason(sock);

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == code)
			return known[i].text;
	return srt_rejectreason_str(code);
}

int64_t
srtsock_clock_us(void)
{
	return srt_time_now() - clk_mono_ns() / 1000;
}

int64_t
srtsock_ms(SRTSOCKET sock, SRT_SOCKOPT opt)
{
	int32_t value = 0;
	int len = sizeof(value);

	srt_getsockflag(sock, opt, &value, &len);
	return value * (CLK_SECOND / 1000);
}

int64_t
srtsock_backoff_ns(unsigned tries)
{
	return backoff_ns(CLK_SECOND / 4, 4 * CLK_SECOND, tries);
}

/* ---- what libsrt counts */

static uint64_t
whole(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

static uint64_t
larger(uint64_t a, double b)
{
	return b > 0 && (uint64_t)b > a ? (uint64_t)b : a;
}

static void
add(struct srttotals *t, SRTSOCKET sock, bool lives)
{
	SRT_TRACEBSTATS s;

	if (srt_bistats(sock, &s, 0, 1) < 0)
		return;
	/* Those without "Total" are since the last time that they were cleared: never. */
	t->resent += whole(s.pktRetransTotal);
	t->nak_sent += whole(s.pktSentNAKTotal);
	t->nak_got += whole(s.pktRecvNAKTotal);
	t->send_drops += whole(s.pktSndDropTotal);
	t->got += whole(s.pktRecvUniqueTotal);
	t->lost += whole(s.pktRcvLossTotal);
	t->got_again += whole(s.pktRcvRetrans);
	t->belated += whole(s.pktRcvBelated);
	t->given_up += whole(s.pktRcvDropTotal);
	t->undecrypted += whole(s.pktRcvUndecryptTotal);
	t->filtered += whole(s.pktRcvFilterSupplyTotal);
	if (!lives)
		return;
	t->rtt_us = larger(t->rtt_us, s.msRTT * 1000);
	t->rcvbuf_ms = larger(t->rcvbuf_ms, s.msRcvBuf);
	t->sndbuf_ms = larger(t->sndbuf_ms, s.msSndBuf);
}

void
srttotals_add(struct srttotals *t, SRTSOCKET sock)
{
	add(t, sock, true);
}

void
srttotals_keep(struct srttotals *t, SRTSOCKET sock)
{
	add(t, sock, false);
}
