/* A leg whose datagrams come out of a recording: it has no descriptor. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/leg/legkind.h"
#include "transport/legown.h"

static bool
read_nothing(struct leg *l, struct leg_batch *b, const struct leg_taker *t)
{
	(void)l;
	(void)b;
	(void)t;
	return false;
}

static void
close_nothing(struct leg *l)
{
	(void)l;
}

static const struct leg_ops replay_ops = { .read = read_nothing, .close = close_nothing };

static bool
asks_for_fec(const char *text)
{
	struct url *url = malloc(sizeof(*url));
	const char *fec = NULL;
	bool asks;

	if (url != NULL && url_parse(url, text) == 0 && strcmp(url->scheme, "rtp") == 0)
		fec = url_get(url, "fec");
	asks = fec != NULL && strcmp(fec, "auto") == 0;
	free(url);
	return asks;
}

int
leg_open_replay(struct leg *l, const char *id, const char *text)
{
	*l = (struct leg){ .fd = -1, .ops = &replay_ops, .text = strdup(text),
	    .rtp_only = strncmp(text, "rtp://", 6) == 0,
	    .in_order = strncmp(text, "rist://", 7) == 0,
	    .has_fec = asks_for_fec(text) };
	rtp_ext_init(&l->ext, RTP_DROPOUT, false);
	snprintf(l->id, sizeof(l->id), "%s", id);
	return l->text != NULL ? 0 : -ENOMEM;
}
