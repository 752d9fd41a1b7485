/* The numbers of mconnect-relay: a line of JSON, and text for Prometheus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/media/ts.h"
#include "lib/net/metrics.h"
#include "transport/recorder.h"
#include "transport/relay.h"

#define ALIVE_NS	CLK_SECOND	/* data within it: the source is connected */
#define RATE_NS		(CLK_SECOND * 9 / 10)	/* rates are of so long, at least */

/* ---- rates */

static uint64_t
rate(uint64_t bytes, int64_t ns)
{
	return ns > 0 ? (uint64_t)((unsigned __int128)bytes * 8 * (uint64_t)CLK_SECOND /
	    (uint64_t)ns) : 0;
}

/* Once a second, whoever asks how often. */
static void
measure_rates(struct relay *r, int64_t now_ns)
{
	int64_t elapsed = now_ns - r->last_ns;

	if (elapsed < RATE_NS)
		return;
	r->bit_rate = rate((r->flow.emitted - r->last_emitted) * TS_PACKET, elapsed);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL) {
			r->leg_rate[i] = rate(r->leg[i]->bytes - r->last_leg_bytes[i], elapsed);
			r->last_leg_bytes[i] = r->leg[i]->bytes;
		}
	for (unsigned i = 0; i < r->noutput; i++) {
		struct output *o = r->output[i];

		o->rate_bps = rate(o->bytes - o->rated_bytes, elapsed);
		o->rated_bytes = o->bytes;
	}
	r->last_emitted = r->flow.emitted;
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

static bool
alive(const struct relay *r, unsigned i, int64_t now_ns)
{
	int64_t seen = r->flow.leg[i].seen_ns;

	return seen != 0 && now_ns - seen < ALIVE_NS;
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

static struct numbers
of_leg(const struct relay *r, unsigned i, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct leg *l = r->leg[i];
	const struct flow_leg *fl = &r->flow.leg[i];
	unsigned n;
	const struct merge *m = flow_merge(&r->flow, i, &n);
	const struct merge_leg *ml = &m->leg[n];
	const struct content_leg *cl = &r->flow.content.leg[i];
	bool by_content = r->config.by_content;
	const struct number list[] = {
		{ "source_connected", "gauge", "1 while data come.", alive(r, i, now_ns) },
		{ "source_selected", "gauge", "1 while its data go out.",
		    r->config.merge ? alive(r, i, now_ns) : r->flow.failover.active == (int)i },
		{ "source_bytes", "counter", "Bytes received.", l->bytes },
		{ "source_bit_rate", "gauge", "Of those, bits in the last second.",
		    r->leg_rate[i] },
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
	};

	add_all(&all, list, sizeof(list) / sizeof(list[0]));
	if (l->has_fec)
		add_fec(&all, r, i);
	if (r->config.health)
		checkup_source_numbers(&fl->checkup, l->sync_losses, l->sync_losses > l->junk ?
		    l->sync_losses : l->junk, &all);
	leg_numbers(l, &all);
	return all;
}

static struct numbers
of_output(const struct relay *r, const struct output *o, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct number list[] = {
		{ "output_connected", "gauge", "1 while data go out.",
		    o->sent_ns != 0 && now_ns - o->sent_ns < ALIVE_NS },
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

static struct numbers
of_flow(const struct relay *r, int64_t now_ns)
{
	struct numbers all = { 0 };
	const struct flow *f = &r->flow;
	unsigned living = 0, legs = 0, differ = 0;

	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		if (r->leg[i] == NULL)
			continue;
		legs++;
		living += alive(r, i, now_ns);
		differ += f->merge.leg[i].mismatch > 0;
	}
	const struct number list[] = {
		{ "total_packets", "counter", "Transport stream packets that went on.",
		    f->emitted },
		{ "bit_rate", "gauge", "Bits of those in the last second.", r->bit_rate },
		{ "left_out_packets", "counter", "Of those, packets of PIDs left out.",
		    f->left_out },
		{ "program_missing", "gauge", "1: the program asked for is not in the PAT.",
		    f->filter.missing },
		{ "added_packets", "counter", "Marks and tables put in at switches.",
		    f->marks + f->repeated },
		{ "not_recovered_packets", "counter", "Datagrams lost for good.", f->lost },
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
		{ "memory_bytes", "gauge", "Of packets that are held.", f->pool.bytes },
		{ "ledger_ok", "gauge", "1: every packet is in one count.",
		    relay_ledger_ok(r) },
	};

	add_all(&all, list, sizeof(list) / sizeof(list[0]));
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

/* ---- JSON */

static void
put_numbers(json_t *o, const struct numbers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		json_object_set_new(o, all->list[i].name,
		    json_integer((json_int_t)all->list[i].value));
}

json_t *
relay_stats(struct relay *r, int64_t now_ns)
{
	json_t *o = json_object(), *list = json_array(), *one, *peers;
	struct numbers all;

	measure_rates(r, now_ns);
	all = of_flow(r, now_ns);
	put_numbers(o, &all);
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		if (r->leg[i] == NULL)
			continue;
		one = json_pack("{s:s, s:s}", "id", r->leg[i]->id, "url", r->leg[i]->text);
		all = of_leg(r, i, now_ns);
		put_numbers(one, &all);
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "sources", list);
	list = json_array();
	for (unsigned i = 0; i < r->noutput; i++) {
		one = json_pack("{s:s, s:s}", "id", r->output[i]->id, "url",
		    r->output[i]->text);
		all = of_output(r, r->output[i], now_ns);
		put_numbers(one, &all);
		if ((peers = output_peers(r->output[i])) != NULL)
			json_object_set_new(one, "peers", peers);
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "outputs", list);
	return o;
}

json_t *
relay_list(const struct relay *r)
{
	json_t *sources = json_array(), *outputs = json_array();
	int64_t now_ns = clk_mono_ns();

	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			json_array_append_new(sources, json_pack("{s:s, s:s, s:s}", "id",
			    r->leg[i]->id, "url", r->leg[i]->text, "state",
			    alive(r, i, now_ns) ? "receiving" : "idle"));
	for (unsigned i = 0; i < r->noutput; i++) {
		const struct output *o = r->output[i];

		json_array_append_new(outputs, json_pack("{s:s, s:s, s:s}", "id", o->id, "url",
		    o->text, "state", o->paused ? "paused" : o->ended ? "ended" : o->blocked ?
		    "waiting" : o->sent_ns != 0 && now_ns - o->sent_ns < ALIVE_NS ? "sending" :
		    "idle"));
	}
	return json_pack("{s:o, s:o}", "sources", sources, "outputs", outputs);
}

/* ---- Prometheus */

/* size is enough for an id of nothing but quotes. */
static void
label(char *text, size_t size, const char *key, const char *id)
{
	size_t n = (size_t)snprintf(text, size, "%s=\"", key);

	for (; *id != '\0' && n + 3 < size; id++) {
		if (*id == '"' || *id == '\\')
			text[n++] = '\\';
		text[n++] = (char)((unsigned char)*id < ' ' ? '?' : *id);
	}
	text[n++] = '"';
	text[n] = '\0';
}

struct owned {				/* the numbers of one leg or output */
	const char *key, *id;
	struct numbers all;
};

static const struct number *
find(const struct numbers *all, const char *name)
{
	for (unsigned k = 0; k < all->n; k++)
		if (strcmp(all->list[k].name, name) == 0)
			return &all->list[k];
	return NULL;
}

/* The first number of that name is of list[first]: all of the name in a row. */
static void
tell_one(struct metrics *m, const struct owned *list, size_t n, size_t first,
    const struct number *about)
{
	char labels[2 * LEG_ID + 16], text[64];

	snprintf(text, sizeof(text), "mconnect_%s", about->name);
	metrics_about(m, text, about->type, about->help);
	for (size_t i = first; i < n; i++) {
		const struct number *one = find(&list[i].all, about->name);

		if (one == NULL)
			continue;
		*labels = '\0';
		if (list[i].key != NULL)
			label(labels, sizeof(labels), list[i].key, list[i].id);
		metrics_add(m, text, labels, one->value);
	}
}

static void
tell_all(struct metrics *m, const struct owned *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < list[i].all.n; k++) {
			bool told = false;

			for (size_t j = 0; j < i && !told; j++)
				told = find(&list[j].all, list[i].all.list[k].name) != NULL;
			if (!told)
				tell_one(m, list, n, i, &list[i].all.list[k]);
		}
}

void
relay_metrics(struct relay *r, struct metrics *m, int64_t now_ns)
{
	struct owned *list = malloc((FLOW_LEGS + r->noutput) * sizeof(*list));
	struct owned flow = { .key = NULL };
	size_t n = 0;

	measure_rates(r, now_ns);
	flow.all = of_flow(r, now_ns);
	if (list == NULL)
		return;
	tell_all(m, &flow, 1);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			list[n++] = (struct owned){ "source", r->leg[i]->id,
			    of_leg(r, i, now_ns) };
	tell_all(m, list, n);
	n = 0;
	for (unsigned i = 0; i < r->noutput; i++)
		list[n++] = (struct owned){ "output", r->output[i]->id,
		    of_output(r, r->output[i], now_ns) };
	tell_all(m, list, n);
	free(list);
}
