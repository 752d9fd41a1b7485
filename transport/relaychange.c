#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "transport/outputkind.h"
#include "transport/relaychange.h"

#define RETRY_NS	(CLK_SECOND / 10)
#define PATIENCE_NS	(6 * CLK_SECOND)	/* for what has the port to end */

/* ---- which port */

static bool
is_listener(struct url *u)
{
	const char *mode = url_get(u, "mode");

	if (strcmp(u->scheme, "rist") == 0)
		return u->has_at;
	return strcmp(u->scheme, "srt") == 0 && (mode != NULL ?
	    strcmp(mode, "listener") == 0 : *u->host == '\0');
}

/* Do both listen on one port?  Of both in one url[2]. */
static bool
same_port(struct url *u)
{
	return strcmp(u[0].scheme, u[1].scheme) == 0 && u[0].port == u[1].port &&
	    is_listener(&u[0]) && is_listener(&u[1]);
}

static bool
listen_alike(const char *one, const char *other)
{
	struct url *u = malloc(2 * sizeof(*u));
	bool same = u != NULL && url_parse(&u[0], one) == 0 &&
	    url_parse(&u[1], other) == 0 && same_port(u);

	free(u);
	return same;
}

int
relaychange_find(const struct relay *r, const char *text)
{
	struct url *u = malloc(sizeof(*u));
	const char *name = u != NULL && url_parse(u, text) == 0 ? url_get(u, "name") : NULL;
	int found = -1;

	for (unsigned i = 0; i < r->noutput && found < 0; i++)
		if (!r->output[i]->from_config || r->output[i]->seen)
			continue;
		else if (name != NULL ? strcmp(r->output[i]->id, name) == 0 :
		    listen_alike(r->output[i]->text, text))
			found = (int)i;
	free(u);
	return found;
}

/* ---- one that waits for its port is an output of this kind */

struct waiting {
	char	*before;		/* the old address */
	bool	 back, said;		/* that one is to be had again */
	int64_t	 next_ns, until_ns;
};

static void
skip_all(struct output *o, const struct fan *f, int64_t now_ns)
{
	(void)now_ns;
	output_skip(o, f);
}

static void
close_waiting(struct output *o)
{
	struct waiting *w = o->state;

	free(w->before);
	free(w);
}

static const struct output_ops waiting_ops = { .send = skip_all, .close = close_waiting };

static struct output *
wait_new(const char *text, const char *before, int64_t now_ns)
{
	struct output *o = calloc(1, sizeof(*o));
	struct waiting *w = calloc(1, sizeof(*w));

	if (o != NULL)
		*o = (struct output){ .fd = -1, .text = strdup(text) };
	if (w != NULL)
		*w = (struct waiting){ .before = strdup(before),
		    .until_ns = now_ns + PATIENCE_NS };
	if (o != NULL && w != NULL && o->text != NULL && w->before != NULL) {
		o->ops = &waiting_ops;
		o->state = w;
		return o;
	}
	if (o != NULL)
		free(o->text);
	if (w != NULL)
		free(w->before);
	free(o);
	free(w);
	return NULL;
}

/* ---- the change */

/* What one could not take in time the other does not get late. */
static void
inherit(struct output *o, struct output *old, const struct fan *f)
{
	memcpy(o->id, old->id, sizeof(o->id));
	o->paused = old->paused;
	o->from_config = old->from_config;
	o->seen = old->seen;
	o->sent = old->sent;
	o->dropped = old->dropped;
	o->skipped = old->skipped;
	o->failed = old->failed;
	o->begun = old->begun;
	o->place = old->place;
	o->bytes = old->bytes;
	o->disconnections = old->disconnections;
	o->stalls = old->stalls;
	o->stall_ns = old->stall_ns;
	o->rate_bps = old->rate_bps;
	o->rated_bytes = old->rated_bytes;
	if (old->cut != NULL) {
		packet_unref(old->cut);
		old->cut = NULL;
		o->dropped++;
	}
	if (old->blocked && o->place < f->due) {
		o->dropped += f->due - o->place;
		o->place = f->due;
	}
}

static void
replace(struct relay *r, unsigned n, struct output *o)
{
	struct output *old = r->output[n];

	inherit(o, old, &r->flow.fan);
	r->output[n] = o;
	relay_retire_output(r, old);
}

int
relaychange(struct relay *r, unsigned n, const char *text, char why[static UDP_WHY])
{
	struct output *old = r->output[n], *o;
	int err = relay_open_output(r, text, &o, why);

	if (err == -EADDRINUSE && listen_alike(old->text, text)) {
		if ((o = wait_new(text, old->text, clk_mono_ns())) == NULL)
			return -ENOMEM;
		replace(r, n, o);
		return 0;
	}
	if (err < 0)
		return err;
	if (*o->id != '\0' && strcmp(o->id, old->id) != 0) {
		snprintf(why, UDP_WHY, "the name of '%s' stays", old->id);
		output_free(o);
		free(o);
		return -EINVAL;
	}
	replace(r, n, o);
	return 0;
}

/* The new one cannot be had. */
static void
go_back(struct output *o, int err, const char *why)
{
	struct waiting *w = o->state;
	char *text = o->text;

	log_warn(-err, "'%s': %s", o->text, why);
	o->text = w->before;
	w->before = text;
	w->back = true;
}

static void
try_again(struct relay *r, unsigned n, int64_t now_ns)
{
	struct output *old = r->output[n], *o;
	struct waiting *w = old->state;
	char why[UDP_WHY];
	int err;

	if (now_ns < w->next_ns)
		return;
	w->next_ns = now_ns + RETRY_NS;
	if ((err = relay_open_output(r, old->text, &o, why)) == 0) {
		if (w->back)
			log_info("'%s': as before", old->text);
		replace(r, n, o);
	} else if (!w->back && (err != -EADDRINUSE || now_ns > w->until_ns)) {
		go_back(old, err, why);
	} else if (w->back && !w->said) {
		w->said = true;
		log_warn(-err, "'%s' is tried again and again: %s", old->text, why);
	}
}

void
relaychange_turn(struct relay *r, int64_t now_ns)
{
	for (unsigned i = 0; i < r->noutput; i++)
		if (r->output[i]->ops == &waiting_ops)
			try_again(r, i, now_ns);
}
