#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/leg/grants.h"
#include "lib/leg/srtgate.h"
#include "lib/leg/srtsock.h"

#define SILENT_NS	CLK_SECOND
#define SAY_NS		(10 * CLK_SECOND)	/* of refusals, no more often */

#define COMING		64
#define WHO		160
#define LAST		(WHO + 96)

_Static_assert(GRANTS_WHY <= UDP_WHY, "a reason has room");
_Static_assert(GRANTS_NAME + 1 == SRTGATE_NAME, "a name has room");

struct srtgate {
	unsigned room;
	char	*path;			/* of the grants; NULL: all may come */
	pthread_mutex_t lock;
	struct grants grants;		/* under lock */
	_Atomic unsigned callers;
	_Atomic int64_t heard_ns;
	_Atomic uint64_t refused;
	char	 last[LAST];		/* under lock: who was, and why */
	struct {
		SRTSOCKET sock;
		char	 who[WHO];
	} coming[COMING];		/* under lock: their keys are not compared yet */
	unsigned ncoming;
	uint64_t said;			/* of those refused */
	int64_t	 said_ns;
};

int
srtgate_new(struct srtgate **gate, unsigned room, const char *grants,
    char why[static UDP_WHY])
{
	struct srtgate *g = calloc(1, sizeof(*g));
	int r;

	snprintf(why, UDP_WHY, "out of memory");
	if (g == NULL)
		return -ENOMEM;
	g->room = room;
	pthread_mutex_init(&g->lock, NULL);
	*gate = g;
	if (*grants == '\0')
		return 0;
	if ((g->path = strdup(grants)) == NULL)
		return -ENOMEM;
	if ((r = grants_read(&g->grants, g->path, why)) < 0)
		return r;
	return 0;
}

void
srtgate_free(struct srtgate *g)
{
	if (g == NULL)
		return;
	grants_free(&g->grants);
	pthread_mutex_destroy(&g->lock);
	free(g->path);
	free(g);
}

void
srtgate_tell(struct srtgate *g, unsigned callers, int64_t heard_ns)
{
	atomic_store(&g->callers, callers);
	atomic_store(&g->heard_ns, heard_ns);
}

uint64_t
srtgate_refused(struct srtgate *g)
{
	return atomic_load(&g->refused);
}

/* Of those under lock. */
static void
forget(struct srtgate *g, unsigned i)
{
	g->coming[i] = g->coming[--g->ncoming];
}

void
srtgate_came(struct srtgate *g, SRTSOCKET sock)
{
	pthread_mutex_lock(&g->lock);
	for (unsigned i = g->ncoming; i-- > 0;)
		if (g->coming[i].sock == sock)
			forget(g, i);
	pthread_mutex_unlock(&g->lock);
}

/* libsrt refuses by itself who has another passphrase: then the socket is no more. */
static void
look_for_refused(struct srtgate *g)
{
	pthread_mutex_lock(&g->lock);
	for (unsigned i = g->ncoming; i-- > 0;) {
		SRT_SOCKSTATUS state = srt_getsockstate(g->coming[i].sock);
		int why;

		if (state != SRTS_CLOSED && state != SRTS_NONEXIST)
			continue;
		why = srtsock_rejected(g->coming[i].sock);
		snprintf(g->last, sizeof(g->last), "%s is refused: %s", g->coming[i].who,
		    why == SRT_REJ_BADSECRET ? "its passphrase is another" :
		    why == SRT_REJ_UNSECURE ? "only one side has a passphrase" :
		    "its passphrase or another option is not ours");
		atomic_fetch_add(&g->refused, 1);
		forget(g, i);
	}
	pthread_mutex_unlock(&g->lock);
}

void
srtgate_say(struct srtgate *g, const char *address, int64_t now_ns)
{
	uint64_t n;
	char text[sizeof(g->last)], more[32] = "";

	look_for_refused(g);
	n = srtgate_refused(g) - g->said;

	if (n == 0 || (g->said_ns != 0 && now_ns - g->said_ns < SAY_NS))
		return;
	pthread_mutex_lock(&g->lock);
	memcpy(text, g->last, sizeof(text));
	pthread_mutex_unlock(&g->lock);
	if (n > 1)
		snprintf(more, sizeof(more), " (%llu more)", (unsigned long long)(n - 1));
	log_warn(0, "'%s': %s%s", address, text, more);
	g->said += n;
	g->said_ns = now_ns;
}

/* ---- grants */

void
srtgate_guest(struct srtgate *g, SRTSOCKET sock, struct srtgate_guest *guest)
{
	char id[GRANTS_ID + 1] = "";
	int len = sizeof(id);
	const struct grant *e;

	memset(guest, 0, sizeof(*guest));
	if (g->path == NULL)
		return;
	srt_getsockflag(sock, SRTO_STREAMID, id, &len);
	id[GRANTS_ID] = '\0';
	pthread_mutex_lock(&g->lock);
	if ((e = grants_find(&g->grants, id)) != NULL) {
		memcpy(guest->name, e->name, sizeof(guest->name));
		guest->serial = e->serial;
		guest->max_bps = e->max_bps;
	}
	pthread_mutex_unlock(&g->lock);
}

bool
srtgate_holds(struct srtgate *g, const struct srtgate_guest *guest)
{
	const struct grant *e;
	bool holds;

	if (g->path == NULL)
		return true;
	pthread_mutex_lock(&g->lock);
	e = grants_named(&g->grants, guest->name);
	holds = e != NULL && e->serial == guest->serial && grants_now(e, clk_utc_ns());
	pthread_mutex_unlock(&g->lock);
	return holds;
}

int
srtgate_reload(struct srtgate *g, char why[static UDP_WHY])
{
	struct grants next;
	int r;

	if (g->path == NULL)
		return 0;
	/* The thread of libsrt that asks for a grant must not wait for a disk. */
	if ((r = grants_load(&next, g->path, why)) < 0)
		return r;
	pthread_mutex_lock(&g->lock);
	grants_replace(&g->grants, &next);
	pthread_mutex_unlock(&g->lock);
	return 0;
}

bool
srtgate_revoke(struct srtgate *g, const char *name)
{
	struct grant *e;

	pthread_mutex_lock(&g->lock);
	if ((e = grants_named(&g->grants, name)) != NULL)
		e->revoked = true;
	pthread_mutex_unlock(&g->lock);
	return e != NULL;
}

void
srtgate_bar(struct srtgate *g, const struct srtgate_guest *guest, int64_t until_ns)
{
	struct grant *e;

	pthread_mutex_lock(&g->lock);
	if ((e = grants_named(&g->grants, guest->name)) != NULL)
		e->barred_ns = until_ns;
	pthread_mutex_unlock(&g->lock);
}

/* ---- the handshake */

static bool
is_full(struct srtgate *g)
{
	int64_t heard = atomic_load(&g->heard_ns);

	return atomic_load(&g->callers) >= g->room && (g->room > 1 || heard == 0 ||
	    clk_mono_ns() - heard < SILENT_NS);
}

/* 0, or the code of the refusal. */
static int
ask(struct srtgate *g, SRTSOCKET sock, const struct sockaddr *peer, const char *streamid)
{
	const struct grant *e = grants_find(&g->grants, streamid);
	int64_t ceiling;

	if (e == NULL)
		return SRT_REJX_UNAUTHORIZED;
	if (!grants_now(e, clk_utc_ns()) || !grants_from(e, peer))
		return SRT_REJX_FORBIDDEN;
	if (clk_mono_ns() < e->barred_ns)
		return SRT_REJX_OVERLOAD;
	ceiling = (int64_t)(e->max_bps / 8);
	if (srt_setsockflag(sock, SRTO_PASSPHRASE, e->secret, (int)strlen(e->secret)) < 0 ||
	    (ceiling > 0 && srt_setsockflag(sock, SRTO_MAXBW, &ceiling, sizeof(ceiling)) < 0))
		return SRT_REJX_ISE;
	return 0;
}

static const char *
reason(const struct srtgate *g, int code)
{
	switch (code) {
	case SRT_REJX_UNAUTHORIZED:
		return "there is no such stream id";
	case SRT_REJX_FORBIDDEN:
		return "its time is over, it is revoked, or comes from elsewhere";
	case SRT_REJX_OVERLOAD:
		return atomic_load(&g->callers) >= g->room ? "there are too many" :
		    "it was put out for its rate";
	case SRT_REJX_CONFLICT:
		return "another one sends";
	default:
		return "it cannot be let in";
	}
}

static void
name_caller(const struct sockaddr *peer, const char *streamid, char who[static WHO])
{
	socklen_t len = peer->sa_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);
	char host[64] = "?", id[80] = "";

	getnameinfo(peer, len, host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	if (*streamid != '\0')
		snprintf(id, sizeof(id), " with stream id '%.60s'", streamid);
	snprintf(who, WHO, "%s%s", host, id);
}

/* Who is refused, to be said by the thread that writes messages. */
static void
note_refusal(struct srtgate *g, const char *who, int code)
{
	pthread_mutex_lock(&g->lock);
	snprintf(g->last, sizeof(g->last), "%s is refused: %s", who, reason(g, code));
	pthread_mutex_unlock(&g->lock);
	atomic_fetch_add(&g->refused, 1);
}

static void
note_coming(struct srtgate *g, SRTSOCKET sock, const char *who)
{
	pthread_mutex_lock(&g->lock);
	if (g->ncoming < COMING) {
		g->coming[g->ncoming].sock = sock;
		snprintf(g->coming[g->ncoming++].who, WHO, "%s", who);
	}
	pthread_mutex_unlock(&g->lock);
}

int
srtgate_hook(void *gate, SRTSOCKET sock, int version, const struct sockaddr *peer,
    const char *streamid)
{
	struct srtgate *g = gate;
	char who[WHO];
	int code = 0;

	(void)version;
	if (is_full(g)) {
		code = g->room > 1 ? SRT_REJX_OVERLOAD : SRT_REJX_CONFLICT;
	} else if (g->path != NULL) {
		pthread_mutex_lock(&g->lock);
		code = ask(g, sock, peer, streamid);
		pthread_mutex_unlock(&g->lock);
	}
	name_caller(peer, streamid, who);
	if (code == 0) {
		note_coming(g, sock, who);
		return 0;
	}
	srt_setrejectreason(sock, code);
	note_refusal(g, who, code);
	return -1;
}
