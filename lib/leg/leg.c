#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/address.h"
#include "lib/leg/legkind.h"

/* Of a leg that is only begun. */
static int
open_kind(struct leg *l, struct url *url, leg_opener *other, char why[static UDP_WHY])
{
	int r = 0;

	if (strcmp(url->scheme, "udp") == 0 || strcmp(url->scheme, "rtp") == 0)
		r = leg_open_udp(l, url, why);
	else if (strcmp(url->scheme, "srt") == 0)
		r = leg_open_srt(l, url, why);
	else if (strcmp(url->scheme, "rist") == 0)
		r = leg_open_rist(l, url, why);
	else if (other == NULL || (r = other(l, url, why)) == -ENOTSUP) {
		snprintf(why, UDP_WHY, "there is no input of the kind %.32s://", url->scheme);
		return -EINVAL;
	}
	return r;
}

static int
begin(struct leg *l, const char *text, char why[static UDP_WHY])
{
	*l = (struct leg){ .fd = -1, .text = strdup(text) };
	rtp_ext_init(&l->ext, RTP_DROPOUT, false);
	snprintf(why, UDP_WHY, "out of memory");
	return l->text != NULL ? 0 : -ENOMEM;
}

int
leg_open_url(struct leg *l, const char *text, struct url *url, char why[static UDP_WHY])
{
	int r = begin(l, text, why);

	if (r == 0)
		r = open_kind(l, url, NULL, why);
	if (r < 0)
		leg_free(l);
	return r;
}

int
leg_open(struct leg *l, const char *text, leg_opener *other, char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r = begin(l, text, why);

	if (r == 0 && url == NULL)
		r = -ENOMEM;
	if (r == 0 && (r = url_parse(url, text) < 0 ? -EINVAL : 0) < 0)
		snprintf(why, UDP_WHY, "this is no address");
	if (r == 0 && (r = address_name(url, l->id, why)) == 0)
		r = open_kind(l, url, other, why);
	if (r == 0)
		r = address_rest(url, why);
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
