#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/leg/ristguard.h"
#include "lib/leg/ristlink.h"
#include "lib/leg/ristlogin.h"

#define STATS_MS	1000
#define NOT_KNOWN	0		/* which peer it is */
#define ALIVE_NS	(3 * CLK_SECOND)	/* of a peer since it was heard */
#define SAY_NS		(10 * CLK_SECOND)	/* of what is wrong, no more often */

/* ---- what librist says */

/* At most each ten seconds; *said_ns is behind the lock. */
static bool
may_say(struct ristlink *l, int64_t *said_ns)
{
	int64_t now_ns = clk_mono_ns();
	bool may;

	pthread_mutex_lock(&l->lock);
	may = *said_ns == 0 || now_ns - *said_ns >= SAY_NS;
	if (may)
		*said_ns = now_ns;
	pthread_mutex_unlock(&l->lock);
	return may;
}

/* That keys are not the same librist tells by its log alone, of the first datagram. */
static void
look_for_keys(struct ristlink *l, const char *msg)
{
	const char *what;

	if (strncmp(msg, "Disabling packet processing till", 32) == 0)
		what = "what comes is encrypted with another key";
	else if (strncmp(msg, "Receiving encrypted data, but", 29) == 0)
		what = "what comes is encrypted, and there is no secret-file";
	else
		return;
	l->key_errors++;
	if (may_say(l, &l->key_said_ns))
		log_warn(0, "'%s': %s", l->text, what);
}

/* In any thread. */
static int
on_log(void *arg, enum rist_log_level level, const char *msg)
{
	struct ristlink *l = arg;
	int len;

	while (*msg == '\t' || *msg == ' ')
		msg++;
	len = (int)strcspn(msg, "\n");
	log_debug("%s%s%s%.*s", l != NULL ? "'" : "", l != NULL ? l->text : "librist",
	    l != NULL ? "': " : ": ", len, msg);
	if (l != NULL)
		look_for_keys(l, msg);
	if (l == NULL || level > RIST_LOG_ERROR)
		return 0;
	pthread_mutex_lock(&l->lock);
	if (*l->why == '\0')
		snprintf(l->why, sizeof(l->why), "%.*s", len, msg);
	pthread_mutex_unlock(&l->lock);
	return 0;
}

static int
failed(struct ristlink *l, int r, char why[static UDP_WHY])
{
	pthread_mutex_lock(&l->lock);
	snprintf(why, UDP_WHY, "%s", *l->why != '\0' ? l->why : "librist refuses it");
	pthread_mutex_unlock(&l->lock);
	return r;
}

/* ---- who is there */

/* Heard of a peer just now; ms of its round trip, or 0. */
static void
hear(struct ristlink *l, uint32_t peer, uint32_t ms)
{
	int64_t now = clk_mono_ns();
	struct ristlink_heard *oldest = &l->heard[0];

	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < RISTLINK_PEERS; i++) {
		struct ristlink_heard *h = &l->heard[i];

		if (h->peer == NOT_KNOWN && peer != NOT_KNOWN)
			h->at_ns = 0;
		if (h->at_ns != 0 && h->peer == peer) {
			oldest = h;
			break;
		}
		oldest = h->at_ns < oldest->at_ns ? h : oldest;
	}
	*oldest = (struct ristlink_heard){ .peer = peer, .ms = ms, .at_ns = now };
	pthread_mutex_unlock(&l->lock);
}

unsigned
ristlink_peers(struct ristlink *l, uint32_t *rtt_ms)
{
	int64_t now = clk_mono_ns();
	unsigned n = 0;

	*rtt_ms = 0;
	pthread_mutex_lock(&l->lock);
	for (unsigned i = 0; i < RISTLINK_PEERS; i++) {
		struct ristlink_heard *h = &l->heard[i];

		if (h->at_ns == 0)
			continue;
		if (now - h->at_ns > ALIVE_NS) {
			l->disconnections += h->peer != NOT_KNOWN;
			h->at_ns = 0;
			continue;
		}
		n++;
		*rtt_ms = h->ms > *rtt_ms ? h->ms : *rtt_ms;
	}
	pthread_mutex_unlock(&l->lock);
	return n;
}

void
ristlink_look(struct ristlink *l, int64_t now_ns)
{
	uint64_t dropped;
	uint32_t ms;

	if (now_ns - l->looked_ns < CLK_SECOND || l->leaving)
		return;
	l->looked_ns = now_ns;
	dropped = ristguard_dropped(l->fd, l->fds) - l->said_dropped;
	if (dropped == 0 || ristlink_peers(l, &ms) > 0 || !may_say(l, &l->dropped_said_ns))
		return;
	l->said_dropped += dropped;
	log_warn(0, "'%s': %llu datagrams are dropped: they are malformed%s", l->text,
	    (unsigned long long)dropped, l->keys.peer.key_size != 0 ? " or not encrypted" : "");
}

static void
on_connection(void *arg, struct rist_peer *peer, enum rist_connection_status status)
{
	struct ristlink *l = arg;
	bool there = status == RIST_CONNECTION_ESTABLISHED || status == RIST_CLIENT_CONNECTED;

	(void)peer;
	log_info("'%s': %s", l->text, there ? "connected" : "disconnected");
	if (there)
		hear(l, NOT_KNOWN, 0);
}

/* Each of the two ports of the simple profile hears no more of those of the other. */
static bool
part_all(struct ristlink *l)
{
	struct ristfilter_source list[RISTFILTER_SOURCES];
	bool done = true;

	for (unsigned i = 0; i < l->fds; i++) {
		unsigned n = ristcallers_apart(&l->known, ristguard_odd(l->fd[i]), list);

		done &= ristguard_part(l->fd[i], list, n) == 0;
	}
	return done;
}

static bool
part(struct ristlink *l, const char *ip, uint16_t port, bool odd, const void *peer)
{
	struct ristfilter_source s = { .port = port };
	uint8_t a[16];
	bool fits;

	if (inet_pton(AF_INET, ip, &a[12]) != 1 && inet_pton(AF_INET6, ip, a) != 1)
		return false;
	s.address = (uint32_t)a[12] << 24 | (uint32_t)a[13] << 16 | (uint32_t)a[14] << 8 | a[15];
	pthread_mutex_lock(&l->lock);
	fits = ristcallers_add(&l->known, peer, &s, odd) && part_all(l);
	if (!fits)
		ristcallers_remove(&l->known, peer);
	pthread_mutex_unlock(&l->lock);
	return fits;
}

/*
 * May one more come?  librist has a thread and hundreds of kilobytes for each sender,
 * and as many senders as there are ports that send something.
 */
static int
on_caller(void *arg, const char *ip, uint16_t port, const char *local_ip,
    uint16_t local_port, struct rist_peer *peer)
{
	struct ristlink *l = arg;

	(void)local_ip;
	if (l->callers < l->most && (l->keys.profile != RIST_PROFILE_SIMPLE ||
	    !l->keys.listening || part(l, ip, port, local_port % 2 != 0, peer))) {
		l->callers++;
		return 0;
	}
	l->refused++;
	return -1;
}

static int
on_gone(void *arg, struct rist_peer *peer)
{
	struct ristlink *l = arg;

	pthread_mutex_lock(&l->lock);
	if (ristcallers_remove(&l->known, peer) && !l->leaving)
		part_all(l);		/* its sockets are there as long as it runs */
	pthread_mutex_unlock(&l->lock);
	l->callers--;
	return 0;
}

/* ---- its numbers */

static uint64_t
get(const json_t *o, const char *key)
{
	double v = json_number_value(json_object_get(o, key));

	return v > 0 ? (uint64_t)v : 0;
}

/* Numbers of the time since the last ones. */
static void
count_sender(struct ristlink *l, const json_t *all)
{
	const json_t *peer = json_object_get(json_object_get(all, "sender-stats"), "peer");
	const json_t *o = json_object_get(peer, "stats");
	uint64_t resent = get(o, "retransmitted"), bloat = get(o, "bloat_skipped");
	uint64_t skipped = get(o, "retransmit_skipped");

	l->resent += resent;
	l->not_resent += skipped;
	l->requests += resent + bloat + skipped;
	if (get(o, "received") > 0)
		hear(l, (uint32_t)get(peer, "id"), (uint32_t)get(o, "rtt"));
}

/* The request that brought it: librist's word, and ours. */
static const struct {
	const char *key, *name;
} by[RISTLINK_TRIES] = {
	{ "recovered_one_nack", "source_arq_recovered_first" },
	{ "recovered_two_nacks", "source_arq_recovered_second" },
	{ "recovered_three_nacks", "source_arq_recovered_third" },
	{ "recovered_four_nacks", "source_arq_recovered_fourth" },
	{ "recovered_more_nacks", "source_arq_recovered_later" },
};

static void
count_receiver(struct ristlink *l, const json_t *all)
{
	const json_t *flow = json_object_get(json_object_get(all, "receiver-stats"),
	    "flowinstant");
	const json_t *o = json_object_get(flow, "stats"), *peer;
	size_t i;

	for (i = 0; i < RISTLINK_TRIES; i++)
		l->recovered_by[i] += get(o, by[i].key);
	l->received += get(o, "received");
	l->requests += get(o, "retries");
	l->recovered += get(o, "recovered_total");
	l->lost += get(o, "lost");
	l->late += get(o, "dropped_late");
	l->duplicates += get(o, "duplicates");
	json_array_foreach(json_object_get(flow, "peers"), i, peer)
		if (get(peer, "dead") == 0)
			hear(l, (uint32_t)get(peer, "id"),
			    (uint32_t)get(json_object_get(peer, "stats"), "rtt"));
}

static int
on_stats(void *arg, const struct rist_stats *stats)
{
	json_t *all = json_loads(stats->stats_json, 0, NULL);

	if (stats->stats_type == RIST_STATS_SENDER_PEER)
		count_sender(arg, all);
	else
		count_receiver(arg, all);
	json_decref(all);
	rist_stats_free(stats);
	return 0;
}

void
ristlink_numbers(struct ristlink *l, bool input, struct numbers *all)
{
	uint32_t rtt_ms;
	unsigned peers = ristlink_peers(l, &rtt_ms);

	if (!l->leaving)
		l->dropped = ristguard_dropped(l->fd, l->fds);
	if (!input) {
		numbers_add(all, "output_peers", "gauge", "Receivers that are heard.", peers);
		numbers_add(all, "output_round_trip_time", "gauge",
		    "Milliseconds there and back; the longest, of several.", rtt_ms);
		numbers_add(all, "output_arq_requests", "counter",
		    "Datagrams that receivers asked for again.", l->requests);
		numbers_add(all, "output_resent_packets", "counter",
		    "Datagrams that were sent again.", l->resent);
		numbers_add(all, "output_not_recovered_packets", "counter",
		    "Datagrams that were asked for too late.", l->not_resent);
		numbers_add(all, "output_refused_callers", "counter",
		    "Callers that were refused.", l->refused);
		numbers_add(all, "output_key_errors", "counter",
		    "Times that what came did not have our key.", l->key_errors);
		numbers_add(all, "output_screened_packets", "counter",
		    "Datagrams that were malformed, not encrypted, or did not find room.",
		    l->dropped);
		return;
	}
	numbers_add(all, "source_peers", "gauge", "Senders that are heard.", peers);
	numbers_add(all, "source_round_trip_time", "gauge",
	    "Milliseconds there and back; the longest, of several.", rtt_ms);
	numbers_add(all, "source_refused_callers", "counter",
	    "Callers that were refused.", l->refused);
	numbers_add(all, "source_key_errors", "counter",
	    "Times that what came did not have our key.", l->key_errors);
	numbers_add(all, "source_screened_packets", "counter",
	    "Datagrams that were malformed, not encrypted, or did not find room.",
	    l->dropped);
	numbers_add(all, "source_disconnections", "counter", "Times that a sender went.",
	    l->disconnections);
	numbers_add(all, "source_arq_requests", "counter",
	    "Requests to send a datagram again.", l->requests);
	numbers_add(all, "source_arq_recovered", "counter",
	    "Datagrams that came because they were asked for.", l->recovered);
	for (unsigned i = 0; i < RISTLINK_TRIES; i++)
		numbers_add(all, by[i].name, "counter", "Of those, by that request.",
		    l->recovered_by[i]);
	numbers_add(all, "source_missing_packets", "counter",
	    "Datagrams that did not come at first.", l->recovered + l->lost);
	numbers_add(all, "source_arq_lost", "counter",
	    "Datagrams that did not come in time in spite of it.", l->lost);
	numbers_add(all, "source_arq_late", "counter",
	    "Datagrams that came after they were given up.", l->late);
	numbers_add(all, "source_arq_duplicates", "counter",
	    "Datagrams that came more than once.", l->duplicates);
}

/* ---- begin and end */

/* Is a port free?  librist would share it, and does not say why it cannot have one. */
static int
try_port(const struct url *url, unsigned more, char why[static UDP_WHY])
{
	struct url *copy = malloc(sizeof(*copy));
	struct udp_in in;
	int r = -ENOMEM;

	snprintf(why, UDP_WHY, "out of memory");
	if (copy == NULL)
		return r;
	*copy = *url;
	copy->port = (uint16_t)(copy->port + more);
	r = udp_open_in(&in, copy, why);
	free(copy);
	if (r == 0)
		close(in.fd);
	return r;
}

/* Is there such a host?  librist would go on asking, and not say so. */
static int
try_host(const struct url *url, char why[static UDP_WHY])
{
	struct sockaddr_storage sa;
	socklen_t len;

	return udp_resolve(url->host, url->port, AF_UNSPEC, &sa, &len, why);
}

static int
set_login(struct ristlink *l)
{
	const struct rist_peer_config *c = &l->keys.peer;

	if (*c->srp_username != '\0')
		return rist_enable_eap_srp(l->peer, c->srp_username, c->srp_password, NULL, NULL);
	if (*l->keys.users != '\0')
		return rist_enable_eap_srp(l->peer, NULL, NULL, ristlogin_find, l->keys.users);
	return 0;
}

int
ristlink_open(struct ristlink *l, const char *text, struct url *url, bool input,
    uint32_t flow_id, char why[static UDP_WHY])
{
	struct rist_logging_settings all = LOGGING_SETTINGS_INITIALIZER;
	int r;

	l->text = text;
	if ((r = ristkeys_get(&l->keys, url, input, why)) < 0)
		return r;
	if (l->keys.listening && ((r = try_port(url, 0, why)) < 0 ||
	    (l->keys.profile == RIST_PROFILE_SIMPLE && (r = try_port(url, 1, why)) < 0)))
		return r;
	if (!l->keys.listening && (r = try_host(url, why)) < 0)
		return r;
	pthread_mutex_init(&l->lock, NULL);
	l->locked = true;
	l->logging = all;
	l->logging.log_level = all.log_level = RIST_LOG_INFO;
	l->logging.log_cb = all.log_cb = on_log;
	l->logging.log_cb_arg = l;
	rist_logging_set_global(&all);		/* of what has no context */
	if ((input ? rist_receiver_create(&l->ctx, l->keys.profile, &l->logging) :
	    rist_sender_create(&l->ctx, l->keys.profile, flow_id & ~1u, &l->logging)) < 0)
		return failed(l, -ENOMEM, why);
	l->most = input ? RISTLINK_SENDERS : RISTLINK_RECEIVERS;
	if (rist_stats_callback_set(l->ctx, STATS_MS, on_stats, l) < 0 ||
	    rist_auth_handler_set(l->ctx, on_caller, on_gone, l) < 0 ||
	    rist_connection_status_callback_set(l->ctx, on_connection, l) < 0 ||
	    (input && rist_receiver_nack_type_set(l->ctx, l->keys.nacks) < 0))
		return failed(l, -EINVAL, why);
	return 0;
}

/* It cannot be done without: 'g' is what tells of its sockets. */
static int
start_guarded(struct ristlink *l, struct ristguard *g)
{
	const struct rist_peer_config *c = &l->keys.peer;
	int r;

	if (l->keys.profile == RIST_PROFILE_SIMPLE)
		g->kind = l->keys.listening ? RISTFILTER_RTP : RISTFILTER_RTCP;
	else
		g->kind = c->key_size != 0 ? RISTFILTER_KEYED : RISTFILTER_CLEAR;
	g->login = *c->srp_username != '\0' || *l->keys.users != '\0';
	if ((r = ristguard_before(g)) < 0)
		return r;
	if (rist_peer_create(l->ctx, &l->peer, c) < 0)
		return -EADDRNOTAVAIL;
	if ((r = ristguard_after(g)) < 0)
		return r;
	memcpy(l->fd, g->fd, sizeof(l->fd));
	l->fds = g->n;
	return 0;
}

int
ristlink_start(struct ristlink *l, char why[static UDP_WHY])
{
	struct ristguard *g = malloc(sizeof(*g));
	int r = g != NULL ? start_guarded(l, g) : -ENOMEM;

	free(g);
	if (r < 0)
		return failed(l, r, why);
	if (set_login(l) != 0 || rist_start(l->ctx) < 0)
		return failed(l, -EIO, why);
	return 0;
}

static void *
leave(void *arg)
{
	struct ristlink *l = arg;

	if (l->first != NULL)
		l->first(l->first_arg);
	rist_destroy(l->ctx);
	l->gone = true;
	return NULL;
}

void
ristlink_leave(struct ristlink *l, void (*first)(void *arg), void *arg)
{
	if (l->leaving || l->ctx == NULL)
		return;
	l->leaving = true;
	l->first = first;
	l->first_arg = arg;
	l->threaded = pthread_create(&l->leaver, NULL, leave, l) == 0;
	if (!l->threaded)
		leave(l);
}

bool
ristlink_gone(const struct ristlink *l)
{
	return l->leaving ? l->gone : l->ctx == NULL;
}

void
ristlink_free(struct ristlink *l)
{
	if (l->ctx != NULL && !l->leaving) {
		l->leaving = true;
		rist_destroy(l->ctx);
	}
	if (l->threaded)
		pthread_join(l->leaver, NULL);
	if (l->locked)
		pthread_mutex_destroy(&l->lock);
	ristkeys_clear(&l->keys);
}
