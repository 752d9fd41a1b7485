/* What ends TLS before the cache: haproxy or hitch, both for HTTP/2. */
#include <inttypes.h>

#include "lib/base/url.h"
#include "origin/edge.h"

#define SECONDS(ms)	(((ms) + 999) / 1000)

void
edge_haproxy(const struct edge *e, struct text *t)
{
	text_add(t, "# haproxy 2.6 as the end of TLS and HTTP/2 before Varnish.\n"
	    "# Written by medge-conf(1).  haproxy -f THIS\n\n"
	    "global\n"
	    "\tssl-default-bind-options ssl-min-ver TLSv1.2\n"
	    "\t# Many streams a viewer, small frames: a player asks for a few at once.\n"
	    "\ttune.h2.max-concurrent-streams 128\n\n");
	text_add(t, "defaults\n"
	    "\tmode http\n"
	    "\t# Each chunk goes on as it comes: haproxy does not wait for more.\n"
	    "\toption http-no-delay\n"
	    "\toption splice-response\n"
	    "\ttimeout connect 2s\n"
	    "\ttimeout http-request 10s\n"
	    "\ttimeout http-keep-alive 60s\n"
	    "\t# Longer than an origin holds a request, and Varnish waits for it.\n"
	    "\ttimeout client %" PRIu64 "s\n"
	    "\ttimeout server %" PRIu64 "s\n\n",
	    SECONDS(e->held_ms) + 10, SECONDS(e->held_ms) + 10);
	text_add(t, "frontend viewers\n"
	    "\tbind %s ssl crt %s alpn h2,http/1.1\n"
	    "\t# Nobody writes, and nobody purges, from here.\n"
	    "\thttp-request deny deny_status 405 unless { method GET HEAD OPTIONS }\n"
	    "\tdefault_backend varnish\n\n"
	    "backend varnish\n"
	    "\t# PROXY tells Varnish who the viewer is: varnishd -a front=%s,PROXY\n"
	    "\tserver varnish %s send-proxy-v2\n",
	    e->listen, e->cert, e->proxy, e->proxy);
}

void
edge_hitch(const struct edge *e, struct text *t)
{
	char host[256] = "";
	uint16_t port = 0;

	url_parse_listen(e->listen, host, sizeof(host), &port);
	text_add(t, "# hitch 1.7 as the end of TLS before Varnish, which speaks HTTP/2 "
	    "itself:\n# varnishd -p feature=+http2 -a front=%s,PROXY\n"
	    "# Written by medge-conf(1).  hitch --config=THIS\n\n", e->proxy);
	text_add(t, "frontend = {\n\thost = \"%s\"\n\tport = \"%u\"\n}\n",
	    host[0] == '\0' ? "*" : host, port);
	url_parse_listen(e->proxy, host, sizeof(host), &port);
	text_add(t, "backend = \"[%s]:%u\"\n", host, port);
	text_add(t, "pem-file = \"%s\"\n"
	    "alpn-protos = \"h2, http/1.1\"\n"
	    "tls-protos = TLSv1.2 TLSv1.3\n"
	    "# Tells Varnish who the viewer is, and whether by HTTP/2.\n"
	    "write-proxy-v2 = on\n"
	    "# hitch passes on what comes as it comes, and waits as long as both do.\n"
	    "keepalive = 60\n", e->cert);
}
