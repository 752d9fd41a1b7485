/* mlive-cue strip: the stream without its cues; all else passes byte for byte. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "schedule/cue.h"
#include "schedule/pass.h"
#include "schedule/tables.h"

struct strip {
	const struct cue_options *o;
	struct pass pass;
	struct tables tables;
	bool	 gone[TS_NPID];		/* PIDs of cues */
	uint8_t	 desc[1024];		/* of a program, without its registration */
	uint64_t packets;		/* taken out */
};

static bool
is_cue(const struct strip *s, const struct pmt_stream *t)
{
	return t->stream_type == CUE_STREAM_TYPE && (s->o->pid == 0 || t->pid == s->o->pid);
}

/* The registration CUEI goes with the last PID of cues.  True if there was one. */
static bool
drop_registration(struct strip *s, struct pmt *pmt)
{
	size_t fill = 0, before = pmt->desc_len;

	for (size_t i = 0; i + 2 <= pmt->desc_len; i += 2 + (size_t)pmt->desc[i + 1]) {
		size_t n = 2 + (size_t)pmt->desc[i + 1];

		if (n > pmt->desc_len - i || fill + n > sizeof(s->desc))
			return false;	/* damaged: leave it */
		if (pmt->desc[i] == DESC_REGISTRATION && n >= 6 &&
		    memcmp(pmt->desc + i + 2, "CUEI", 4) == 0)
			continue;
		memcpy(s->desc + fill, pmt->desc + i, n);
		fill += n;
	}
	pmt->desc = s->desc;
	pmt->desc_len = fill;
	return fill < before;
}

static bool
edit(void *arg, struct pmt *pmt)
{
	struct strip *s = arg;
	unsigned n = 0, left = 0, before = pmt->n;

	for (unsigned i = 0; i < pmt->n; i++)
		if (is_cue(s, &pmt->stream[i])) {
			s->gone[pmt->stream[i].pid] = true;
			s->pass.look[pmt->stream[i].pid] |= PASS_ALL;
		} else {
			left += pmt->stream[i].stream_type == CUE_STREAM_TYPE;
			pmt->stream[n++] = pmt->stream[i];
		}
	pmt->n = n;
	return (left == 0 && drop_registration(s, pmt)) || n < before;
}

static void
take_packet(void *arg, const struct ts_packet *pkt, bool damaged)
{
	struct strip *s = arg;

	if (tables_packet(&s->tables, pkt, damaged))
		return;
	/* A clock that such a packet carries has to stay. */
	if (s->gone[pkt->pid] && (damaged || pkt->pcr == TS_NO_PCR)) {
		s->packets++;
		pass_drop(&s->pass);
	}
}

static void
count(void *arg, json_t *o)
{
	const struct strip *s = arg;

	json_object_set_new(o, "removed", json_integer((json_int_t)s->packets));
}

int
cue_strip(const struct cue_options *o)
{
	static struct strip s;

	s.o = o;
	pass_init(&s.pass, o->stats, take_packet, count, &s);
	tables_init(&s.tables, &s.pass, edit, false, &s);
	while (pass_read(&s.pass))
		;
	tables_flush(&s.tables);
	pass_end(&s.pass);
	log_info("packets=%" PRIu64 " removed=%" PRIu64, s.pass.sync.packets, s.packets);
	return EXIT_SUCCESS;
}
