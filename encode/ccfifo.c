#include <string.h>

#include "encode/ccfifo.h"

enum { CC_FIELD_1, CC_FIELD_2, CC_DATA, CC_START };	/* cc_type */

void
ccfifo_init(struct ccfifo *f, struct rational rate, bool same_rate)
{
	*f = (struct ccfifo){ .rate = rate, .same_rate = same_rate, .idle = -1 };
}

static void
push(struct ccfifo *f, struct cc_queue *q, const uint8_t t[static 3])
{
	if (q->n == CC_QUEUE) {
		f->dropped++;
		return;
	}
	memcpy(q->t[(q->head + q->n++) % CC_QUEUE], t, 3);
}

static const uint8_t *
pop(struct cc_queue *q)
{
	const uint8_t *t = q->t[q->head];

	if (q->n == 0)
		return NULL;
	q->head = (q->head + 1) % CC_QUEUE;
	q->n--;
	return t;
}

/* What came as one picture's goes into the queues, without its padding. */
static void
enqueue(struct ccfifo *f, const uint8_t *triplets, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *t = triplets + 3 * i;
		unsigned type = t[0] & 3u;

		if ((t[0] & 4) == 0)
			continue;		/* not valid */
		if (type >= CC_DATA)
			push(f, &f->dtvcc, t);
		else if ((t[1] & 0x7f) != 0 || (t[2] & 0x7f) != 0)
			push(f, &f->field[type], t);
	}
}

static void
spill(struct ccfifo *f)
{
	enqueue(f, f->last[0], f->fresh);
	f->fresh = 0;
}

static bool
queues_empty(const struct ccfifo *f)
{
	return f->field[0].n == 0 && f->field[1].n == 0 && f->dtvcc.n == 0;
}

void
ccfifo_put(struct ccfifo *f, const uint8_t *triplets, size_t len)
{
	size_t n = len / 3;

	spill(f);
	f->idle = 0;
	if (n > CC_TRIPLETS) {		/* a decoder that had to wait gives several */
		enqueue(f, triplets, n);
		return;
	}
	memcpy(f->last, triplets, n * 3);
	f->fresh = (unsigned)n;
}

/* Field pairs due up to and with picture n: two fields, 30000/1001 a second. */
static int64_t
pairs_until(const struct ccfifo *f, int64_t n)
{
	return rescale_down(n, 60000 * f->rate.den, 1001 * f->rate.num);
}

static unsigned
pack(struct ccfifo *f, uint8_t (*out)[3])
{
	static const uint8_t empty[2][3] = {
		{ 0xfc, 0x80, 0x80 }, { 0xfd, 0x80, 0x80 },
	};
	int64_t first = pairs_until(f, f->pictures);
	int64_t last = pairs_until(f, f->pictures + 1);
	int64_t total = rescale_down(600, f->rate.den, f->rate.num);
	unsigned n = 0;

	if (total > CC_TRIPLETS)
		total = CC_TRIPLETS;
	if (total < 2)
		total = 2;
	for (int64_t i = first; i < last && n < total; i++) {
		const uint8_t *t = pop(&f->field[i & 1]);

		memcpy(out[n++], t != NULL ? t : empty[i & 1], 3);
	}
	while (n < total) {
		const uint8_t *t = pop(&f->dtvcc);

		if (t == NULL)
			break;
		memcpy(out[n++], t, 3);
	}
	while (n < total)
		memcpy(out[n++], (const uint8_t[3]){ 0xfa, 0, 0 }, 3);
	return n;
}

size_t
ccfifo_take(struct ccfifo *f, uint8_t p[static CC_PAYLOAD_MAX])
{
	static const uint8_t head[] = { 0xb5, 0, 0x31, 'G', 'A', '9', '4', 3 };
	uint8_t t[CC_TRIPLETS][3];
	unsigned n = 0;

	if (f->idle < 0)
		return 0;
	if (f->same_rate && queues_empty(f)) {
		n = f->fresh;
		memcpy(t, f->last, n * sizeof(t[0]));
		f->fresh = 0;
	} else {
		spill(f);
		if (!queues_empty(f) || f->idle * f->rate.den < f->rate.num)
			n = pack(f, t);
	}
	f->pictures++;
	f->idle++;
	if (n == 0)
		return 0;
	memcpy(p, head, sizeof(head));
	p[8] = (uint8_t)(0xc0 | n);
	p[9] = 0xff;
	memcpy(p + 10, t, n * sizeof(t[0]));
	p[10 + n * 3] = 0xff;
	return 10 + n * 3 + 1;
}
