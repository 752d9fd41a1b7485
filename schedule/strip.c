/* mlive-cue strip: the stream without its cues; all else passes byte for byte. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "schedule/cue.h"
#include "schedule/tables.h"

#define READ_MAX	(1024 * TS_PACKET)
#define STREAM_TYPE	0x86		/* SCTE 35 8.1 */

struct strip {
	const struct cue_options *o;
	struct ts_sync sync;
	struct tables tables;
	bool	 gone[TS_NPID];		/* PIDs of cues */
	uint8_t	 desc[1024];		/* of a program, without its registration */
	uint64_t packets;		/* taken out */
	size_t	 len, fill;
	uint8_t	 in[READ_MAX];
	uint8_t	 out[READ_MAX + TABLES_PACKETS * TS_PACKET];
};

static bool
is_cue(const struct strip *s, const struct pmt_stream *t)
{
	return t->stream_type == STREAM_TYPE && (s->o->pid == 0 || t->pid == s->o->pid);
}

/* The registration CUEI goes with the last PID of cues. */
static void
drop_registration(struct strip *s, struct pmt *pmt)
{
	size_t fill = 0;

	for (size_t i = 0; i + 2 <= pmt->desc_len; i += 2 + (size_t)pmt->desc[i + 1]) {
		size_t n = 2 + (size_t)pmt->desc[i + 1];

		if (n > pmt->desc_len - i || fill + n > sizeof(s->desc))
			return;		/* damaged: leave it */
		if (pmt->desc[i] == DESC_REGISTRATION && n >= 6 &&
		    memcmp(pmt->desc + i + 2, "CUEI", 4) == 0)
			continue;
		memcpy(s->desc + fill, pmt->desc + i, n);
		fill += n;
	}
	pmt->desc = s->desc;
	pmt->desc_len = fill;
}

static void
edit(void *arg, struct pmt *pmt)
{
	struct strip *s = arg;
	unsigned n = 0, left = 0;

	for (unsigned i = 0; i < pmt->n; i++)
		if (is_cue(s, &pmt->stream[i])) {
			s->gone[pmt->stream[i].pid] = true;
		} else {
			left += pmt->stream[i].stream_type == STREAM_TYPE;
			pmt->stream[n++] = pmt->stream[i];
		}
	pmt->n = n;
	if (left == 0)
		drop_registration(s, pmt);
}

static void
take_packet(struct strip *s, const struct ts_packet *pkt, bool damaged)
{
	size_t len;

	/* A clock that such a packet carries has to stay. */
	if (s->gone[pkt->pid] && (damaged || pkt->pcr == TS_NO_PCR)) {
		s->packets++;
		return;
	}
	if (!damaged && tables_packet(&s->tables, pkt, s->out + s->fill, &len) == 1) {
		s->fill += len;
		return;
	}
	memcpy(s->out + s->fill, pkt->data, TS_PACKET);
	s->fill += TS_PACKET;
}

static void
pass(struct strip *s)
{
	struct ts_packet pkt;
	size_t pos = 0, used;
	int r;

	while ((r = ts_sync_next(&s->sync, s->in + pos, s->len - pos, &used, &pkt)) != 0) {
		pos += used;
		take_packet(s, &pkt, r < 0);
		if (s->fill < READ_MAX)
			continue;
		if ((r = io_write(STDOUT_FILENO, s->out, s->fill)) < 0)
			fatal(EXIT_RUNTIME, -r, "cannot write standard output");
		s->fill = 0;
	}
	pos += used;
	s->len -= pos;
	memmove(s->in, s->in + pos, s->len);
	if (s->fill > 0 && (r = io_write(STDOUT_FILENO, s->out, s->fill)) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot write standard output");
	s->fill = 0;
}

int
cue_strip(const struct cue_options *o)
{
	static struct strip s;
	bool probed = false;
	ssize_t n;
	size_t at;

	s.o = o;
	ts_sync_init(&s.sync);
	tables_init(&s.tables, edit, &s);
	while (!s.sync.eof) {
		n = io_read(STDIN_FILENO, s.in + s.len, sizeof(s.in) - s.len);
		if (n < 0 && n != -EINTR)
			fatal(EXIT_RUNTIME, (int)-n, "cannot read standard input");
		s.sync.eof = n <= 0;
		s.len += n > 0 ? (size_t)n : 0;
		probed = probed || ts_probe(s.in, s.len, s.sync.eof, &at, &s.sync.stride);
		if (probed)
			pass(&s);
		else if (s.len == sizeof(s.in) || s.sync.eof)
			fatal(EXIT_INPUT, 0, "no transport stream on standard input");
	}
	log_info("packets=%" PRIu64 " removed=%" PRIu64, s.sync.packets, s.packets);
	return EXIT_SUCCESS;
}
