/* The numbers of mconnect-relay: a line of JSON, and text for Prometheus. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/net/metrics.h"
#include "transport/relay.h"
#include "transport/relaynumbers.h"

/* ---- JSON */

static void
put_numbers(json_t *o, const struct numbers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		json_object_set_new(o, all->list[i].name, all->per[i] > 1 ?
		    json_real((double)all->list[i].value / all->per[i]) :
		    json_integer((json_int_t)all->list[i].value));
}

json_t *
relay_stats(struct relay *r, int64_t now_ns)
{
	json_t *o = json_object(), *list = json_array(), *one, *peers;
	struct numbers all;

	relay_measure(r, now_ns);
	all = relay_numbers(r, now_ns);
	put_numbers(o, &all);
	for (unsigned i = 0; i < FLOW_LEGS; i++) {
		if (r->leg[i] == NULL)
			continue;
		one = json_pack("{s:s, s:s}", "id", r->leg[i]->id, "url", r->leg[i]->text);
		all = relay_leg_numbers(r, i, now_ns);
		put_numbers(one, &all);
		json_array_append_new(list, one);
	}
	json_object_set_new(o, "sources", list);
	list = json_array();
	for (unsigned i = 0; i < r->noutput; i++) {
		one = json_pack("{s:s, s:s}", "id", r->output[i]->id, "url",
		    r->output[i]->text);
		all = relay_output_numbers(r, r->output[i], now_ns);
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
			    relay_leg_alive(r, i, now_ns) ? "receiving" : "idle"));
	for (unsigned i = 0; i < r->noutput; i++) {
		const struct output *o = r->output[i];

		json_array_append_new(outputs, json_pack("{s:s, s:s, s:s}", "id", o->id, "url",
		    o->text, "state", o->paused ? "paused" : o->ended ? "ended" : o->blocked ?
		    "waiting" : relay_output_alive(o, now_ns) ? "sending" :
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

/* The first number of that name is of list[first]: all of the name in a row. */
static void
tell_one(struct metrics *m, const struct owned *list, size_t n, size_t first,
    const struct number *about)
{
	char labels[2 * LEG_ID + 16], text[64];

	snprintf(text, sizeof(text), "mconnect_%s", about->name);
	metrics_about(m, text, about->type, about->help);
	for (size_t i = first; i < n; i++) {
		const struct number *one = numbers_find(&list[i].all, about->name);

		if (one == NULL)
			continue;
		*labels = '\0';
		if (list[i].key != NULL)
			label(labels, sizeof(labels), list[i].key, list[i].id);
		metrics_add_part(m, text, labels, one->value,
		    list[i].all.per[one - list[i].all.list]);
	}
}

static void
tell_all(struct metrics *m, const struct owned *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < list[i].all.n; k++) {
			bool told = false;

			for (size_t j = 0; j < i && !told; j++)
				told = numbers_find(&list[j].all, list[i].all.list[k].name) != NULL;
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

	relay_measure(r, now_ns);
	flow.all = relay_numbers(r, now_ns);
	if (list == NULL)
		return;
	tell_all(m, &flow, 1);
	for (unsigned i = 0; i < FLOW_LEGS; i++)
		if (r->leg[i] != NULL)
			list[n++] = (struct owned){ "source", r->leg[i]->id,
			    relay_leg_numbers(r, i, now_ns) };
	tell_all(m, list, n);
	n = 0;
	for (unsigned i = 0; i < r->noutput; i++)
		list[n++] = (struct owned){ "output", r->output[i]->id,
		    relay_output_numbers(r, r->output[i], now_ns) };
	tell_all(m, list, n);
	free(list);
}
