#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/address.h"
#include "transport/legkind.h"

static int
open_url(struct leg *l, struct url *url, char why[static UDP_WHY])
{
	int r = address_name(url, l->id, why);

	if (r < 0)
		return r;
	if (strcmp(url->scheme, "udp") == 0 || strcmp(url->scheme, "rtp") == 0)
		r = leg_open_udp(l, url, why);
	else if (strcmp(url->scheme, "srt") == 0)
		r = leg_open_srt(l, url, why);
	else if (strcmp(url->scheme, "-") == 0 || strcmp(url->scheme, "file") == 0)
		r = leg_open_stream(l, url, why);
	else if (strcmp(url->scheme, "rist") == 0)
		r = leg_open_rist(l, url, why);
	else {
		snprintf(why, UDP_WHY, "there is no input of the kind %.32s://", url->scheme);
		return -EINVAL;
	}
	return r == 0 ? address_rest(url, why) : r;
}

int
leg_open(struct leg *l, const char *text, char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r = -ENOMEM;

	*l = (struct leg){ .fd = -1, .text = strdup(text) };
	rtp_ext_init(&l->ext, RTP_DROPOUT, false);
	snprintf(why, UDP_WHY, "out of memory");
	if (url != NULL && l->text != NULL) {
		snprintf(why, UDP_WHY, "this is no address");
		r = url_parse(url, text) < 0 ? -EINVAL : open_url(l, url, why);
	}
	free(url);
	if (r < 0)
		leg_free(l);
	return r;
}

void
leg_free(struct leg *l)
{
	if (l->ops != NULL)
		l->ops->close(l);
	free(l->text);
	*l = (struct leg){ .fd = -1 };
}

bool
leg_leave(struct leg *l)
{
	return l->ops == NULL || l->ops->leave == NULL || l->ops->leave(l);
}

void
leg_look(struct leg *l, int64_t now_ns)
{
	if (l->ops != NULL && l->ops->look != NULL)
		l->ops->look(l, now_ns);
}

void
leg_numbers(const struct leg *l, struct numbers *all)
{
	if (l->ops->numbers != NULL)
		l->ops->numbers(l, all);
}

int
leg_reload(struct leg *l, char why[static UDP_WHY])
{
	return l->ops->reload != NULL ? l->ops->reload(l, why) : 0;
}

unsigned
leg_revoke(struct leg *l, const char *name, bool *known)
{
	return l->ops->revoke != NULL ? l->ops->revoke(l, name, known) : 0;
}

bool
leg_read(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	return !l->ended && l->ops->read(l, b, t);
}
