#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/url.h"
#include "lib/net/fec2022.h"
#include "transport/replaypick.h"

static int
parse_address(struct replaypick_address *a, const char *text, char why[static UDP_WHY])
{
	a->len = 0;
	if (*text == '\0')
		return 0;
	if (inet_pton(AF_INET, text, a->byte) == 1)
		a->len = 4;
	else if (inet_pton(AF_INET6, text, a->byte) == 1)
		a->len = 16;
	else {
		snprintf(why, UDP_WHY, "'%.64s' is no address in numbers", text);
		return -EINVAL;
	}
	return 0;
}

static int
parse_url(struct replaypick *p, struct url *url, char why[static UDP_WHY])
{
	const char *fec = url_get(url, "fec");
	char name[ADDRESS_NAME];
	int r;

	if (strcmp(url->scheme, "udp") != 0 && strcmp(url->scheme, "rtp") != 0) {
		snprintf(why, UDP_WHY, "of a capture, inputs are udp:// and rtp://");
		return -EINVAL;
	}
	if (url->port == 0) {
		snprintf(why, UDP_WHY, "it has no port");
		return -EINVAL;
	}
	if (fec != NULL && (strcmp(url->scheme, "rtp") != 0 || (strcmp(fec, "auto") != 0 &&
	    strcmp(fec, "no") != 0))) {
		snprintf(why, UDP_WHY, "fec is auto or no, of rtp://");
		return -EINVAL;
	}
	/* Those that mean nothing here. */
	url_get(url, "iface");
	url_get(url, "rcvbuf");
	if ((r = address_name(url, name, why)) < 0 || (r = address_rest(url, why)) < 0)
		return r;
	*p = (struct replaypick){ .port = url->port,
	    .fec = fec != NULL && strcmp(fec, "auto") == 0 };
	memcpy(p->name, name, sizeof(name));
	if ((r = parse_address(&p->to, url->host, why)) < 0)
		return r;
	return parse_address(&p->from, url->user, why);
}

int
replaypick_parse(struct replaypick *p, const char *text, char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r;

	snprintf(why, UDP_WHY, url == NULL ? "out of memory" : "this is no address");
	if (url == NULL)
		return -ENOMEM;
	r = url_parse(url, text) < 0 ? -EINVAL : parse_url(p, url, why);
	free(url);
	return r;
}

static bool
is_address(const struct replaypick_address *a, const uint8_t *p, bool v6)
{
	return a->len == 0 || (a->len == (v6 ? 16 : 4) && memcmp(a->byte, p, a->len) == 0);
}

static bool
is_port(const struct replaypick *p, unsigned port)
{
	return port == p->port || (p->fec && (port == p->port + FEC_PORT_COLUMN + 0u ||
	    port == p->port + FEC_PORT_ROW + 0u));
}

bool
replaypick_is(const struct replaypick *p, const struct capture_item *item)
{
	return is_port(p, item->to_port) && is_address(&p->to, item->to, item->v6) &&
	    is_address(&p->from, item->from, item->v6);
}
