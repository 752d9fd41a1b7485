/*
 * A leg that receives RIST.  Threads of librist give what is in order to a queue of ours,
 * with the time; a timer that its owner waits for runs from the first of them on, so that
 * some are read at once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/leg/legkind.h"
#include "lib/leg/ristlink.h"
#include "lib/media/ts.h"

#define QUEUE		8192
#define BATCH		64
#define RTP_HZ		90000
#define WAIT_NS		INT64_C(4000000)

struct legrist {
	struct ristlink link;
	int	 fd;			/* the timer */
	pthread_mutex_t lock;		/* of what follows */
	struct ristdata {
		struct rist_data_block *block;
		int64_t	 at_ns;
	} slot[QUEUE];
	unsigned first, n;
	uint64_t overflow;
};

/* In a thread of librist, one for each sender. */
static int
on_data(void *arg, struct rist_data_block *block)
{
	static const struct itimerspec soon = { .it_value = { .tv_nsec = WAIT_NS } };
	struct legrist *s = arg;
	bool full;

	pthread_mutex_lock(&s->lock);
	full = s->n == QUEUE;
	if (full)
		s->overflow++;
	else
		s->slot[(s->first + s->n++) % QUEUE] = (struct ristdata){ block, clk_mono_ns() };
	if (s->n == 1)
		timerfd_settime(s->fd, 0, &soon, NULL);
	pthread_mutex_unlock(&s->lock);
	if (full)
		rist_receiver_data_block_free2(&block);
	return 0;
}

/* At most so many; *more: there are others. */
static unsigned
take_blocks(struct legrist *s, struct ristdata *list, unsigned most, bool *more)
{
	uint64_t times;
	unsigned n = 0;

	pthread_mutex_lock(&s->lock);
	for (; n < most && s->n > 0; s->n--) {
		list[n++] = s->slot[s->first];
		s->first = (s->first + 1) % QUEUE;
	}
	*more = s->n > 0;
	if (!*more && read(s->fd, &times, sizeof(times)) < 0) {
		/* It has not run out. */
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

/*
 * With the RTP that librist has taken off.  Its numbers are those of the sender, so that
 * it can be merged with what comes another way; and holes are seen by them.
 */
static void
take_block(struct leg *l, const struct rist_data_block *b, int64_t at_ns,
    const struct leg_taker *t)
{
	const uint8_t *p = b->payload;
	struct rtp_packet rtp = {
		.type = RTP_TYPE_TS, .seq = (uint16_t)b->seq, .ssrc = b->flow_id,
		.timestamp = (uint32_t)(b->ts_ntp * RTP_HZ >> 32),
		.payload = p, .payload_len = b->payload_len,
	};
	uint8_t whole[UDP_DATAGRAM];
	int n;

	if (b->payload_len > 0 && p[0] == TS_SYNC &&
	    (n = rtp_put(whole, sizeof(whole), &rtp)) > 0)
		leg_datagram(l, whole, (size_t)n, at_ns, t);
	else					/* RTP inside RIST, or nothing for us */
		leg_datagram(l, p, b->payload_len, at_ns, t);
}

static bool
read_rist(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	struct ristdata list[BATCH];
	bool more;
	unsigned n = take_blocks(l->state, list, BATCH, &more);

	(void)b;
	for (unsigned i = 0; i < n; i++) {
		take_block(l, list[i].block, list[i].at_ns, t);
		rist_receiver_data_block_free2(&list[i].block);
	}
	return more;
}

static void
look(struct leg *l, int64_t now_ns)
{
	struct legrist *s = l->state;

	ristlink_look(&s->link, now_ns);
}

static bool
leave_rist(struct leg *l)
{
	struct legrist *s = l->state;

	ristlink_leave(&s->link, NULL, NULL);
	return ristlink_gone(&s->link);
}

static void
close_rist(struct leg *l)
{
	struct legrist *s = l->state;
	struct ristdata list[BATCH];
	unsigned n = 0;
	bool more = true;

	if (s == NULL)
		return;
	ristlink_free(&s->link);
	while (more) {
		n = take_blocks(s, list, BATCH, &more);
		while (n > 0)
			rist_receiver_data_block_free2(&list[--n].block);
	}
	pthread_mutex_destroy(&s->lock);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void
count_rist(const struct leg *l, struct numbers *all)
{
	struct legrist *s = l->state;
	uint64_t overflow;

	pthread_mutex_lock(&s->lock);
	overflow = s->overflow;
	pthread_mutex_unlock(&s->lock);
	numbers_add(all, "source_dropped_packets", "counter",
	    "Datagrams dropped since a receive buffer was full.", overflow);
	ristlink_numbers(&s->link, true, all);
}

static const struct leg_ops rist_ops = {
	.read = read_rist, .close = close_rist, .numbers = count_rist, .leave = leave_rist,
	.look = look,
};

int
leg_open_rist(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	struct legrist *s = calloc(1, sizeof(*s));
	int r;

	l->state = s;
	l->ops = &rist_ops;
	snprintf(why, UDP_WHY, "out of memory");
	if (s == NULL)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	if ((s->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) < 0)
		return -errno;
	l->fd = s->fd;
	l->in_order = true;
	if ((r = ristlink_open(&s->link, l->text, url, true, 0, why)) < 0)
		return r;
	/* Its own queue is not used: one of its flows may go while it is read. */
	if (rist_receiver_set_output_fifo_size(s->link.ctx, 0) < 0 ||
	    rist_receiver_data_callback_set2(s->link.ctx, on_data, s) < 0) {
		snprintf(why, UDP_WHY, "librist refuses it");
		return -EINVAL;
	}
	return ristlink_start(&s->link, why);
}
