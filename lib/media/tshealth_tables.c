/*
 * tshealth_tables.c - the sections that tshealth reads: PAT, CAT, PMT, and of DVB the NIT,
 * SDT, EIT and TDT, how often they come and whether they are where they belong.
 */
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/tshealth_private.h"

enum { PID_PAT = 0x00, PID_CAT = 0x01, PID_NIT = 0x10, PID_SDT = 0x11, PID_EIT = 0x12,
	PID_RST = 0x13, PID_TDT = 0x14 };
enum { TABLE_CAT = 0x01, TABLE_NIT = 0x40, TABLE_SDT = 0x42, TABLE_SDT_OTHER = 0x46,
	TABLE_BAT = 0x4a, TABLE_EIT = 0x4e, TABLE_EIT_LAST = 0x6f, TABLE_TDT = 0x70,
	TABLE_RST = 0x71, TABLE_STUFFING = 0x72, TABLE_TOT = 0x73 };
enum { DESC_NETWORK_NAME = 0x40, DESC_SERVICE = 0x48 };

/* ---- which PIDs carry what */

static void
read_sections_of(struct health *h, uint16_t pid)
{
	struct health_pid *q = health_pid(h, pid);

	if (q == NULL)
		return;
	q->stale = false;
	q->table = true;
	if (q->collect == NULL && (q->collect = malloc(sizeof(*q->collect))) != NULL)
		psi_collect_init(q->collect);
}

static void
refer(struct health *h, uint16_t pid, const struct health_program *g)
{
	struct health_pid *q = pid == TS_PID_NULL ? NULL : health_pid(h, pid);

	if (q == NULL)
		return;
	if (!q->referenced && g != NULL)
		q->program = g->number;
	q->referenced = true;
}

/* All roles anew, after any of the tables has changed. */
static void
assign(struct health *h)
{
	const struct health_private *v = h->private;

	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];

		q->was_referenced = q->referenced;
		q->referenced = q->listed = false;
		q->program = 0;
		q->stale = q->table && q->pid > PID_TDT;
	}
	for (unsigned i = 0; i < h->nprogram; i++) {
		struct health_program *g = &h->program[i];

		refer(h, g->pmt_pid, g);
		read_sections_of(h, g->pmt_pid);
		if (!g->seen)
			continue;
		refer(h, g->pcr_pid, g);
		for (unsigned k = 0; k < g->npid; k++) {
			refer(h, g->pid[k], g);
			if (h->pid[g->pid[k]] == NULL)
				continue;
			h->pid[g->pid[k]]->listed = true;
			if (h->pid[g->pid[k]]->codec == CODEC_SCTE35)
				read_sections_of(h, g->pid[k]);
		}
		for (unsigned k = 0; k < g->nca; k++)
			refer(h, g->ca[k], g);
	}
	for (unsigned i = 0; i < v->nca; i++)
		refer(h, v->ca[i], NULL);
	for (unsigned i = 0; i < h->nused; i++) {
		struct health_pid *q = h->pid[h->used[i]];
		enum codec_kind kind;
		bool timed;

		if (!q->listed)
			q->stream_type = 0, q->codec = CODEC_UNKNOWN;
		kind = codec_kind(q->codec);
		timed = kind == KIND_VIDEO || kind == KIND_AUDIO;
		if (timed && !q->timed)
			q->last_ns = h->now_ns;
		q->timed = timed;
		if (!timed)
			q->missing = q->pts_missing = q->pts_seen = false;
		if (q->referenced != q->was_referenced) {
			q->first_ns = h->now_ns;
			q->reported = false;
		}
		if (q->stale) {
			q->table = q->stale = false;
			free(q->collect);
			q->collect = NULL;
		}
	}
}

static void
add_ca(uint16_t *ca, unsigned *n, unsigned max, const uint8_t *d, size_t len)
{
	for (size_t i = 0; i + 2 <= len && i + 2 + d[i + 1] <= len; i += 2 + (size_t)d[i + 1])
		if (d[i] == DESC_CA && d[i + 1] >= 4 && *n < max)
			ca[(*n)++] = (uint16_t)((d[i + 4] & 0x1f) << 8 | d[i + 5]);
}

/* ---- PAT, PMT, CAT */

static struct health_program *
find_program(struct health *h, uint16_t number)
{
	for (unsigned i = 0; i < h->nprogram; i++)
		if (h->program[i].number == number)
			return &h->program[i];
	return NULL;
}

static void
take_pat(struct health *h, const uint8_t *s, size_t len)
{
	struct health_private *v = h->private;
	struct health_program *g;
	struct pat pat;
	bool first = s[6] == 0, changed;

	if (pat_parse(s, len, &pat) < 0)
		return;
	v->pat_ns = h->now_ns;
	health_lasting(h, HEALTH_PAT, &v->pat_missing, false, PID_PAT, 0, "");
	changed = !h->has_pat || pat.version_number != v->pat_version ||
	    pat.transport_stream_id != h->transport_stream_id;
	h->has_pat = true;
	h->transport_stream_id = pat.transport_stream_id;
	v->pat_version = pat.version_number;
	for (unsigned i = 0; i < h->nprogram; i++)
		h->program[i].kept = !first;	/* of several sections, the first begins */
	for (unsigned i = 0; i < pat.n; i++) {
		g = find_program(h, pat.program[i].program_number);
		if (g == NULL && h->nprogram < HEALTH_PROGRAMS) {
			g = &h->program[h->nprogram++];
			*g = (struct health_program){
				.number = pat.program[i].program_number,
				.pmt_pid = pat.program[i].pid, .last_ns = h->now_ns,
			};
			changed = true;
		}
		if (g == NULL)
			continue;
		g->kept = true;
		changed |= g->pmt_pid != pat.program[i].pid;
		g->pmt_pid = pat.program[i].pid;
	}
	/* With one section what it does not have is gone; else a new version tells. */
	if (s[7] == 0) {
		unsigned n = 0;

		for (unsigned i = 0; i < h->nprogram; i++)
			if (h->program[i].kept)
				h->program[n++] = h->program[i];
		changed |= n != h->nprogram;
		h->nprogram = n;
	}
	if (changed)
		assign(h);
}

static void
take_stream(struct health *h, struct health_program *g, const struct pmt_stream *s)
{
	struct health_pid *q = health_pid(h, s->pid);
	const uint8_t *d;
	size_t len;

	add_ca(g->ca, &g->nca, sizeof(g->ca) / sizeof(*g->ca), s->desc, s->desc_len);
	if (q == NULL)
		return;
	g->pid[g->npid++] = s->pid;
	q->stream_type = s->stream_type;
	q->codec = codec_of(s->stream_type, s->desc, s->desc_len);
	q->language[0] = '\0';
	d = desc_find(s->desc, s->desc_len, DESC_ISO_639, &len);
	for (unsigned i = 0; d != NULL && len >= 3 && i < 3; i++)
		q->language[i] = (char)(d[i] > ' ' && d[i] < 0x7f ? d[i] : '?');
}

static void
take_pmt(struct health *h, uint16_t pid, const uint8_t *s, size_t len)
{
	struct health_program *g;
	struct pmt pmt;
	uint32_t crc;

	if (len < 16 || (g = find_program(h, (uint16_t)(s[3] << 8 | s[4]))) == NULL ||
	    g->pmt_pid != pid)
		return;
	memcpy(&crc, s + len - 4, sizeof(crc));
	if (!g->seen || crc != g->crc) {
		if (pmt_parse(s, len, &pmt) < 0)
			return;
		g->seen = true;
		g->crc = crc;
		g->version = pmt.version_number;
		g->pcr_pid = pmt.pcr_pid;
		g->npid = g->nca = 0;
		add_ca(g->ca, &g->nca, sizeof(g->ca) / sizeof(*g->ca), pmt.desc,
		    pmt.desc_len);
		for (unsigned i = 0; i < pmt.n; i++)
			take_stream(h, g, &pmt.stream[i]);
		assign(h);
	}
	g->last_ns = h->now_ns;
	health_lasting(h, HEALTH_PMT, &g->missing, false, pid, g->number, "");
}

static void
take_cat(struct health *h, const uint8_t *s, size_t len)
{
	struct health_private *v = h->private;
	uint16_t ca[32];
	unsigned n = 0;

	if (len < 12)
		return;
	h->has_cat = true;
	health_lasting(h, HEALTH_CAT, &v->cat_missing, false, PID_CAT, 0, "");
	add_ca(ca, &n, 32, s + 8, len - 12);
	if (n != v->nca || memcmp(ca, v->ca, n * sizeof(*ca)) != 0) {
		memcpy(v->ca, ca, n * sizeof(*ca));
		v->nca = n;
		assign(h);
	}
}

/* ---- DVB */

/*
 * EN 300 468 annex A: a first byte below 0x20 says which characters.  What cannot be
 * converted becomes '?'.
 */
static void
copy_text(char out[static HEALTH_NAME], const uint8_t *p, size_t len)
{
	char set[24] = "ISO6937", *in, *to = out;
	size_t left = HEALTH_NAME - 1;
	iconv_t cd;

	if (len > 0 && p[0] < 0x20) {
		unsigned n = p[0] == 0x10 && len >= 3 ? p[2] : p[0] + 4u;

		if (p[0] == 0x10 || (p[0] >= 1 && p[0] <= 11))
			snprintf(set, sizeof(set), "ISO-8859-%u", n);
		else if (p[0] == 0x11 || p[0] == 0x14)
			snprintf(set, sizeof(set), "UTF-16BE");
		else if (p[0] == 0x15)
			snprintf(set, sizeof(set), "UTF-8");
		n = p[0] == 0x10 ? 3 : p[0] == 0x1f ? 2 : 1;
		p += n < len ? n : len;
		len -= n < len ? n : len;
	}
	in = (char *)(uintptr_t)p;
	cd = iconv_open("UTF-8", set);
	while (len > 0 && left > 0) {
		if (cd != (iconv_t)-1 && iconv(cd, &in, &len, &to, &left) != (size_t)-1)
			break;
		if (len == 0 || left < 4)
			break;
		*to++ = (char)(cd == (iconv_t)-1 && *in >= 0x20 && *in < 0x7f ? *in : '?');
		in++, len--, left--;
	}
	if (cd != (iconv_t)-1)
		iconv_close(cd);
	*to = '\0';
	for (char *c = out; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
}

static void
take_sdt(struct health *h, const uint8_t *s, size_t len)
{
	for (size_t i = 11, n; i + 5 <= len - 4; i += 5 + n) {
		struct health_program *g = find_program(h, (uint16_t)(s[i] << 8 | s[i + 1]));
		const uint8_t *d;
		size_t dlen;

		n = (size_t)(s[i + 3] & 0x0f) << 8 | s[i + 4];
		if (i + 5 + n > len - 4)
			return;
		d = desc_find(s + i + 5, n, DESC_SERVICE, &dlen);
		if (g == NULL || d == NULL || dlen < 3 || 2u + d[1] >= dlen ||
		    3u + d[1] + d[2 + d[1]] > dlen)
			continue;
		g->service_type = d[0];
		copy_text(g->provider, d + 2, d[1]);
		copy_text(g->service, d + 3 + d[1], d[2 + d[1]]);
	}
}

static void
take_nit(struct health *h, const uint8_t *s, size_t len)
{
	size_t n = (size_t)(s[8] & 0x0f) << 8 | s[9], dlen;
	const uint8_t *d;

	if (10 + n > len - 4)
		return;
	d = desc_find(s + 10, n, DESC_NETWORK_NAME, &dlen);
	if (d != NULL)
		copy_text(h->network, d, dlen);
}

/* EN 300 468 annex C: days since 1858, then BCD. */
static void
take_tdt(struct health *h, const uint8_t *s, size_t len)
{
	int64_t t = 0;

	if (len < 8)
		return;
	for (int i = 5; i < 8; i++) {
		if (s[i] >> 4 > 9 || (s[i] & 15) > 9)
			return;
		t = t * 60 + (s[i] >> 4) * 10 + (s[i] & 15);
	}
	h->utc = ((s[3] << 8 | s[4]) - INT64_C(40587)) * 86400 + t;
}

/* Tables that have a right to be on a PID, by the rule that says so. */
static bool
belongs(uint16_t pid, uint8_t table)
{
	switch (pid) {
	case PID_PAT:
		return table == PSI_TABLE_PAT;
	case PID_CAT:
		return table == TABLE_CAT;
	case PID_NIT:
		return table == TABLE_NIT || table == TABLE_NIT + 1 || table == TABLE_STUFFING;
	case PID_SDT:
		return table == TABLE_SDT || table == TABLE_SDT_OTHER || table == TABLE_BAT ||
		    table == TABLE_STUFFING;
	case PID_EIT:
		return (table >= TABLE_EIT && table <= TABLE_EIT_LAST) ||
		    table == TABLE_STUFFING;
	case PID_RST:
		return table == TABLE_RST || table == TABLE_STUFFING;
	case PID_TDT:
		return table == TABLE_TDT || table == TABLE_STUFFING || table == TABLE_TOT;
	default:
		return true;
	}
}

static const struct {
	uint16_t pid;
	enum health_rule rule;
} fixed[] = {
	{ PID_PAT, HEALTH_PAT }, { PID_CAT, HEALTH_CAT }, { PID_NIT, HEALTH_NIT },
	{ PID_SDT, HEALTH_SDT }, { PID_EIT, HEALTH_EIT }, { PID_RST, HEALTH_RST },
	{ PID_TDT, HEALTH_TDT },
};

static enum health_rule
rule_of(uint16_t pid)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (fixed[i].pid == pid)
			return fixed[i].rule;
	return HEALTH_PMT;
}

/* The same section again sooner than a receiver has to follow: 3.1, 3.5, 3.6, 3.7, 3.8. */
static void
check_gap(struct health *h, uint16_t pid, const uint8_t *s, size_t len)
{
	struct health_private *v = h->private;
	bool is_long = (s[1] & 0x80) != 0 && len >= 8;
	uint8_t number = is_long ? s[6] : 0;
	uint16_t extension = 0;
	unsigned i;

	if (is_long)
		extension = (uint16_t)(s[3] << 8 | s[4]);
	if (s[0] != TABLE_NIT && s[0] != TABLE_SDT && s[0] != TABLE_EIT &&
	    s[0] != TABLE_RST && s[0] != TABLE_TDT)
		return;
	for (i = 0; i < v->ngap; i++)
		if (v->gap[i].table == s[0] && v->gap[i].extension == extension &&
		    v->gap[i].number == number)
			break;
	if (i < v->ngap) {
		if (h->now_ns - v->gap[i].last_ns < h->cfg.section_gap_ns - v->slack_ns)
			health_once(h, rule_of(pid), pid, 0,
			    "table 0x%02x comes again too soon", s[0]);
	} else if (v->ngap < sizeof(v->gap) / sizeof(v->gap[0])) {
		i = v->ngap++;
	} else {
		/* Of many, look after those that came last. */
		memmove(v->gap, v->gap + 1, sizeof(v->gap) - sizeof(v->gap[0]));
		i = v->ngap - 1;
	}
	v->gap[i].table = s[0];
	v->gap[i].number = number;
	v->gap[i].extension = extension;
	v->gap[i].last_ns = h->now_ns;
}

static void
seen(struct health *h, unsigned i)
{
	h->private->si[i].seen = true;
	h->private->si[i].last_ns = h->now_ns;
}

static void
take_si(struct health *h, uint16_t pid, const uint8_t *s, size_t len)
{
	check_gap(h, pid, s, len);
	if (s[0] == TABLE_TDT) {
		seen(h, SI_TDT);
		take_tdt(h, s, len);
	}
	if (len < 15)
		return;
	if (s[0] == TABLE_NIT) {
		seen(h, SI_NIT);
		take_nit(h, s, len);
	} else if (s[0] == TABLE_SDT) {
		seen(h, SI_SDT);
		take_sdt(h, s, len);
	} else if (s[0] == TABLE_EIT) {
		seen(h, s[6] == 0 ? SI_EIT : SI_EIT_FOLLOWING);
	}
}

/* ---- sections */

/* 2.2: of these tables; TOT has a CRC although its syntax does not say so. */
static bool
has_crc(uint8_t table)
{
	return table <= 2 || (table >= TABLE_NIT && table <= TABLE_SDT) ||
	    table == TABLE_SDT_OTHER || (table >= TABLE_BAT && table <= TABLE_EIT_LAST) ||
	    table == TABLE_TOT;
}

static void
take_section(struct health *h, struct health_pid *q, const uint8_t *s, size_t len, bool bad)
{
	bool si = q->pid <= PID_TDT && q->stream_type == 0;

	q->sections++;
	if (q->codec == CODEC_SCTE35) {
		h->cue_sections++;
		h->cue_damaged += bad;
		if (h->cfg.cue != NULL)
			h->cfg.cue(h->cfg.arg, q->pid, s, len, bad);
		return;
	}
	if (q->stream_type != 0 && q->pid <= PID_TDT)
		return;			/* a stream where tables should be */
	if (s[0] == TABLE_TOT && psi_crc32(s, len) != 0)
		bad = true;
	if (bad) {
		if (si || has_crc(s[0]))
			health_once(h, HEALTH_CRC, q->pid, q->program, "table 0x%02x", s[0]);
		return;
	}
	if (si && !belongs(q->pid, s[0])) {
		health_once(h, rule_of(q->pid), q->pid, 0, "table 0x%02x does not belong here",
		    s[0]);
		return;
	}
	if (q->pid == PID_PAT)
		take_pat(h, s, len);
	else if (q->pid == PID_CAT)
		take_cat(h, s, len);
	else if (si)
		take_si(h, q->pid, s, len);
	else if (s[0] == PSI_TABLE_PMT)
		take_pmt(h, q->pid, s, len);
}

void
health_sections(struct health *h, struct health_pid *q, const struct ts_packet *pkt)
{
	const uint8_t *s;
	size_t len;
	int r;

	/* A new PMT may make this a PID of another kind. */
	while (q->collect != NULL &&
	    (r = psi_collect_next(q->collect, pkt, &s, &len)) != 0)
		take_section(h, q, s, len, r < 0);
}

/* ---- what does not come */

void
health_tables_begin(struct health *h)
{
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		read_sections_of(h, fixed[i].pid);
	health_tables_restart(h);
}

void
health_tables_restart(struct health *h)
{
	struct health_private *v = h->private;

	v->pat_ns = h->now_ns;
	for (unsigned i = 0; i < h->nprogram; i++)
		h->program[i].last_ns = h->now_ns;
	for (unsigned i = 0; i < SI_TABLES; i++)
		v->si[i].last_ns = h->now_ns;
	v->ngap = 0;
}

void
health_tables_sweep(struct health *h)
{
	static const struct {
		enum health_rule rule;
		uint16_t pid;
		const char *what;
	} si[SI_TABLES] = {
		[SI_NIT] = { HEALTH_NIT, PID_NIT, "no NIT" },
		[SI_SDT] = { HEALTH_SDT, PID_SDT, "no SDT" },
		[SI_EIT] = { HEALTH_EIT, PID_EIT, "no EIT of the present event" },
		[SI_EIT_FOLLOWING] = { HEALTH_EIT, PID_EIT, "no EIT of the following event" },
		[SI_TDT] = { HEALTH_TDT, PID_TDT, "no TDT" },
	};
	const int64_t limit[SI_TABLES] = { h->cfg.nit_ns, h->cfg.sdt_ns, h->cfg.eit_ns,
	    h->cfg.eit_ns, h->cfg.tdt_ns };
	struct health_private *v = h->private;
	int64_t now = h->now_ns, slack = v->slack_ns;

	if (now - v->pat_ns > h->cfg.pat_ns + slack)
		health_lasting(h, HEALTH_PAT, &v->pat_missing, true, PID_PAT, 0, "no PAT");
	for (unsigned i = 0; i < h->nprogram; i++) {
		struct health_program *g = &h->program[i];

		if (now - g->last_ns > h->cfg.pmt_ns + slack)
			health_lasting(h, HEALTH_PMT, &g->missing, true, g->pmt_pid,
			    g->number, "no PMT");
	}
	if (v->scrambled_seen && !h->has_cat && now - v->scrambled_ns > h->cfg.cat_ns + slack)
		health_lasting(h, HEALTH_CAT, &v->cat_missing, true, PID_CAT, 0,
		    "packets are scrambled and there is no CAT");
	for (unsigned i = 0; i < SI_TABLES; i++) {
		bool due = v->si[i].seen || (h->cfg.dvb && i != SI_EIT_FOLLOWING);

		health_lasting(h, si[i].rule, &v->si[i].missing, due &&
		    now - v->si[i].last_ns > limit[i] + slack, si[i].pid, 0, si[i].what);
	}
}
