#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/address.h"
#include "transport/outputkind.h"

static int
open_url(struct output *o, struct url *url, char why[static UDP_WHY])
{
	int r = address_name(url, o->id, why);

	if (r < 0)
		return r;
	if (strcmp(url->scheme, "udp") == 0 || strcmp(url->scheme, "rtp") == 0)
		r = output_open_udp(o, url, why);
	else if (strcmp(url->scheme, "srt") == 0)
		r = output_open_srt(o, url, why);
	else if (strcmp(url->scheme, "-") == 0 || strcmp(url->scheme, "file") == 0)
		r = output_open_pipe(o, url, why);
	else if (strcmp(url->scheme, "rist") == 0)
		r = output_open_rist(o, url, why);
	else {
		snprintf(why, UDP_WHY, "there is no output of the kind %.32s://", url->scheme);
		return -EINVAL;
	}
	return r == 0 ? address_rest(url, why) : r;
}

int
output_open(struct output *o, const char *text, const struct fan *f,
    char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r = -ENOMEM;

	*o = (struct output){ .fd = -1, .ssrc = f->ssrc, .text = strdup(text) };
	snprintf(why, UDP_WHY, "out of memory");
	if (url != NULL && o->text != NULL) {
		snprintf(why, UDP_WHY, "this is no address");
		r = url_parse(url, text) < 0 ? -EINVAL : open_url(o, url, why);
	}
	free(url);
	o->begun = o->place = f->due;
	if (r < 0)
		output_free(o);
	return r;
}

void
output_free(struct output *o)
{
	if (o->ops != NULL)
		o->ops->close(o);
	free(o->text);
	*o = (struct output){ .fd = -1 };
}

void
output_block(struct output *o, int64_t now_ns)
{
	o->blocked = true;
	o->blocked_ns = now_ns;
	o->stalls++;
}

void
output_ready(struct output *o, int64_t now_ns)
{
	if (o->blocked && now_ns - o->blocked_ns > o->stall_ns)
		o->stall_ns = now_ns - o->blocked_ns;
	o->blocked = false;
}

void
output_skip(struct output *o, const struct fan *f)
{
	if (o->place >= f->due)
		return;
	o->skipped += f->due - o->place;
	o->place = f->due;
}

void
output_send(struct output *o, const struct fan *f, int64_t now_ns)
{
	if (o->place < f->tail) {
		o->dropped += f->tail - o->place;
		o->place = f->tail;
	}
	if (o->blocked)
		return;
	if (o->paused || o->ended)
		output_skip(o, f);
	else
		o->ops->send(o, f, now_ns);
}

bool
output_leave(struct output *o)
{
	return o->ops->leave == NULL || o->ops->leave(o);
}

void
output_numbers(const struct output *o, struct numbers *all)
{
	if (o->ops->numbers != NULL)
		o->ops->numbers(o, all);
}

json_t *
output_peers(const struct output *o)
{
	return o->ops->peers != NULL ? o->ops->peers(o) : NULL;
}

int
output_reload(struct output *o, char why[static UDP_WHY])
{
	return o->ops->reload != NULL ? o->ops->reload(o, why) : 0;
}

unsigned
output_revoke(struct output *o, const char *name, bool *known)
{
	return o->ops->revoke != NULL ? o->ops->revoke(o, name, known) : 0;
}

bool
output_tells_time(const struct output *o)
{
	return o->ops->tells_time;
}

int64_t
output_busy_ns(const struct output *o, int64_t now_ns)
{
	return o->ops->busy_ns != NULL ? o->ops->busy_ns(o, now_ns) : 0;
}

void
output_pause(struct output *o, const struct fan *f, bool paused)
{
	if (o->paused && !paused)
		output_skip(o, f);
	o->paused = paused;
}

bool
output_ledger_ok(const struct output *o)
{
	return o->place - o->begun == o->sent + o->dropped + o->skipped + o->failed +
	    (o->cut != NULL);
}
