#include <stdlib.h>

#include "lib/base/clk.h"
#include "lib/leg/legbatch.h"

struct leg_batch *
leg_batch_new(void)
{
	return calloc(1, sizeof(struct leg_batch));
}

void
leg_batch_free(struct leg_batch *b)
{
	free(b);
}

bool
leg_batch_fill(struct leg_batch *b, struct udp_in *in)
{
	int64_t now = clk_mono_ns(), offset = now - clk_utc_ns();
	int n;

	for (unsigned i = 0; i < LEG_BATCH; i++) {
		b->iov[i] = (struct iovec){ b->buf[i], UDP_DATAGRAM };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &b->iov[i], .msg_iovlen = 1,
			.msg_name = &b->from[i], .msg_namelen = sizeof(b->from[i]),
			.msg_control = &b->control[i],
			.msg_controllen = sizeof(b->control[i]),
		};
	}
	n = recvmmsg(in->fd, b->msg, LEG_BATCH, MSG_DONTWAIT, NULL);
	b->next = 0;
	b->n = n > 0 ? (unsigned)n : 0;
	for (unsigned i = 0; i < b->n; i++) {
		struct udp_note note = udp_note(in, &b->msg[i].msg_hdr);
		int64_t at = note.utc_ns + offset;

		/* Only if the clock of the day is not being set. */
		if (at > now || at < now - CLK_SECOND)
			at = now;
		b->note[i] = (struct leg_note){ at, note.segment };
	}
	return b->n == LEG_BATCH;
}

void
leg_batch_give(const struct leg_batch *b, unsigned i, struct leg *l,
    const struct udp_in *in, const struct leg_taker *t,
    void (*give)(struct leg *l, const uint8_t *p, size_t len, int64_t at_ns,
    const struct leg_taker *t))
{
	const struct leg_note *note = &b->note[i];
	size_t len = b->msg[i].msg_len, one = note->segment > 0 ? note->segment : len;

	l->read_ns = note->at_ns;
	if (!udp_wanted(in, &b->from[i])) {
		l->foreign += one > 0 ? (len + one - 1) / one : 1;
		return;
	}
	l->truncated += (b->msg[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
	if (len == 0)
		give(l, b->buf[i], 0, note->at_ns, t);
	for (size_t pos = 0; pos < len; pos += one)
		give(l, b->buf[i] + pos, len - pos < one ? len - pos : one, note->at_ns, t);
}
