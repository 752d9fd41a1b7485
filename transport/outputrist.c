/*
 * An output that sends RIST.  librist holds its lock while it sends to all receivers and
 * sends again what they ask for, so that writing to it may wait: that is done by a thread
 * of ours, which the relay hands copies to.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/leg/ristlink.h"
#include "transport/outputkind.h"

#define QUEUE		1024		/* datagrams; power of two */
#define NTP_1970	((INT64_C(70) * 365 + 17) * 86400)	/* seconds since 1900 */
#define CHECK_NS	(CLK_SECOND / 4)	/* to see who is there */
#define LINGER_MS	2000		/* for what is asked for again, at most */

struct slot {
	int64_t	 due_ns;
	uint32_t len;
	uint16_t seq;
	uint8_t	 data[PACKET_ROOM];
};

struct outputrist {
	struct ristlink link;
	pthread_t feeder;
	bool	 fed;			/* there is a feeder */
	sem_t	 wake;
	atomic_bool leaving;
	atomic_uint put, got;		/* slots, modulo 2^32 */
	atomic_uint refused;		/* by librist, and not yet told */
	struct slot slot[QUEUE];
	unsigned peers;			/* as of check_ns */
	int64_t	 check_ns;
};

/* ---- in the feeder's thread */

/* As librist makes it of the same clock: its reports of the sender are by that. */
static uint64_t
ntp(int64_t ns)
{
	return (uint64_t)(ns / CLK_SECOND + NTP_1970) << 32 |
	    ((uint64_t)(ns % CLK_SECOND) << 32) / (uint64_t)CLK_SECOND;
}

/*
 * With the numbers that all outputs have, and the time at which it was due: two RIST
 * outputs are one stream by two ways.
 */
static bool
feed(struct rist_ctx *ctx, const struct slot *s)
{
	const struct rist_data_block block = {
		.payload = s->data, .payload_len = s->len, .ts_ntp = ntp(s->due_ns),
		.seq = s->seq, .flags = RIST_DATA_FLAGS_USE_SEQ,
	};

	return rist_sender_data_write(ctx, &block) >= 0;
}

static void *
run_feeder(void *arg)
{
	struct outputrist *s = arg;

	for (;;) {
		unsigned got = s->got;

		if (got == s->put) {
			if (s->leaving)
				return NULL;
			sem_wait(&s->wake);
			continue;
		}
		s->refused += !feed(s->link.ctx, &s->slot[got % QUEUE]);
		s->got = got + 1;
	}
}

/* In the thread that ends it: all has to be sent, and may be asked for again. */
static void
finish(void *arg)
{
	struct outputrist *s = arg;
	uint32_t ms = s->link.keys.peer.recovery_length_max, rtt_ms;

	pthread_join(s->feeder, NULL);
	ms = ms < LINGER_MS ? ms : LINGER_MS;
	if (s->put > 0 && ristlink_peers(&s->link, &rtt_ms) > 0)
		nanosleep(&(struct timespec){ .tv_sec = ms / 1000,
		    .tv_nsec = ms % 1000 * INT64_C(1000000) }, NULL);
}

/* ---- in the relay's */

static void
look(struct output *o, struct outputrist *s, int64_t now_ns)
{
	unsigned refused = atomic_exchange(&s->refused, 0);
	uint32_t rtt_ms;

	o->sent -= refused;
	o->failed += refused;
	if (now_ns - s->check_ns < CHECK_NS)
		return;
	s->check_ns = now_ns;
	s->peers = ristlink_peers(&s->link, &rtt_ms);
	o->disconnections = s->link.disconnections;
	ristlink_look(&s->link, now_ns);
}

static void
send_rist(struct output *o, const struct fan *f, int64_t now_ns)
{
	struct outputrist *s = o->state;
	unsigned put = s->put, before = put;

	look(o, s, now_ns);
	for (; o->place < f->due; o->place++) {
		const struct packet *p = fan_at(f, o->place);
		const uint8_t *head = p->data - FAN_RTP;
		struct slot *slot = &s->slot[put % QUEUE];

		if (p->len > PACKET_ROOM) {
			o->failed++;
			continue;
		}
		if (put - s->got == QUEUE) {
			o->dropped++;
			continue;
		}
		memcpy(slot->data, p->data, p->len);
		slot->len = p->len;
		slot->seq = (uint16_t)(head[2] << 8 | head[3]);
		slot->due_ns = p->due_ns;
		s->put = ++put;
		o->sent++;
		o->bytes += p->len;
	}
	if (put != before)
		sem_post(&s->wake);
	if (put != before && s->peers > 0)
		o->sent_ns = now_ns;
}

static void
end_feeder(struct outputrist *s)
{
	s->leaving = true;
	sem_post(&s->wake);
}

static bool
leave_rist(struct output *o)
{
	struct outputrist *s = o->state;

	if (!s->link.leaving) {
		end_feeder(s);
		ristlink_leave(&s->link, s->fed ? finish : NULL, s);
	}
	return ristlink_gone(&s->link);
}

static void
close_rist(struct output *o)
{
	struct outputrist *s = o->state;

	if (s == NULL)
		return;
	if (!s->link.leaving && s->fed) {
		end_feeder(s);
		pthread_join(s->feeder, NULL);
	}
	ristlink_free(&s->link);
	sem_destroy(&s->wake);
	free(s);
}

static void
count_rist(const struct output *o, struct numbers *all)
{
	struct outputrist *s = o->state;

	ristlink_numbers(&s->link, false, all);
}

static const struct output_ops rist_ops = {
	.tells_time = true, .send = send_rist, .close = close_rist, .numbers = count_rist, .leave = leave_rist,
};

int
output_open_rist(struct output *o, struct url *url, char why[static UDP_WHY])
{
	struct outputrist *s = calloc(1, sizeof(*s));
	int r;

	o->state = s;
	o->ops = &rist_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (s == NULL)
		return -ENOMEM;
	sem_init(&s->wake, 0, 0);
	if ((r = ristlink_open(&s->link, o->text, url, false, o->ssrc, why)) < 0 ||
	    (r = ristlink_start(&s->link, why)) < 0)
		return r;
	if ((r = pthread_create(&s->feeder, NULL, run_feeder, s)) != 0)
		return -r;
	s->fed = true;
	return 0;
}
