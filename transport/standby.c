#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/pes.h"
#include "transport/standby.h"

#define FORGET_NS	(10 * CLK_SECOND)	/* a PID without random access */

void
standby_init(struct standby *s, int64_t age_ns, size_t limit)
{
	memset(s, 0, sizeof(*s));
	s->age_ns = age_ns;
	s->limit = limit;
	s->last = &s->first;
	s->pid = -1;
	s->now.n = 1;				/* PID 0 */
	psi_collect_init(&s->pat);
}

void
standby_free(struct standby *s)
{
	standby_drop(s);
}

/* ---- where a decoder can begin */

static bool
begins(const uint8_t *p, bool *video)
{
	struct ts_packet t;

	if ((p[1] & 0x40) == 0 || (p[3] & 0x30) != 0x30 || p[4] == 0 || (p[5] & 0x40) == 0 ||
	    ts_parse(p, &t) < 0 || t.payload == NULL)
		return false;
	*video = !t.scrambled && t.payload_len >= 4 &&
	    memcmp(t.payload, "\0\0\1", 3) == 0 && (t.payload[3] & 0xf0) == PES_VIDEO;
	return true;
}

bool
standby_clean(struct standby *s, const struct packet *pkt,
    const struct pidfilter *only, int64_t at_ns)
{
	for (size_t i = 0; i < pkt->len; i += TS_PACKET) {
		const uint8_t *p = pkt->data + i;
		int pid = (p[1] & 0x1f) << 8 | p[2];
		bool video;

		if (!begins(p, &video) || !pidfilter_passes(only, (unsigned)pid))
			continue;
		if (s->pid >= 0 && pid != s->pid && at_ns - s->pid_ns < FORGET_NS &&
		    (s->video || !video))
			continue;
		s->pid = pid;
		s->video = video;
		s->pid_ns = at_ns;
		return true;
	}
	return false;
}

/* ---- tables */

static struct standby_table *
find_table(struct standby_tables *t, uint16_t pid)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->table[i].pid == pid)
			return &t->table[i];
	return NULL;
}

/* What is known of a PID that is still one of a PMT stays. */
static void
follow_pat(struct standby *s, const struct pat *pat)
{
	struct standby_tables *t = &s->now;
	unsigned n = 1;

	for (unsigned i = 1; i < t->n; i++)
		for (unsigned k = 0; k < pat->n; k++)
			if (pat->program[k].pid == t->table[i].pid) {
				t->table[n++] = t->table[i];
				break;
			}
	t->n = n;
	for (unsigned k = 0; k < pat->n && t->n < STANDBY_TABLES; k++)
		if (find_table(t, pat->program[k].pid) == NULL) {
			t->table[t->n].pid = pat->program[k].pid;
			t->table[t->n++].n = 0;
		}
}

static void
read_pat(struct standby *s, const uint8_t *p)
{
	const uint8_t *section;
	struct ts_packet t;
	struct pat pat;
	size_t len;
	int r;

	if (ts_parse(p, &t) < 0)
		return;
	while ((r = psi_collect_next(&s->pat, &t, &section, &len)) != 0)
		if (r > 0 && pat_parse(section, len, &pat) == 0)
			follow_pat(s, &pat);
}

void
standby_note(struct standby *s, const struct packet *pkt)
{
	for (size_t i = 0; i < pkt->len; i += TS_PACKET) {
		const uint8_t *p = pkt->data + i;
		uint16_t pid = (uint16_t)((p[1] & 0x1f) << 8 | p[2]);
		struct standby_table *t = find_table(&s->now, pid);

		if (t == NULL || (p[1] & 0x80) != 0 || (p[3] & 0x10) == 0)
			continue;
		if ((p[1] & 0x40) != 0)
			t->n = 0;
		else if (t->n == 0)
			continue;		/* how it began is not known */
		if (t->n < STANDBY_SECTION)
			memcpy(t->packet[t->n++], p, TS_PACKET);
		else
			t->n = 0;		/* too long */
		if (pid == 0)
			read_pat(s, p);
	}
}

/* ---- what is kept */

struct packet *
standby_pop(struct standby *s)
{
	struct packet *pkt = s->first;

	if (pkt == NULL)
		return NULL;
	s->first = pkt->next;
	if (s->first == NULL)
		s->last = &s->first;
	s->bytes -= pkt->len;
	s->kept--;
	return pkt;
}

unsigned
standby_drop(struct standby *s)
{
	struct packet *pkt;
	unsigned n = 0;

	for (; (pkt = standby_pop(s)) != NULL; n++)
		packet_unref(pkt);
	return n;
}

unsigned
standby_keep(struct standby *s, struct packet *pkt, bool clean, int64_t at_ns)
{
	unsigned gone = 0;

	if (clean || (s->kept > 0 && (at_ns - s->first_ns > s->age_ns ||
	    s->bytes + pkt->len > s->limit)))
		gone = standby_drop(s);
	if ((s->kept == 0 && !clean) || pkt->len > s->limit || s->age_ns == 0) {
		packet_unref(pkt);
		return gone + 1;
	}
	if (clean) {
		s->then = s->now;
		s->first_ns = at_ns;
	}
	pkt->due_ns = at_ns;
	pkt->next = NULL;
	*s->last = pkt;
	s->last = &pkt->next;
	s->bytes += pkt->len;
	s->kept++;
	return gone;
}
