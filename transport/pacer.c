#include "lib/base/clk.h"
#include "lib/base/rational.h"
#include "lib/media/ts.h"
#include "transport/pacer.h"

#define MS		INT64_C(1000000)
#define JUMP_NS		(500 * MS)	/* clocks are that far apart: laid anew */
#define FILE_JUMP_27M	(5 * CLK_27M)
#define REBASE_NS	(5 * MS)
#define RANGE_NS	(5 * CLK_SECOND)	/* over which extremes are looked for */
#define BEGIN_NS	CLK_SECOND	/* the offset may move freely */
#define FAR_NS		(20 * MS)	/* off by that much: faster */
#define FINE_PPM	50
#define COARSE_PPM	5000
#define SILENT_NS	CLK_SECOND	/* without PCR */
#define SILENT_27M	CLK_27M		/* the same, by the PCR of another PID */
#define STRANGE		100		/* PCRs of third PIDs: the other has gone too */
#define STEADY_NS	(MS / 2)	/* rates that last are right to that */

void
pacer_init(struct pacer *p, int64_t latency_ns, bool follow, int pid)
{
	*p = (struct pacer){ .latency_ns = latency_ns, .follow = follow,
	    .look_pcr = TS_NO_PCR, .pid = { .fixed = pid >= 0, .now = pid, .other = -1 } };
	p->look_pid = p->pid;
}

static void
forget_pid(struct pacer_pid *pid)
{
	if (!pid->fixed)
		pid->now = -1;
	pid->other = -1;
}

static void
unlock(struct pacer *p)
{
	p->locked = false;
	p->has_rate = false;
	p->look_pcr = TS_NO_PCR;
	p->look_27m = 0;
}

void
pacer_break(struct pacer *p)
{
	unlock(p);
	forget_pid(&p->pid);
	forget_pid(&p->look_pid);
}

static int64_t
ns_of(int64_t v_27m)
{
	return rescale_down(v_27m, 1000, 27);
}

static int64_t
pcr_after(int64_t pcr, int64_t before)
{
	return pcr < before ? pcr - before + TS_PCR_WRAP : pcr - before;
}

/* Is a PCR of that PID the stream's?  One of another is, when it alone has any for long. */
static bool
is_clock(struct pacer_pid *p, int pid, int64_t pcr)
{
	if (pid != p->now && p->now >= 0) {
		if (p->fixed)
			return false;
		p->strange = pid == p->other ? 0 : p->strange + 1;
		if (p->other < 0 || p->strange > STRANGE) {
			p->other = pid;
			p->other_pcr = pcr;
			p->strange = 0;
		}
		if (pid != p->other || pcr_after(pcr, p->other_pcr) < SILENT_27M)
			return false;
	}
	p->now = pid;
	p->other = -1;
	p->strange = 0;
	return true;
}

/* The PCR of a packet, or TS_NO_PCR.  *told: that it may be any. */
static int64_t
read_pcr(struct pacer_pid *p, const uint8_t *ts, bool *told)
{
	int pid = (ts[1] & 0x1f) << 8 | ts[2], was = p->now;
	int64_t base, ext;

	if (ts[0] != TS_SYNC || (ts[1] & 0x80) != 0 || (ts[3] & 0x20) == 0 || ts[4] < 7 ||
	    (ts[5] & 0x10) == 0)
		return TS_NO_PCR;
	base = (int64_t)ts[6] << 25 | (int64_t)ts[7] << 17 | (int64_t)ts[8] << 9 |
	    (int64_t)ts[9] << 1 | ts[10] >> 7;
	ext = (ts[10] & 1) << 8 | ts[11];
	if (ext >= 300 || !is_clock(p, pid, base * 300 + ext))
		return TS_NO_PCR;
	*told = (ts[5] & 0x80) != 0 || (was >= 0 && was != pid);
	return base * 300 + ext;
}

/* The first PCR of a datagram, at *at; or TS_NO_PCR. */
static int64_t
find_pcr(struct pacer_pid *p, const uint8_t *data, size_t len, size_t *at, bool *told)
{
	int64_t pcr = TS_NO_PCR;

	for (size_t i = 0; i + TS_PACKET <= len && pcr == TS_NO_PCR; i += TS_PACKET) {
		pcr = read_pcr(p, data + i, told);
		*at = i;
	}
	return pcr;
}

bool
pacer_look(struct pacer *p, const uint8_t *data, size_t len)
{
	size_t at = 0;
	bool told = false;
	int64_t pcr = find_pcr(&p->look_pid, data, len, &at, &told);

	if (pcr != TS_NO_PCR) {
		p->look_27m = p->look_pcr != TS_NO_PCR && !told ?
		    pcr_after(pcr, p->look_pcr) : 0;
		p->look_bytes = p->look_since + at;
		p->look_pcr = pcr;
		p->look_since = (uint64_t)-(int64_t)at;
	}
	p->looks = true;
	p->look_since += len;
	return pcr != TS_NO_PCR;
}

/* Ticks that so many bytes take, at the rate of the last interval. */
static int64_t
ticks(const struct pacer *p, uint64_t bytes)
{
	if (!p->has_rate)
		return 0;
	return rescale_down((int64_t)bytes, p->rate_27m, (int64_t)p->rate_bytes);
}

/* ---- extremes */

static void
range_set(struct pacer_range *r, int64_t v)
{
	*r = (struct pacer_range){ v, v, v, v };
}

static void
range_add(struct pacer_range *r, int64_t v)
{
	r->least = v < r->least ? v : r->least;
	r->most = v > r->most ? v : r->most;
}

static void
range_turn(struct pacer_range *r, int64_t v)
{
	*r = (struct pacer_range){ v, v, r->least, r->most };
}

static int64_t
range_least(const struct pacer_range *r)
{
	return r->least < r->least_before ? r->least : r->least_before;
}

static int64_t
range_most(const struct pacer_range *r)
{
	return r->most > r->most_before ? r->most : r->most_before;
}

/* ---- the clock */

/* How long after its time by the stream a datagram with a PCR so far in it came. */
static int64_t
transit(const struct pacer *p, uint64_t at_byte, int64_t at_ns)
{
	return at_ns - ns_of(p->pcr_27m - ticks(p, at_byte));
}

static void
reset(struct pacer *p, uint64_t at_byte, int64_t at_ns)
{
	/* A file is read ahead of its time. */
	if (!p->follow && p->rtp_started && p->due_ns - p->latency_ns > at_ns)
		at_ns = p->due_ns - p->latency_ns;
	p->resets += p->rtp_started;
	p->locked = true;
	p->offset_ns = transit(p, at_byte, at_ns);
	range_set(&p->pcr, p->offset_ns);
	range_set(&p->all, p->offset_ns);
	range_set(&p->error, 0);
	p->measured = false;
	p->range_from_ns = p->since_reset_ns = at_ns;
	p->nseen = 0;
}

/* What the PCR tells, delta_27m and so many bytes behind the last, of those between. */
static void
look_back(struct pacer *p, int64_t delta_27m, uint64_t bytes, int64_t at_ns)
{
	int64_t seen = at_ns - ns_of(p->pcr_27m + delta_27m);

	if (at_ns - p->range_from_ns >= RANGE_NS) {
		range_turn(&p->pcr, seen);
		range_turn(&p->all, seen);
		range_turn(&p->error, 0);
		p->range_from_ns = at_ns;
	}
	for (unsigned i = 0; i < p->nseen && bytes > 0; i++)
		range_add(&p->all, p->seen[i].at_ns - ns_of(p->pcr_27m +
		    rescale_down((int64_t)p->seen[i].byte, delta_27m, (int64_t)bytes)));
	p->nseen = 0;
	if (!p->has_rate)
		return;
	range_add(&p->error, ns_of(delta_27m - ticks(p, bytes)));
	p->measured = true;
}

/* Move the offset towards the fastest packets; at a rate that decoders follow. */
static void
servo(struct pacer *p, uint64_t at_byte, int64_t at_ns, int64_t elapsed_ns)
{
	int64_t seen = transit(p, at_byte, at_ns), target, off, most;

	range_add(&p->pcr, seen);
	range_add(&p->all, seen);
	target = range_least(&p->pcr);
	off = target - p->offset_ns;
	if (at_ns - p->since_reset_ns < BEGIN_NS && off < 0) {
		p->offset_ns = target;		/* it has only begun */
		return;
	}
	most = elapsed_ns * (off > FAR_NS || off < -FAR_NS ? COARSE_PPM : FINE_PPM) /
	    1000000;
	p->offset_ns += off > most ? most : off < -most ? -most : off;
}

static void
set_rate(struct pacer *p, int64_t v_27m, uint64_t bytes)
{
	if (v_27m <= 0 || v_27m > FILE_JUMP_27M || bytes == 0)
		return;
	p->has_rate = true;
	p->rate_27m = v_27m;
	p->rate_bytes = bytes;
}

/* Has the clock jumped by the time off that it is away from ours? */
static bool
has_jumped(const struct pacer *p, int64_t delta_27m, int64_t off_ns, bool told)
{
	int64_t most = JUMP_NS;

	if (!p->follow)
		return told || delta_27m > FILE_JUMP_27M;
	if (told)
		most = p->latency_ns > FAR_NS ? p->latency_ns : FAR_NS;
	return off_ns > most || off_ns < -most;
}

/* A PCR so many bytes into a datagram; true: the clock is a new one. */
static bool
take_pcr(struct pacer *p, int64_t pcr, uint64_t at_byte, int64_t at_ns, bool told)
{
	int64_t delta = pcr_after(pcr, p->wire_pcr), elapsed = at_ns - p->pcr_at_ns;
	uint64_t bytes = p->since + at_byte;
	bool jump = p->locked && has_jumped(p, delta, ns_of(delta) - elapsed, told);

	p->wire_pcr = pcr;
	p->pcr_at_ns = at_ns;
	p->since = (uint64_t)-(int64_t)at_byte;	/* the caller adds the datagram */
	if (p->follow && p->locked && !jump)
		look_back(p, delta, bytes, at_ns);
	if (p->looks)
		set_rate(p, p->look_27m, p->look_bytes);
	else if (p->locked && !jump)
		set_rate(p, delta, bytes);
	if (!p->locked || jump) {
		p->pcr_27m = pcr;
		reset(p, at_byte, at_ns);
		return true;
	}
	p->pcr_27m += delta;
	p->media_27m += delta;
	if (p->follow)
		servo(p, at_byte, at_ns, elapsed);
	return false;
}

/* ---- datagrams */

static uint32_t
make_timestamp(struct pacer *p, int64_t media_27m, bool fresh, int64_t elapsed_ns,
    size_t len)
{
	int64_t by_time = p->rtp_27m + rescale_down(elapsed_ns, 27, 1000), next;

	if (!p->rtp_started)
		p->rtp_offset_27m = 0;
	else if (fresh)
		p->rtp_offset_27m = by_time - media_27m;
	next = p->locked ? media_27m + p->rtp_offset_27m : by_time;
	if (p->rtp_started && next <= p->rtp_27m)
		next = p->rtp_27m + ticks(p, len) / 4;
	p->rtp_27m = next;
	p->rtp_started = true;
	return (uint32_t)(next / 300);
}

static bool
is_steady(const struct pacer *p)
{
	return p->measured && range_least(&p->error) > -STEADY_NS &&
	    range_most(&p->error) < STEADY_NS;
}

/* What is due at due_ns if the rate has not changed, and came at at_ns. */
static int64_t
guess(const struct pacer *p, int64_t due_ns, int64_t at_ns)
{
	int64_t late = range_most(&p->all) - p->offset_ns;
	int64_t early = p->offset_ns - range_least(&p->all);
	int64_t from = at_ns + p->latency_ns - (late > 0 ? late : 0), upto;

	from = from > at_ns ? from : at_ns;
	upto = from + (early > 0 ? early : 0);
	return due_ns < from ? from : due_ns > upto ? upto : due_ns;
}

static int64_t
make_due(struct pacer *p, int64_t media_27m, int64_t at_ns, bool exact)
{
	int64_t due_ns = at_ns + p->latency_ns;

	if (p->latency_ns > 0 && p->locked && p->has_rate) {
		due_ns = ns_of(media_27m) + p->offset_ns + p->latency_ns;
		if (p->follow && !exact && !is_steady(p))
			due_ns = guess(p, due_ns, at_ns);
		if (due_ns < at_ns) {
			p->late++;
			if (at_ns - due_ns > REBASE_NS) {
				p->offset_ns += at_ns - due_ns;
				p->rebases++;
			}
			due_ns = at_ns;
		} else if (p->follow && due_ns > at_ns + p->latency_ns + JUMP_NS) {
			due_ns = at_ns + p->latency_ns;
			unlock(p);
		}
	}
	if (due_ns < p->due_ns)
		due_ns = p->due_ns;
	p->due_ns = due_ns;
	return due_ns;
}

struct pacer_time
pacer_next(struct pacer *p, const uint8_t *data, size_t len, int64_t at_ns)
{
	struct pacer_time t = { .due_ns = at_ns };
	int64_t elapsed_ns = p->rtp_started ? at_ns - p->at_ns : 0, pcr, media_27m;
	bool fresh = false, told = false;
	size_t at = 0;

	if (p->locked && p->follow && at_ns - p->pcr_at_ns > SILENT_NS)
		unlock(p);
	if ((pcr = find_pcr(&p->pid, data, len, &at, &told)) != TS_NO_PCR)
		fresh = take_pcr(p, pcr, at, at_ns, told);
	/* since is negative where the PCR is not in the first packet of it. */
	media_27m = p->pcr_27m + ((int64_t)p->since < 0 ?
	    -ticks(p, (uint64_t)-(int64_t)p->since) : ticks(p, p->since));
	t.marker = fresh && p->rtp_started;
	t.timestamp = make_timestamp(p, media_27m, fresh, elapsed_ns, len);
	t.due_ns = make_due(p, media_27m, at_ns, pcr != TS_NO_PCR);
	if (pcr == TS_NO_PCR && p->nseen < PACER_SEEN) {
		p->seen[p->nseen].at_ns = at_ns;
		p->seen[p->nseen++].byte = p->since;
	}
	p->since += len;
	p->at_ns = at_ns;
	return t;
}
