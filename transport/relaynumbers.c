/* The numbers of mconnect-relay: which there are, and what they are of the last second. */
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/ts.h"
#include "transport/recorder.h"
#include "transport/relaynumbers.h"

#define ALIVE_NS	CLK_SECOND	/* data within it: the source is connected */
#define RATE_NS		(CLK_SECOND * 9 / 10)	/* rates are of so long, at least */

/* ---- the last second */

static uint64_t
rate(uint64_t bytes, int64_t ns)
{
	return ns > 0 ? (uint64_t)((unsigned __int128)bytes * 8 * (uint64_t)CLK_SECOND /
	    (uint64_t)ns) : 0;
}

static uint64_t
value(const struct numbers *all, const char *name)
{
	const struct number *n = numbers_find(all, name);

	return n != NULL ? n->value : 0;
}

static uint64_t
more(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* Thousandths of a percent, of what should have come since the last second began. */
static uint64_t
loss(struct relay_lately *l, uint64_t missing, uint64_t arq, uint64_t datagrams)
{
	/* What came out of order was missing for a while, and a leg takes its counts along. */
	uint64_t gone = more(missing, l->missing), sent;

	sent = gone + more(more(datagrams, l->datagrams), more(arq, l->arq));
	l->missing = missing;
	l->arq = arq;
	l->datagrams = datagrams;
	return sent > 0 ? gone * 100000 / sent : 0;
}

static void
measure_leg(struct relay *r, unsigned i, int64_t now_ns, int64_t elapsed)
{
	struct relay_lately *l = &r->lately[i];
	struct numbers all = relay_leg_numbers(r, i, now_ns);
	struct leg *leg = r->leg[i];

	l->bit_rate = rate(leg->bytes - l->bytes, elapsed);
	l->bytes = leg->bytes;
	l->loss = loss(l, value(&all, "source_missing_packets"),
	    value(&all, "source_arq_recovered"), leg->datagrams);
	l->drops = leg->longest_gap;
	leg->longest_gap = 0;
	if (!relay_leg_alive(r, i, now_ns))
		l->since_ns = 0;
	else if (l->since_ns == 0)
		l->since_ns = now_ns;
}

void
relay_measure(struct relay *r, int64_t now_ns)
{
	int64_t elapsed = now_ns - r->last_ns;
	struct relay_lately *all = &r->lately_all;
	uint64_t missing = 0, arq = 0, datagrams = 0;

	if (elapsed < RATE_NS)
		return;
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL) {
			measure_leg(r, i, now_ns, elapsed);
			missing += r->lately[i].missing;
			arq += r->lately[i].arq;
			datagrams += r->lately[i].datagrams;
		}
	all->loss = loss(all, missing, arq, datagrams);
	all->bit_rate = rate((r->flow.emitted - all->bytes) * TS_PACKET, elapsed);
	all->bytes = r->flow.emitted;
	all->drops = r->flow.longest_gap;
	r->flow.longest_gap = 0;
	for (unsigned i = 0; i < r->noutput; i++) {
		struct output *o = r->output[i];

		o->rate_bps = rate(o->bytes - o->rated_bytes, elapsed);
		o->rated_bytes = o->bytes;
	}
	r->last_ns = now_ns;
}

/* ---- one table for both */

static void
add_all(struct numbers *all, const struct number *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		numbers_add(all, list[i].name, list[i].type, list[i].help, list[i].value);
}

static uint64_t
whole(int64_t v)
{
	return v > 0 ? (uint64_t)v : 0;
}

bool
relay_leg_alive(const struct relay *r, unsigned i, int64_t now_ns)
{
	int64_t seen = r->flow.leg[i].seen_ns;

	return seen != 0 && now_ns - seen < ALIVE_NS;
}

static unsigned
count_alive(const struct relay *r, int64_t now_ns)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		n += r->leg[i] != NULL && relay_leg_alive(r, i, now_ns);
	return n;
}

static void
add_fec(struct numbers *all, const struct relay *r, unsigned i)
{
	unsigned n;

	numbers_add(all, "source_fec_packets", "counter", "Datagrams of FEC received.",
	    r->leg[i]->fec);
	numbers_add(all, "source_fec_bytes", "counter", "Bytes of FEC received.",
	    r->leg[i]->fec_bytes);
	flow_merge(&r->flow, i, &n);
	repair_numbers(flow_repair(&r->flow, i), n, all);
}

/* What did not come at first, and what of it came after all. */
static void
add_losses(struct numbers *all, const struct relay *r, unsigned i)
{
	const struct leg *l = r->leg[i];
	const struct relay_lately *now = &r->lately[i];

	numbers_add(all, "source_recovered_packets", "counter",
	    "Datagrams that FEC or a retransmission gave.",
	    value(all, "source_fec_recovered") + value(all, "source_arq_recovered"));
	numbers_add_part(all, "source_packet_loss_percent", "gauge",
	    "Of those sent in the last second, what did not come at first.", now->loss, 1000);
	numbers_add(all, "source_consecutive_drops", "gauge",
	    "In the last second, the most RTP datagrams missing in a row.", now->drops);
	numbers_add_part(all, "source_jitter", "gauge", "Milliseconds: RFC 3550's, of RTP.",
	    (uint64_t)l->rtp.jitter * 100 / 9, 1000);
	/* SRT and RIST know better: their gaps are filled. */
	if (numbers_find(all, "source_missing_packets") == NULL)
		numbers_add(all, "source_missing_packets", "counter",
		    "Datagrams that were missing when a later one came.",
		    l->lost_before + rtp_stat_lost(&l->rtp));
}

struct numbers
relay_leg_numbers(const struct relay *r, unsigned i, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct leg *l = r->leg[i];
	const struct flow_leg *fl = &r->flow.leg[i];
	unsigned n;
	const struct merge *m = flow_merge(&r->flow, i, &n);
	const struct merge_leg *ml = &m->leg[n];
	const struct content_leg *cl = &r->flow.content.leg[i];
	const struct relay_lately *late = &r->lately[i];
	bool by_content = r->config.by_content, is_alive = relay_leg_alive(r, i, now_ns);
	unsigned living = count_alive(r, now_ns);
	const struct number list[] = {
		{ "source_connected", "gauge", "1 while data come.", is_alive },
		{ "source_selected", "gauge", "1 while its data go out.",
		    r->config.merge ? is_alive : r->flow.failover.active == (int)i },
		{ "source_bytes", "counter", "Bytes received.", l->bytes },
		{ "source_bit_rate", "gauge", "Of those, bits in the last second.",
		    r->lately[i].bit_rate },
		{ "source_total_packets", "counter", "Datagrams received.", l->datagrams },
		{ "source_delivered_packets", "counter", "Datagrams that went on.",
		    fl->passed },
		{ "source_standby_packets", "counter",
		    "Datagrams in order, while another source was in use.", fl->stood_by },
		{ "source_other_leg_packets", "counter",
		    "Datagrams that another source had brought before.", ml->other_leg },
		{ "source_duplicate_packets", "counter", "Datagrams that came twice.",
		    ml->duplicate },
		{ "source_late_packets", "counter", "Datagrams after they were given up.",
		    ml->late },
		{ "source_held_packets", "gauge", "Datagrams that wait.", ml->held + ml->aside +
		    fl->standby.kept },
		{ "source_astray_packets", "counter",
		    "Datagrams far off, or of another stream.", ml->astray },
		{ "source_overflow_packets", "counter", "Datagrams without room.",
		    ml->overflow + l->no_room },
		{ "source_refused_packets", "counter",
		    "Datagrams that are no transport stream, or cannot be merged.",
		    l->junk + l->bad_type + fl->bare_refused },
		{ "source_foreign_packets", "counter", "Datagrams of someone else.",
		    l->foreign },
		{ "source_truncated_packets", "counter", "Datagrams that were cut.",
		    l->truncated },
		{ "source_reordered_packets", "counter", "Datagrams put into order.",
		    ml->reordered },
		{ "source_not_recovered_packets", "counter",
		    "Datagrams that never came, on this source or any it is merged with.",
		    m->lost + fl->bare_lost },
		{ "source_merge_latency_us", "gauge",
		    "Microseconds that it is behind the first source.",
		    whole((by_content ? cl->behind_ns : ml->behind_ns) / 1000) },
		{ "source_uptime", "gauge", "Seconds since it was connected.",
		    late->since_ns > 0 ? (uint64_t)((now_ns - late->since_ns) / CLK_SECOND) : 0 },
		{ "source_merge_active", "gauge", "1 while it is merged with another.",
		    r->config.merge && is_alive && living > 1 },
		{ "source_merge_status_warn_solo", "gauge", "1 while no other lives.",
		    r->config.merge && is_alive && living == 1 },
		{ "source_merge_status_warn_mismatch", "gauge",
		    "1 when it did not carry the same as the first.", ml->mismatch > 0 },
		{ "source_merge_mismatch_packets", "counter",
		    "Datagrams that are not the same as on the first source.", ml->mismatch },
		{ "source_restarts", "counter", "Times that it began anew.", m->restarts },
		{ "source_content_first", "counter",
		    "Transport stream packets that it brought first.", cl->first },
		{ "source_content_filled", "counter",
		    "Of those, what other sources had lost.", cl->filled },
		{ "source_content_other_leg", "counter",
		    "Transport stream packets that another source had brought.", cl->other_leg },
		{ "source_content_astray", "counter",
		    "Transport stream packets that others do not have, or came too late.",
		    cl->astray + cl->late + cl->overflow },
		{ "source_content_locked", "gauge",
		    "1 while its packets are those of the others.", cl->locked },
		{ "source_content_apart_us", "gauge",
		    "Microseconds that it is before or behind others, and not merged.",
		    whole((cl->apart_ns < 0 ? -cl->apart_ns : cl->apart_ns) / 1000) },
	};

	add_all(&all, list, sizeof(list) / sizeof(list[0]));
	if (l->has_fec)
		add_fec(&all, r, i);
	if (r->config.health)
		checkup_source_numbers(&fl->checkup, l->sync_losses, l->sync_losses > l->junk ?
		    l->sync_losses : l->junk, &all);
	leg_numbers(l, &all);
	add_losses(&all, r, i);
	return all;
}

bool
relay_output_alive(const struct output *o, int64_t now_ns)
{
	return o->sent_ns != 0 && now_ns - o->sent_ns < ALIVE_NS;
}

struct numbers
relay_output_numbers(const struct relay *r, const struct output *o, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct number list[] = {
		{ "output_connected", "gauge", "1 while data go out.",
		    relay_output_alive(o, now_ns) },
		{ "output_paused", "gauge", "1 while it is paused.", o->paused },
		{ "output_total_packets", "counter", "Datagrams sent.", o->sent },
		{ "output_bytes", "counter", "Bytes sent.", o->bytes },
		{ "output_bit_rate", "gauge", "Of those, bits in the last second.",
		    o->rate_bps },
		{ "output_dropped_packets", "counter",
		    "Datagrams lost for it: it was too slow.", o->dropped },
		{ "output_skipped_packets", "counter",
		    "Datagrams while it was paused or had no reader.", o->skipped },
		{ "output_failed_packets", "counter",
		    "Datagrams that the system refused to send.", o->failed },
		{ "output_waiting_packets", "gauge", "Datagrams that are due and wait.",
		    output_waiting(o, &r->flow.fan) },
		{ "output_disconnections", "counter", "Times that its reader went.",
		    o->disconnections },
		{ "output_stalls", "counter", "Times that it could not take more.",
		    o->stalls },
		{ "output_longest_stall_us", "gauge", "The longest of those.",
		    whole(o->stall_ns / 1000) },
	};

	add_all(&all, list, sizeof(list) / sizeof(list[0]));
	output_numbers(o, &all);
	return all;
}

/* Of all sources together, as MediaConnect has it. */
static void
add_sums(struct numbers *sum, const struct relay *r, int64_t now_ns)
{
	static const struct {
		const char *of, *name, *type, *help;
		bool	 most;
	} list[] = {
		{ "source_connected", "connected", "gauge", "1 while a source is.", true },
		{ "source_missing_packets", "missing_packets", "counter",
		    "Of all sources: datagrams that did not come at first.", false },
		{ "source_recovered_packets", "recovered_packets", "counter",
		    "Of those, what FEC and retransmissions gave.", false },
		{ "source_dropped_packets", "dropped_packets", "counter",
		    "Datagrams that the kernel dropped.", false },
		{ "source_overflow_packets", "overflow_packets", "counter",
		    "Datagrams without room.", false },
		{ "source_fec_packets", "fec_packets", "counter", "Datagrams of FEC.", false },
		{ "source_fec_recovered", "fec_recovered", "counter",
		    "Datagrams that FEC gave.", false },
		{ "source_arq_requests", "arq_requests", "counter",
		    "Requests to send again.", false },
		{ "source_arq_recovered", "arq_recovered", "counter",
		    "Datagrams that came by those.", false },
		{ "source_disconnections", "disconnections", "counter",
		    "Times that a sender went.", false },
		{ "source_round_trip_time", "round_trip_time", "gauge",
		    "Milliseconds; the longest of the sources.", true },
	};
	uint64_t v[sizeof(list) / sizeof(list[0])] = { 0 };

	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		struct numbers one;

		if (r->leg[i] == NULL)
			continue;
		one = relay_leg_numbers(r, i, now_ns);
		for (size_t k = 0; k < sizeof(list) / sizeof(list[0]); k++) {
			uint64_t n = value(&one, list[k].of);

			v[k] = !list[k].most ? v[k] + n : n > v[k] ? n : v[k];
		}
	}
	for (size_t k = 0; k < sizeof(list) / sizeof(list[0]); k++)
		numbers_add(sum, list[k].name, list[k].type, list[k].help, v[k]);
}

struct numbers
relay_numbers(const struct relay *r, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct flow *f = &r->flow;
	unsigned living = count_alive(r, now_ns), legs = 0, differ = 0;

	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		if (r->leg[i] == NULL)
			continue;
		legs++;
		differ += f->merge.leg[i].mismatch > 0;
	}
	const struct number list[] = {
		{ "total_packets", "counter", "Transport stream packets that went on.",
		    f->emitted },
		{ "bit_rate", "gauge", "Bits of those in the last second.", r->lately_all.bit_rate },
		{ "left_out_packets", "counter", "Of those, packets of PIDs left out.",
		    f->left_out },
		{ "program_missing", "gauge", "1: the program asked for is not in the PAT.",
		    f->filter.missing },
		{ "added_packets", "counter", "Marks and tables put in at switches.",
		    f->marks + f->repeated },
		{ "not_recovered_packets", "counter", "Datagrams lost for good.", f->lost },
		{ "consecutive_not_recovered", "gauge",
		    "In the last second, the most of those in a row.", r->lately_all.drops },
		{ "continuity_counter", "counter", "Gaps in continuity counters.",
		    f->watch.cc_errors },
		{ "transport_error", "counter", "Damaged packets that went on.",
		    f->watch.bad },
		{ "merge_active", "gauge", "1 while two sources or more are merged.",
		    r->config.merge && living > 1 },
		{ "merge_status_warn_solo", "gauge", "1 while only one of several lives.",
		    r->config.merge && legs > 1 && living < 2 },
		{ "merge_status_warn_mismatch", "gauge",
		    "1 when sources did not carry the same.", differ > 0 },
		{ "failover_switches", "counter", "Changes of the source in use.",
		    f->failover.switches },
		{ "pacer_late_packets", "counter", "Datagrams after their time.",
		    f->pacer.late },
		{ "pacer_resets", "counter", "Times that the clock was laid anew.",
		    f->pacer.resets + f->pacer.rebases },
		{ "content_hurried", "counter",
		    "Transport stream packets given out before the window was over.",
		    f->content.hurried },
		{ "memory_bytes", "gauge", "Of packets that are held.", f->pool.bytes },
		{ "ledger_ok", "gauge", "1: every packet is in one count.",
		    relay_ledger_ok(r) },
	};

	add_all(&all, list, sizeof(list) / sizeof(list[0]));
	numbers_add_part(&all, "packet_loss_percent", "gauge",
	    "Of all sources, in the last second: what did not come at first.",
	    r->lately_all.loss, 1000);
	add_sums(&all, r, now_ns);
	if (r->config.health)
		checkup_output_numbers(&f->checkup, &all);
	if (r->recorder != NULL)
		recorder_numbers(r->recorder, &all);
	return all;
}

bool
relay_ledger_ok(const struct relay *r)
{
	if (!flow_ledger_ok(&r->flow))
		return false;
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		const struct leg *l = r->leg[i];

		if (l != NULL && (l->datagrams != l->taken + l->junk + l->bad_type +
		    l->no_room || l->taken != r->flow.leg[i].received ||
		    l->fec != r->flow.leg[i].fec + l->fec_no_room))
			return false;
	}
	for (unsigned i = 0; i < r->noutput; i++)
		if (!output_ledger_ok(r->output[i]))
			return false;
	return true;
}

