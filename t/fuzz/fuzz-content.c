/*
 * Packets of up to 16 legs, each an action of two bytes: the next of a stream, one that
 * is alike, a null packet, a table, a jump, time.  Each is in one count, what waits and
 * what is in the list are where the indexes say, and all comes out in the end.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/content.c"
#include "transport/contentapart.c"
#include "transport/contentlist.c"
#include "transport/contentput.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define MS		INT64_C(1000000)

static struct content c;
static uint64_t popped;

static void
fill(uint8_t p[static TS_PACKET], unsigned n, bool null)
{
	memset(p, 0xff, TS_PACKET);
	p[0] = TS_SYNC;
	p[1] = null ? 0x1f : n % 64 == 1 ? 0 : 1;
	p[2] = null ? 0xff : n % 64 == 1 ? 0 : (uint8_t)(n % 3);
	p[3] = (uint8_t)(0x10 | n / 3 % 16);
	if (!null && n % 64 != 1)
		memcpy(p + 4, &n, sizeof(n));
}

static void
check_list(void)
{
	uint32_t n, last = 0, count = 0;

	for (n = c.head; n != 0; last = n, n = c.node[n].next, count++)
		if (c.node[n].id == 0 || c.node[n].prev != last ||
		    (last != 0 && c.node[n].order <= c.node[last].order) ||
		    (!c.node[n].mute && content_find(&c, n, c.node[n].hash) != n))
			abort();
	if (count != c.in_list || last != c.tail)
		abort();
}

static uint32_t
check_waiting(const struct content_leg *l)
{
	uint32_t n, last = 0, count = 0, mute = 0, hits = 0;

	for (n = l->wait_first; n != 0; last = n, n = c.node[n].next, count++) {
		uint32_t w = c.node[n].mute ? n : content_find_waiting(&c, c.node[n].hash);

		while (w != n && w != 0)
			w = content_find_next(&c, w);
		if (w != n || c.node[n].id == 0 || c.node[n].prev != last)
			abort();
		mute += c.node[n].mute;
		hits += c.node[n].hit;
	}
	if (count != l->nwait || mute != l->nmute || hits != l->hits || last != l->wait_last)
		abort();
	return count;
}

static void
check(void)
{
	uint32_t waiting = 0;

	check_list();
	for (unsigned i = 0; i < CONTENT_LEGS; i++) {
		waiting += check_waiting(&c.leg[i]);
	}
	if (!content_ledger_ok(&c) || c.in_list + waiting + c.nfree != CONTENT_NODES - 1)
		abort();
}

static void
pop(int64_t now_ns)
{
	while (content_pop(&c, now_ns) != NULL)
		popped++;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	unsigned at[CONTENT_LEGS] = { 0 };
	int64_t now = 1;
	uint8_t p[TS_PACKET];
	uint64_t given = 0;

	if (content_init(&c, 100 * MS) < 0)
		abort();
	popped = 0;
	for (size_t i = 0; i + 1 < len; i += 2) {
		unsigned leg = data[i] % CONTENT_LEGS, what = data[i] / 16, n = data[i + 1];

		now += MS / 4;
		switch (what) {
		case 0:				/* another stream */
			at[leg] += 1000000 * n;
			break;
		case 1:
			at[leg] += n;
			break;
		case 2:
			at[leg] -= n < at[leg] ? n : at[leg];
			break;
		case 3:
			now += n * MS;
			break;
		case 4:				/* goes, and another one comes */
			given += c.leg[leg].first;
			content_forget_leg(&c, leg);
			break;
		case 5:				/* alike */
			for (unsigned k = n % 16; k > 0; k--) {
				fill(p, at[leg], false);
				content_push(&c, leg, p, now);
			}
			break;
		case 6:
		case 7:
			fill(p, 0, true);
			for (unsigned k = n % 4; k > 0; k--)
				content_push(&c, leg, p, now);
			break;
		default:			/* some in a row */
			for (unsigned k = n % 32; k > 0; k--) {
				fill(p, at[leg], at[leg] % 5 == 0 && n < 128);
				content_push(&c, leg, p, now);
				at[leg]++;
			}
		}
		pop(now);
		content_deadline(&c);
		if (i % 16 == 0)
			check();
	}
	content_flush(&c);
	pop(now);
	for (unsigned i = 0; i < CONTENT_LEGS; i++) {
		given += c.leg[i].first;
		if (c.leg[i].nwait > 0)
			abort();
	}
	check();
	if (c.in_list > 0 || popped != given || popped != c.delivered)
		abort();
	content_free(&c);
	return 0;
}
