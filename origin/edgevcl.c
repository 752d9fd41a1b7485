/*
 * The configuration of Varnish, sub by sub, in the order in which a request
 * meets them.
 *
 * What Varnish 7.1 does, and is worked around here:
 * - It answers a range of an object of unknown length, which is one that grows,
 *   with 200 and the whole.  "bytes=0-" is that whole, and gets its 206 here;
 *   another range restarts into an object of its own, which has the range in its
 *   hash and is fetched as such.
 * - It refuses a Content-Range that ends in "/" "*" from an origin, but only after
 *   vcl_backend_response: so the answer is kept as a 200, and gets its status
 *   and field back at delivery.
 * - A failure that is kept kills the stale object it should have replaced; a
 *   fetch that is abandoned does not.  So the client side finds out first
 *   whether there is one (vcl_hit), and fetches with that knowledge.
 */
#include <inttypes.h>
#include <string.h>

#include "origin/edge.h"

/* The last byte of what grows: RFC 8673 2.1. */
#define FOR_EVER	"9007199254740991"

static void
add_time(struct text *t, const char *before, uint64_t ms, const char *after)
{
	text_add(t, "%s%" PRIu64 ".%03us%s", before, ms / 1000, (unsigned)(ms % 1000),
	    after);
}

static void
head(const struct edge *e, struct text *t)
{
	uint64_t mib = e->storage >> 20;

	text_add(t, "vcl 4.1;\n\n"
	    "# Varnish 7.1 as the edge of");
	for (unsigned i = 0; i < e->norigin; i++)
		text_add(t, " %s", e->origin[i].text);
	text_add(t, ", for live media.\n# Written by medge-conf(1).\n#\n"
	    "# varnishd -a %s -a front=%s,PROXY -f THIS \\\n"
	    "#\t-s malloc,%" PRIu64 "M -s Transient=malloc,%" PRIu64 "M -p feature=+http2 \\\n"
	    "#\t-p backend_idle_timeout=45 -p timeout_idle=60 \\\n"
	    "#\t-p thread_pool_min=200 -p thread_pool_max=5000\n#\n",
	    e->listen, e->proxy, mib, mib / 4 < 16 ? 16 : mib / 4);
	text_add(t,
	    "# Each viewer who is being sent something has a thread; one who waits for a\n"
	    "# playlist has none.  \"front\" is for what ends TLS (medge-conf --tls); it\n"
	    "# tells who the viewer is, so nobody else may reach it.\n\n"
	    "import std;\n");
	if (e->norigin > 1)
		text_add(t, "import directors;\n");
	if (e->nkey > 0)
		text_add(t, "import digest;\t\t# package varnish-vmod-digest\n");
}

static void
backends(const struct edge *e, struct text *t)
{
	if (e->probe != NULL)
		text_add(t, "\n# Two of three that fail, or take over 2 s, and it is sick.\n"
		    "probe alive {\n\t.url = \"%s\";\n\t.interval = 1s;\n\t.timeout = 2s;\n"
		    "\t.window = 3;\n\t.threshold = 2;\n\t.initial = 3;\n}\n", e->probe);
	for (unsigned i = 0; i < e->norigin; i++) {
		const struct edge_origin *o = &e->origin[i];

		text_add(t, "\nbackend origin%u {\n\t.host = \"%s\";\n\t.port = \"%u\";\n",
		    i + 1, o->host, o->port);
		if (o->host[0] != '\0' && o->port != 80)
			text_add(t, "\t.host_header = \"%s:%u\";\n", o->host, o->port);
		text_add(t, "\t.connect_timeout = 2s;\n");
		if (i == 0)
			text_add(t, "\t# A request may be held, and an object may pause, "
			    "so long.\n");
		add_time(t, "\t.first_byte_timeout = ", e->held_ms, ";\n");
		add_time(t, "\t.between_bytes_timeout = ", e->held_ms, ";\n");
		text_add(t, "%s}\n", e->probe != NULL ? "\t.probe = alive;\n" : "");
	}
	if (e->npurge > 0) {
		text_add(t, "\nacl purgers {\n");
		for (unsigned i = 0; i < e->npurge; i++) {
			const char *slash = strchr(e->purge[i], '/');

			text_add(t, "\t\"%.*s\"%s;\n", (int)(slash == NULL ?
			    strlen(e->purge[i]) : (size_t)(slash - e->purge[i])),
			    e->purge[i], slash == NULL ? "" : slash);
		}
		text_add(t, "}\n");
	}
	if (e->norigin == 1)
		return;
	text_add(t, "\nsub vcl_init {\n");
	if (e->balance)
		text_add(t, "\t# An object always has the same origin while that is well.\n"
		    "\tnew origins = directors.shard();\n");
	else
		text_add(t, "\t# The first that is well.\n"
		    "\tnew origins = directors.fallback();\n");
	for (unsigned i = 0; i < e->norigin; i++)
		text_add(t, "\torigins.add_backend(origin%u);\n", i + 1);
	if (e->balance)
		text_add(t, "\torigins.reconfigure();\n");
	text_add(t, "}\n");
}

/* A token is in the path, so that relative addresses keep it, or in the query. */
static void
token(const struct edge *e, struct text *t)
{
	text_add(t, "\n# exp=SECONDS~acl=PREFIX~hmac=HEX, as the first folder of the path "
	    "(slashes\n# as %%2F) or as token= in the query.  It is taken off, so that "
	    "what is kept\n# is shared.\nsub edge_token {\n"
	    "\tunset req.http.Edge-Token;\n"
	    "\tif (req.url ~ \"^/exp=\") {\n"
	    "\t\tset req.http.Edge-Token = regsub(req.url, \"^/([^/?]*).*$\", \"\\1\");\n"
	    "\t\tset req.url = regsub(req.url, \"^/[^/?]*\", \"\");\n"
	    "\t} elsif (req.url ~ \"[?&]token=\") {\n"
	    "\t\tset req.http.Edge-Token = regsub(req.url,\n"
	    "\t\t    \"^[^?]*\\?(?:.*?&)?token=([^&]*).*$\", \"\\1\");\n"
	    "\t}\n"
	    "\tif (req.method == \"OPTIONS\"%s%s%s) {\n\t\treturn;\n\t}\n",
	    e->probe != NULL ? " || req.url == \"" : "",
	    e->probe != NULL ? e->probe : "", e->probe != NULL ? "\"" : "");
	text_add(t,
	    "\tset req.http.Edge-Token = regsuball(req.http.Edge-Token, \"(?i)%%2f\", \"/\");\n"
	    "\tset req.http.Edge-Token = regsuball(req.http.Edge-Token, \"(?i)%%3d\", \"=\");\n"
	    "\tset req.http.Edge-Token = regsuball(req.http.Edge-Token, \"(?i)%%7e\", \"~\");\n"
	    "\tif (req.http.Edge-Token !~\n"
	    "\t    \"^exp=[0-9]{1,12}~acl=/[^~ ]*~hmac=[0-9a-f]{64}$\") {\n"
	    "\t\treturn (synth(403, \"a token is needed\"));\n\t}\n"
	    "\tset req.http.Edge-Signed = regsub(req.http.Edge-Token, \"~hmac=.*$\", \"\");\n"
	    "\tset req.http.Edge-Token = \"0x\" + regsub(req.http.Edge-Token, "
	    "\"^.*~hmac=\", \"\");\n"
	    "\t# Hashes of hashes are compared: how long that takes tells nothing.\n");
	for (unsigned i = 0; i < e->nkey; i++) {
		text_add(t, "\tset req.http.Edge-Key = regsub("
		    "std.fileread(\"%s\"), \"\\n$\", \"\");\n", e->key[i]);
		text_add(t, "\tif (digest.hmac_sha256(req.http.Edge-Key, req.http.Edge-Token) == "
		    "digest.hmac_sha256(\n"
		    "\t    req.http.Edge-Key, digest.hmac_sha256(req.http.Edge-Key, "
		    "req.http.Edge-Signed))) {\n"
		    "\t\tset req.http.Edge-Token = \"true\";\n\t}\n");
	}
	text_add(t,
	    "\tunset req.http.Edge-Key;\n"
	    "\tif (req.http.Edge-Token != \"true\") {\n"
	    "\t\treturn (synth(403, \"the token is not true\"));\n\t}\n"
	    "\tif (std.integer(regsub(req.http.Edge-Signed, \"^exp=([0-9]+).*$\", \"\\1\"), 0) <\n"
	    "\t    std.time2integer(now, 0)) {\n"
	    "\t\treturn (synth(403, \"the token has expired\"));\n\t}\n"
	    "\t# A prefix ends with a folder, or with the path.\n"
	    "\tif (regsub(req.http.Edge-Signed, \"^.*~acl=\", \"\") + \" \" + req.url !~\n"
	    "\t    \"^([^ ]*/) \\1\" &&\n"
	    "\t    regsub(req.http.Edge-Signed, \"^.*~acl=\", \"\") + \" \" + req.url !~\n"
	    "\t    \"^([^ ]+) \\1(\\?|$)\") {\n"
	    "\t\treturn (synth(403, \"the token is for another place\"));\n\t}\n"
	    "\tunset req.http.Edge-Token;\n"
	    "\tunset req.http.Edge-Signed;\n"
	    "}\n");
}

static void
keep(struct text *t, const char *indent, const char *name, const char *pattern)
{
	text_add(t, "%sif (req.http.Edge-Query ~ \"[?&]%s=\") {\n"
	    "%s\tset req.http.Edge-Keep = req.http.Edge-Keep + \"&%s=\" +\n"
	    "%s\t    regsub(req.http.Edge-Query, \"^.*?[?&]%s=([^&]*).*$\", \"\\1\");\n%s}\n",
	    indent, pattern, indent, name, indent, pattern, indent);
}

/* A name in a pattern: of what edge_word() lets through, "." matters. */
static void
keep_named(struct text *t, const char *name)
{
	struct text pattern = { 0 };

	for (const char *p = name; *p != '\0'; p++)
		text_add(&pattern, *p == '.' ? "[.]" : "%c", *p);
	if (pattern.failed)
		t->failed = true;
	else
		keep(t, "\t", name, pattern.p);
	text_free(&pattern);
}

/* UTF-8 order: capitals, then the directives, then small letters. */
static void
query(const struct edge *e, struct text *t)
{
	unsigned i = 0;

	text_add(t, "\n# What does not choose an object does not make one: only what is "
	    "listed stays of\n# a query, in one order.\nsub edge_query {\n");
	if (e->origin_auth)
		text_add(t, "\t# The signature is of all of it.\n"
		    "\tif (req.url ~ \"[?&]X-Amz-Signature=\") {\n\t\treturn;\n\t}\n");
	text_add(t, "\tunset req.http.Edge-Keep;\n"
	    "\tset req.http.Edge-Query = regsub(req.url, \"^[^?]*\", \"\");\n"
	    "\tset req.url = regsub(req.url, \"\\?.*$\", \"\");\n"
	    "\tif (req.http.Edge-Query == \"\") {\n\t\tunset req.http.Edge-Query;\n"
	    "\t\treturn;\n\t}\n");
	for (; i < e->nquery && strcmp(e->query[i], "_HLS_") < 0; i++)
		keep_named(t, e->query[i]);
	text_add(t, "\tif (req.url ~ \"\\.m3u8$\") {\n");
	keep(t, "\t\t", "_HLS_msn", "_HLS_msn");
	keep(t, "\t\t", "_HLS_part", "_HLS_part");
	keep(t, "\t\t", "_HLS_skip", "_HLS_skip");
	text_add(t, "\t}\n");
	for (; i < e->nquery; i++)
		keep_named(t, e->query[i]);
	text_add(t, "\tset req.url = req.url + regsub(req.http.Edge-Keep, \"^&\", \"?\");\n"
	    "\tunset req.http.Edge-Keep;\n\tunset req.http.Edge-Query;\n}\n");
}

static void
purge(struct text *t)
{
	text_add(t,
	    "\n# PURGE takes a path away, with all its queries and ranges; BAN all paths\n"
	    "# that begin so.  No restart, and nothing is asked of the origin.\n"
	    "sub edge_purge {\n"
	    "\tif (client.ip !~ purgers) {\n"
	    "\t\treturn (synth(405, \"not from \" + client.ip));\n\t}\n"
	    "\tif (req.url !~ \"^/[][A-Za-z0-9/._~%%:=,+@!$&()*;-]*$\") {\n"
	    "\t\treturn (synth(400, \"only a path\"));\n\t}\n"
	    "\tif (req.method == \"PURGE\") {\n"
	    "\t\tif (std.ban(\"obj.http.Edge-Path == \" + req.url)) {\n"
	    "\t\t\treturn (synth(200, \"purged\"));\n\t\t}\n"
	    "\t} elsif (std.ban(\"obj.http.Edge-Path ~ ^\" +\n"
	    "\t    regsuball(req.url, \"[^A-Za-z0-9/_~%%:=,@!&;-]\", \"[\\0]\"))) {\n"
	    "\t\treturn (synth(200, \"banned\"));\n\t}\n"
	    "\treturn (synth(500, std.ban_error()));\n}\n");
}

static void
recv(const struct edge *e, struct text *t)
{
	text_add(t, "\nsub vcl_recv {\n"
	    "\tset req.grace = 0s;\n"
	    "\tif (req.restarts == 0) {\n\t\tcall edge_take;\n\t}\n");
	if (e->norigin == 1)
		text_add(t, "\tset req.backend_hint = origin1;\n");
	else if (e->balance)
		text_add(t, "\tset req.backend_hint = origins.backend(by=KEY,\n"
		    "\t    key=origins.key(regsub(req.url, \"\\?.*$\", \"\")));\n");
	else
		text_add(t, "\tset req.backend_hint = origins.backend();\n");
	text_add(t, "\t# What is stale is for when no origin can say better.  vcl_hit has "
	    "to see it\n\t# first: see there.\n"
	    "\tif (!req.http.Edge-Old || req.http.Edge-Stale ||\n"
	    "\t    !std.healthy(req.backend_hint)) {\n");
	add_time(t, "\t\tset req.grace = ", e->grace_ms, ";\n\t}\n");
	text_add(t, "\tif (req.url == \"/.time\") {\n\t\treturn (pass);\n\t}\n"
	    "\treturn (hash);\n}\n");
}

static void
take(const struct edge *e, struct text *t)
{
	text_add(t, "\n# A request as it comes, once.\nsub edge_take {\n"
	    "\tunset req.http.Edge-Cache;\n\tunset req.http.Edge-Method;\n"
	    "\tunset req.http.Edge-Next;\n"
	    "\tunset req.http.Edge-Old;\n\tunset req.http.Edge-Range;\n"
	    "\tunset req.http.Edge-Stale;\n"
	    "\tset req.url = regsub(req.url, \"^[Hh][Tt][Tt][Pp][Ss]?://[^/?]*\", \"\");\n"
	    "\tset req.url = regsub(req.url, \"#.*$\", \"\");\n");
	if (e->npurge > 0)
		text_add(t, "\tif (req.method == \"PURGE\" || req.method == \"BAN\") {\n"
		    "\t\tcall edge_purge;\n\t}\n");
	text_add(t, "\tif (req.method == \"OPTIONS\") {\n"
	    "\t\t# Questions of browsers whether a page may read are kept, too.\n"
	    "\t\tset req.http.Edge-Method = req.method;\n"
	    "\t} elsif (req.method != \"GET\" && req.method != \"HEAD\") {\n"
	    "\t\treturn (synth(405));\n\t}\n");
	if (e->nkey > 0)
		text_add(t, "\tcall edge_token;\n");
	text_add(t, "\tif (req.url !~ \"^/\" || req.url ~ \"^[^?]*/\\.\\.?(/|\\?|$)\" ||\n"
	    "\t    req.url ~ \"(?i)^[^?]*(%%2e|%%2f|%%5c|%%00|\\\\|//)\") {\n"
	    "\t\treturn (synth(400, \"not a plain path\"));\n\t}\n");
	text_add(t, "\tcall edge_query;\n"
	    "\tunset req.http.Cookie;\n\tunset req.http.CMCD-Object;\n"
	    "\tunset req.http.CMCD-Request;\n\tunset req.http.CMCD-Session;\n"
	    "\tunset req.http.CMCD-Status;\n");
	if (!e->origin_auth)
		text_add(t, "\tunset req.http.Authorization;\n");
	text_add(t, "\t# One range, or the whole.\n"
	    "\tif (req.http.Range &&\n"
	    "\t    req.http.Range !~ \"^bytes=([0-9]{1,16}-[0-9]{0,16}|-[0-9]{1,16})$\") {\n"
	    "\t\tunset req.http.Range;\n\t}\n}\n");
}

static void
lookup(const struct edge *e, struct text *t)
{
	text_add(t, "\nsub vcl_hash {\n\thash_data(req.url);\n"
	    "\tif (req.http.Edge-Method) {\n\t\thash_data(\"method \" + req.http.Edge-Method);\n\t}\n"
	    "\tif (req.http.Edge-Range) {\n\t\thash_data(\"range \" + req.http.Edge-Range);\n\t}\n");
	if (e->origin_auth)
		text_add(t, "\t# Who may read is the origin's business: nothing is shared "
		    "between two.\n"
		    "\thash_data(req.http.Host);\n"
		    "\tif (req.http.Authorization) {\n\t\thash_data(\"as \" + "
		    "req.http.Authorization);\n\t}\n");
	text_add(t, "\treturn (lookup);\n}\n\n"
	    "# Too old: ask for it anew, and wait, but remember that there is this one.\n"
	    "sub vcl_hit {\n\tset req.http.Edge-Cache = \"hit\";\n"
	    "\tif (obj.ttl < 0s) {\n\t\tset req.http.Edge-Cache = \"stale\";\n"
	    "\t\tif (!req.http.Edge-Stale && std.healthy(req.backend_hint)) {\n"
	    "\t\t\tset req.http.Edge-Old = \"1\";\n\t\t\treturn (restart);\n\t\t}\n\t}\n"
	    "\treturn (deliver);\n}\n\n"
	    "sub vcl_miss {\n\tset req.http.Edge-Cache = \"miss\";\n"
	    "\tif (req.http.Edge-Stale) {\n\t\treturn (synth(503));\n\t}\n"
	    "\treturn (fetch);\n}\n\n"
	    "sub vcl_pass {\n\tset req.http.Edge-Cache = \"pass\";\n\treturn (fetch);\n}\n");
}

static void
fetch(const struct edge *e, struct text *t)
{
	text_add(t, "\nsub vcl_backend_fetch {\n"
	    "\t# No second try behind the back of who gets the stale one.\n"
	    "\tif (bereq.http.Edge-Stale) {\n\t\treturn (abandon);\n\t}\n");
	for (unsigned i = 1; i <= e->norigin && e->norigin > 1; i++) {
		unsigned n = i % e->norigin + 1;	/* 2, 3, ... and 1 */

		text_add(t, "\tif (bereq.http.Edge-Next == \"%u\") {\n"
		    "\t\tset bereq.backend = origin%u;\n", n, n);
		if (n != 1)
			text_add(t, "\t\tif (!std.healthy(origin%u)) {\n"
			    "\t\t\tset bereq.http.Edge-Next = \"%u\";\n\t\t}\n", n,
			    n % e->norigin + 1);
		text_add(t, "\t}\n");
	}
	text_add(t, "\tif (bereq.http.Edge-Method) {\n"
	    "\t\tset bereq.method = bereq.http.Edge-Method;\n\t}\n"
	    "\tif (bereq.http.Edge-Range) {\n"
	    "\t\tset bereq.http.Range = bereq.http.Edge-Range;\n\t}\n"
	    "%s\tunset bereq.http.Edge-Cache;\n"
	    "\treturn (fetch);\n}\n",
	    e->origin_auth ? "" : "\tunset bereq.http.Host;\n");
}

static void
failures(const struct edge *e, struct text *t)
{
	text_add(t, "\n# The origin has failed.  What is stale is better than an error; else the "
	    "error\n# is kept for a moment, so that a failing origin is not asked by each "
	    "viewer.\nsub edge_failed {\n");
	if (e->norigin > 1) {
		text_add(t, "\t# The one after it, before the probes have noticed.\n"
		    "\tif (bereq.retries < %u) {\n", e->norigin - 1);
		for (unsigned i = 1; i <= e->norigin; i++)
			text_add(t, "\t\tif (beresp.backend == origin%u) {\n"
			    "\t\t\tset bereq.http.Edge-Next = \"%u\";\n\t\t}\n", i,
			    i % e->norigin + 1);
		text_add(t, "\t\treturn (retry);\n\t}\n");
	}
	text_add(t, "\tif (bereq.is_bgfetch || bereq.http.Edge-Old) {\n"
	    "\t\treturn (abandon);\n\t}\n");
	add_time(t, "\tset beresp.ttl = ", e->missing_ms, ";\n");
	text_add(t, "\tset beresp.grace = 0s;\n\tset beresp.keep = 0s;\n}\n");
}

static void
response(const struct edge *e, struct text *t)
{
	text_add(t, "\nsub vcl_backend_response {\n"
	    "\t# By this PURGE and BAN find it.\n"
	    "\tset beresp.http.Edge-Path = regsub(bereq.url, \"\\?.*$\", \"\");\n"
	    "\tset beresp.do_stream = true;\n"
	    "\tset beresp.keep = 0s;\n");
	add_time(t, "\tset beresp.grace = ", e->grace_ms, ";\n");
	text_add(t,
	    "\tif (beresp.status == 206) {\n"
	    "\t\t# Varnish would not take \"/*\"; vcl_deliver makes it a 206 again.\n"
	    "\t\tset beresp.status = 200;\n"
	    "\t\tset beresp.http.Edge-Content-Range = beresp.http.Content-Range;\n"
	    "\t\tunset beresp.http.Content-Range;\n\t}\n"
	    "\tif (bereq.uncacheable) {\n\t\treturn (deliver);\n\t}\n"
	    "\tif (beresp.status >= 500) {\n");
	if (e->norigin > 1)
		text_add(t, "\t\t# Held too long is no failure: another would hold it as "
		    "long.\n\t\tif (beresp.status == 503 && beresp.http.Retry-After) {\n"
		    "\t\t\tset beresp.ttl = 1s;\n\t\t\treturn (deliver);\n\t\t}\n");
	text_add(t, "\t\tcall edge_failed;\n\t\treturn (deliver);\n\t}\n"
	    "\tif (beresp.http.Set-Cookie || beresp.http.Vary ~ \"\\*\" ||\n"
	    "\t    beresp.http.Cache-Control ~ \"(?i)(^|[, ])private\") {\n"
	    "\t\t# For one viewer only, and so are those after it.\n"
	    "\t\treturn (pass(120s));\n\t}\n"
	    "\tif (!beresp.http.Cache-Control && !beresp.http.Expires) {\n"
	    "\t\tset beresp.ttl = 1s;\n\t}\n"
	    "\tif (beresp.status >= 400) {\n"
	    "\t\t# What is missing may be there soon.\n");
	add_time(t, "\t\tif (beresp.ttl > ", e->missing_ms, " || beresp.ttl <= 0s) {\n");
	add_time(t, "\t\t\tset beresp.ttl = ", e->missing_ms, ";\n\t\t}\n");
	text_add(t, "\t\tset beresp.grace = 0s;\n"
	    "\t} elsif (bereq.http.Edge-Method) {\n"
	    "\t\tset beresp.ttl = 60s;\n"
	    "\t} elsif (bereq.http.Edge-Range) {\n"
	    "\t\t# Only while it grows; then the whole serves ranges.\n"
	    "\t\tset beresp.ttl = 10s;\n\t\tset beresp.grace = 0s;\n"
	    "\t\tset beresp.keep = 10s;\n"
	    "\t} elsif (beresp.http.Content-Type ~ \"(?i)mpegurl|dash\\+xml|vnd\\.ms-sstr\" ||\n"
	    "\t    bereq.url ~ \"(?i)\\.(m3u8|mpd)(\\?|$)\") {\n"
	    "\t\t# Even if it says that it must not be kept: then each viewer would ask.\n");
	add_time(t, "\t\tif (beresp.ttl < ", e->floor_ms, ") {\n");
	add_time(t, "\t\t\tset beresp.ttl = ", e->floor_ms, ";\n\t\t}\n");
	text_add(t, "\t\tif (beresp.ttl > 60s) {\n\t\t\tset beresp.ttl = 60s;\n\t\t}\n"
	    "\t\tif (!beresp.http.Content-Encoding) {\n"
	    "\t\t\tset beresp.do_gzip = true;\n\t\t}\n"
	    "\t} elsif (beresp.http.Content-Type ~ \"(?i)^(video|audio)/\" ||\n"
	    "\t    bereq.url ~ \"(?i)\\.(m4[sva]|mp4|cmf[vatm]|ts|aac|ac3|ec3|vtt|webm)(\\?|$)\") {\n");
	add_time(t, "\t\tif (beresp.ttl < ", e->floor_ms, ") {\n");
	add_time(t, "\t\t\tset beresp.ttl = ", e->floor_ms, ";\n\t\t}\n");
	add_time(t, "\t\tif (beresp.ttl > ", e->ceiling_ms, ") {\n");
	add_time(t, "\t\t\tset beresp.ttl = ", e->ceiling_ms, ";\n\t\t}\n");
	text_add(t, "\t\tset beresp.keep = 600s;\n"
	    "\t} elsif (beresp.ttl <= 0s || beresp.http.Cache-Control ~ "
	    "\"(?i)no-(cache|store)\") {\n"
	    "\t\treturn (pass(120s));\n\t}\n");
	if (e->origin_auth)
		text_add(t, "\t# The origin's leave may end before what it gave does.\n"
		    "\tif (beresp.ttl > 10s) {\n\t\tset beresp.ttl = 10s;\n\t}\n");
	text_add(t, "\treturn (deliver);\n}\n");
	text_add(t, "\nsub vcl_backend_error {\n\tcall edge_failed;\n"
	    "\tset beresp.http.Content-Type = \"text/plain\";\n"
	    "\tset beresp.http.Retry-After = \"1\";\n"
	    "\tset beresp.http.Cache-Control = \"no-store\";\n"
	    "\tset beresp.http.Access-Control-Allow-Origin = \"*\";\n"
	    "\tset beresp.body = \"the origin does not answer\" + {\"\n\"};\n"
	    "\treturn (deliver);\n}\n");
}

static void
deliver(struct text *t)
{
	text_add(t, "\nsub vcl_deliver {\n"
	    "\t# A range of what grows.  Its length is not known, so Varnish would give all.\n"
	    "\tif (req.http.Range && !req.http.If-Range && resp.status == 200 &&\n"
	    "\t    resp.is_streaming && !resp.http.Content-Length && !obj.uncacheable) {\n"
	    "\t\tif (req.http.Range ~ \"^bytes=0-(" FOR_EVER ")?$\") {\n"
	    "\t\t\tset resp.status = 206;\n"
	    "\t\t\tset resp.http.Content-Range = \"bytes 0-" FOR_EVER "/*\";\n"
	    "\t\t} elsif (req.http.Range ~ \"^bytes=[0-9]\") {\n"
	    "\t\t\tset req.http.Edge-Range = req.http.Range;\n"
	    "\t\t\tunset req.http.Range;\n"
	    "\t\t\treturn (restart);\n\t\t}\n\t}\n"
	    "\tif (resp.http.Edge-Content-Range) {\n"
	    "\t\tset resp.status = 206;\n"
	    "\t\tset resp.http.Content-Range = resp.http.Edge-Content-Range;\n\t}\n"
	    "\tunset resp.http.Edge-Content-Range;\n"
	    "\tunset resp.http.Edge-Path;\n"
	    "\tunset resp.http.X-Varnish;\n"
	    "\tif (req.http.X-Cache-Debug) {\n"
	    "\t\tset resp.http.X-Cache = req.http.Edge-Cache + \" \" + obj.hits;\n\t}\n"
	    "\treturn (deliver);\n}\n");
	text_add(t, "\nsub vcl_synth {\n"
	    "\t# The fetch for something stale was abandoned: take that.\n"
	    "\tif (resp.status == 503 && req.http.Edge-Old && !req.http.Edge-Stale) {\n"
	    "\t\tset req.http.Edge-Stale = \"1\";\n\t\treturn (restart);\n\t}\n"
	    "\tif (resp.status == 405) {\n"
	    "\t\tset resp.http.Allow = \"GET, HEAD, OPTIONS\";\n\t}\n"
	    "\tif (resp.status == 503) {\n\t\tset resp.http.Retry-After = \"1\";\n\t}\n"
	    "\tset resp.http.Cache-Control = \"no-store\";\n"
	    "\tset resp.http.Access-Control-Allow-Origin = \"*\";\n"
	    "\tset resp.http.Content-Type = \"text/plain\";\n"
	    "\tset resp.body = resp.reason + {\"\n\"};\n"
	    "\treturn (deliver);\n}\n");
}

void
edge_vcl(const struct edge *e, struct text *t)
{
	head(e, t);
	backends(e, t);
	if (e->nkey > 0)
		token(e, t);
	query(e, t);
	if (e->npurge > 0)
		purge(t);
	take(e, t);
	recv(e, t);
	lookup(e, t);
	fetch(e, t);
	failures(e, t);
	response(e, t);
	deliver(t);
}
