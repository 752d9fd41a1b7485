/*
 * medge-conf - print the configuration of a cache for live media, and of what
 * ends TLS before it.
 *
 * Options and their checks; the texts are in edgevcl.c and edgefront.c.  See
 * medge-conf(1).
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/clk.h"
#include "lib/base/opt.h"
#include "lib/base/url.h"
#include "origin/edge.h"

static const char help[] =
    "usage: medge-conf [-hqvV] [options] http://host:port ... >edge.vcl\n"
    "       medge-conf --tls haproxy|hitch --cert FILE [options] >front.conf\n"
    "       medge-conf --sign PREFIX --token-key FILE [--expires TIME]\n"
    "      --balance            spread objects over the origins (the first that is well)\n"
    "      --ceiling TIME       keep media at most so long (24h)\n"
    "      --cert FILE          of --tls: certificate, its chain and its key, PEM\n"
    "      --expires TIME       of --sign: how long the token is good (1h)\n"
    "      --floor TIME         keep playlists and media at least so long (500ms)\n"
    "      --grace TIME         serve what is stale while no origin is well (1min)\n"
    "      --held TIME          wait so long for an answer of an origin (60s)\n"
    "  -h, --help               print this and exit\n"
    "  -l, --listen ADDRESS     for viewers (:80, with --tls :443)\n"
    "      --missing TIME       keep errors at most so long (200ms)\n"
    "      --origin-auth        the origin checks who reads: share nothing\n"
    "      --probe PATH         ask the origins for this each second, or none (/.time)\n"
    "      --proxy ADDRESS      between TLS and Varnish (127.0.0.1:6086)\n"
    "      --purge ADDRESS      who may purge: address[/bits], repeated, or none\n"
    "                           (127.0.0.1 and ::1)\n"
    "      --query NAME         keep this parameter of queries; repeated\n"
    "  -q, --quiet              say less; twice, errors only\n"
    "      --sign PREFIX        print a token for what begins so\n"
    "      --storage SIZE       memory of objects (1Gi)\n"
    "      --tls NAME           print the end of TLS instead: haproxy or hitch\n"
    "      --token-key FILE     viewers need a token made with this key; twice to change it\n"
    "  -v, --verbose            say more\n"
    "  -V, --version            print the version and exit\n";

enum {
	BALANCE = 256, CEILING, CERT, EXPIRES, FLOOR, GRACE, HELD, MISSING, ORIGIN_AUTH,
	PROBE, PROXY, PURGE, QUERY, SIGN, STORAGE, TLS, TOKEN_KEY,
};

static const struct option longopts[] = {
	{ "balance", no_argument, NULL, BALANCE },
	{ "ceiling", required_argument, NULL, CEILING },
	{ "cert", required_argument, NULL, CERT },
	{ "expires", required_argument, NULL, EXPIRES },
	{ "floor", required_argument, NULL, FLOOR },
	{ "grace", required_argument, NULL, GRACE },
	{ "held", required_argument, NULL, HELD },
	{ "listen", required_argument, NULL, 'l' },
	{ "missing", required_argument, NULL, MISSING },
	{ "origin-auth", no_argument, NULL, ORIGIN_AUTH },
	{ "probe", required_argument, NULL, PROBE },
	{ "proxy", required_argument, NULL, PROXY },
	{ "purge", required_argument, NULL, PURGE },
	{ "query", required_argument, NULL, QUERY },
	{ "sign", required_argument, NULL, SIGN },
	{ "storage", required_argument, NULL, STORAGE },
	{ "tls", required_argument, NULL, TLS },
	{ "token-key", required_argument, NULL, TOKEN_KEY },
	OPT_COMMON_LONG,
};

struct options {
	struct edge edge;
	const char *tls, *sign, *cert;	/* as given */
	uint64_t expires_ns;
	char	 listen[300], proxy[300], key_path[2][PATH_MAX], cert_path[PATH_MAX];
};

/* A time from lo to hi, in milliseconds. */
static uint64_t
time_ms(const char *name, const char *arg, uint64_t lo_ms, uint64_t hi_ms)
{
	uint64_t ms = opt_duration(name, arg) / 1000000;

	if (ms < lo_ms)
		opt_usage(help, "--%s '%s' is less than %llums", name, arg,
		    (unsigned long long)lo_ms);
	if (ms > hi_ms)
		opt_usage(help, "--%s '%s' is more than %llus", name, arg,
		    (unsigned long long)(hi_ms / 1000));
	return ms;
}

static void
take_purge(struct edge *e, const char *arg)
{
	const char *slash = strchr(arg, '/');
	size_t len = slash == NULL ? strlen(arg) : (size_t)(slash - arg);
	char address[INET6_ADDRSTRLEN], *end;
	unsigned char bytes[16];
	int family = memchr(arg, ':', len) != NULL ? AF_INET6 : AF_INET;
	unsigned long bits = 0, most = family == AF_INET ? 32 : 128;

	if (strcmp(arg, "none") == 0) {
		e->npurge = 0;
		return;
	}
	snprintf(address, sizeof(address), "%.*s", (int)len, arg);
	if (len >= sizeof(address) || inet_pton(family, address, bytes) != 1)
		opt_usage(help, "--purge '%s' is not an address", arg);
	if (slash != NULL) {
		bits = isdigit((unsigned char)slash[1]) ? strtoul(slash + 1, &end, 10) : most + 1;
		if (bits > most || *end != '\0')
			opt_usage(help, "--purge '%s': after the / there are 0 to %lu bits",
			    arg, most);
	}
	if (e->npurge == EDGE_LISTS)
		opt_usage(help, "--purge '%s' is one too many", arg);
	e->purge[e->npurge++] = arg;
}

static void
take_query(struct edge *e, const char *arg)
{
	unsigned at = 0;

	for (const char *p = arg; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-._~:", *p) == NULL)
			opt_usage(help, "--query '%s' is not a name", arg);
	if (arg[0] == '\0' || strlen(arg) > 64 || strncmp(arg, "_HLS_", 5) == 0)
		opt_usage(help, "--query '%s' cannot be kept", arg);
	while (at < e->nquery && strcmp(e->query[at], arg) < 0)
		at++;
	if (at < e->nquery && strcmp(e->query[at], arg) == 0)
		return;
	if (e->nquery == EDGE_LISTS)
		opt_usage(help, "--query '%s' is one too many", arg);
	memmove(&e->query[at + 1], &e->query[at],
	    (e->nquery - at) * sizeof(e->query[0]));
	e->query[at] = arg;
	e->nquery++;
}

/* The whole path, since another program opens it, from another folder. */
static const char *
take_path(const char *name, const char *arg, char path[static PATH_MAX])
{
	if (realpath(arg, path) == NULL)
		fatal(EXIT_USAGE, errno, "cannot use --%s '%s'", name, arg);
	if (!edge_word(path))
		fatal(EXIT_USAGE, 0, "--%s '%s' has a blank or a quote in its path", name, path);
	return path;
}

static void
take_key(struct options *o, const char *arg)
{
	struct edge *e = &o->edge;
	char key[EDGE_KEY_MAX + 1];
	int err;

	if (e->nkey == 2)
		opt_usage(help, "--token-key '%s' is one too many", arg);
	e->key[e->nkey] = take_path("token-key", arg, o->key_path[e->nkey]);
	err = edge_token_key(arg, key);
	if (err == -EINVAL)
		fatal(EXIT_USAGE, 0, "--token-key '%s' is not one line of %d to %d letters, "
		    "digits and the like", arg, EDGE_KEY_MIN, EDGE_KEY_MAX - 1);
	if (err < 0)
		fatal(EXIT_USAGE, -err, "cannot use --token-key '%s'", arg);
	e->nkey++;
}

/* As "host:port", with all addresses of the machine as ":port". */
static void
take_address(const char *name, const char *arg, char *out, size_t size)
{
	char host[256];
	uint16_t port;

	if (url_parse_listen(arg, host, sizeof(host), &port) < 0 || port == 0 ||
	    (host[0] != '\0' && !edge_word(host)))
		opt_usage(help, "--%s '%s' is not an address", name, arg);
	snprintf(out, size, strchr(host, ':') != NULL ? "[%s]:%u" : "%s:%u", host, port);
}

static void
take_option(struct options *o, int c)
{
	struct edge *e = &o->edge;
	static const uint64_t hour = 3600 * 1000;

	switch (c) {
	case BALANCE:
		e->balance = true;
		break;
	case CEILING:
		e->ceiling_ms = time_ms("ceiling", optarg, 1000, 8760 * hour);
		break;
	case CERT:
		o->cert = optarg;
		e->cert = take_path("cert", optarg, o->cert_path);
		break;
	case EXPIRES:
		o->expires_ns = time_ms("expires", optarg, 1000, 87600 * hour) * 1000000;
		break;
	case FLOOR:
		/* What may not be kept at all is asked for by one after another. */
		e->floor_ms = time_ms("floor", optarg, 100, hour);
		break;
	case GRACE:
		e->grace_ms = time_ms("grace", optarg, 0, 24 * hour);
		break;
	case HELD:
		e->held_ms = time_ms("held", optarg, 1000, hour);
		break;
	case MISSING:
		e->missing_ms = time_ms("missing", optarg, 100, hour);
		break;
	case ORIGIN_AUTH:
		e->origin_auth = true;
		break;
	case PROBE:
		e->probe = strcmp(optarg, "none") == 0 ? NULL : optarg;
		if (e->probe != NULL && (*optarg != '/' || !edge_word(optarg)))
			opt_usage(help, "--probe '%s' is not a path", optarg);
		break;
	case PROXY:
		take_address("proxy", optarg, o->proxy, sizeof(o->proxy));
		break;
	case PURGE:
		take_purge(e, optarg);
		break;
	case QUERY:
		take_query(e, optarg);
		break;
	case SIGN:
		if (*optarg != '/' || !edge_word(optarg) || strpbrk(optarg, "~?%") != NULL)
			opt_usage(help, "--sign '%s' is not the beginning of a path", optarg);
		o->sign = optarg;
		break;
	case STORAGE:
		e->storage = opt_size("storage", optarg);
		if (e->storage < (16 << 20))
			opt_usage(help, "--storage '%s' is less than 16Mi", optarg);
		break;
	case TLS:
		if (strcmp(optarg, "haproxy") != 0 && strcmp(optarg, "hitch") != 0)
			opt_usage(help, "--tls '%s' is neither haproxy nor hitch", optarg);
		o->tls = optarg;
		break;
	case TOKEN_KEY:
		take_key(o, optarg);
		break;
	case 'l':
		take_address("listen", optarg, o->listen, sizeof(o->listen));
		break;
	default:
		opt_common(c, help);
	}
}

static void
take_origin(struct edge *e, const char *arg)
{
	static struct url u;
	struct edge_origin *o = &e->origin[e->norigin];

	if (url_parse(&u, arg) < 0 || !edge_word(arg) || u.host[0] == '\0')
		opt_usage(help, "'%s' is not the address of an origin", arg);
	if (strcmp(u.scheme, "https") == 0)
		opt_usage(help, "'%s': Varnish speaks no TLS to an origin; give one of http://",
		    arg);
	if (strcmp(u.scheme, "http") != 0 || u.has_at || u.query[0] != '\0' ||
	    (u.path[0] != '\0' && strcmp(u.path, "/") != 0))
		opt_usage(help, "'%s' is not http://host:port", arg);
	for (const char *p = u.host; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("-._:", *p) == NULL)
			opt_usage(help, "'%s' is not the address of an origin", arg);
	if (e->norigin == EDGE_ORIGINS)
		opt_usage(help, "'%s' is one origin too many", arg);
	o->text = arg;
	snprintf(o->host, sizeof(o->host), "%s", u.host);
	o->port = u.port == 0 ? 80 : u.port;
	for (unsigned i = 0; i < e->norigin; i++)
		if (strcmp(e->origin[i].host, o->host) == 0 && e->origin[i].port == o->port)
			opt_usage(help, "'%s' is there twice", arg);
	e->norigin++;
}

/* haproxy and hitch want both in the file; who may not read it is not told. */
static void
check_cert(const char *file)
{
	FILE *f = fopen(file, "re");
	char line[256];
	bool cert = false, key = false;

	if (f == NULL) {
		log_warn(errno, "cannot look into --cert '%s'", file);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		cert |= strncmp(line, "-----BEGIN CERTIFICATE-----", 27) == 0;
		key |= strncmp(line, "-----BEGIN ", 11) == 0 &&
		    strstr(line, "PRIVATE KEY-----") != NULL;
	}
	fclose(f);
	if (!cert || !key)
		fatal(EXIT_USAGE, 0, "there is no %s in --cert '%s'", !cert ? "certificate" :
		    "private key", file);
}

static void
make_token(const struct options *o, struct text *t)
{
	char key[EDGE_KEY_MAX + 1];
	int err;

	if (o->edge.nkey == 0)
		opt_usage(help, "--sign '%s' needs --token-key", o->sign);
	if ((err = edge_token_key(o->edge.key[0], key)) < 0 ||
	    (err = edge_token(key, o->sign, (clk_utc_ns() + (int64_t)o->expires_ns) / CLK_SECOND,
	    t)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot make a token");
	text_add(t, "\n");
}

int
main(int argc, char *argv[])
{
	static struct options o = {
		.edge = { .probe = "/.time", .storage = UINT64_C(1) << 30, .floor_ms = 500,
		    .ceiling_ms = 24 * 3600 * 1000, .missing_ms = 200, .grace_ms = 60000,
		    .held_ms = 60000, .npurge = 2, .purge = { "127.0.0.1", "::1" } },
		.expires_ns = 3600 * (uint64_t)CLK_SECOND, .proxy = "127.0.0.1:6086",
	};
	struct edge *e = &o.edge;
	struct text t = { 0 };
	bool purgers = false;
	int c;

	log_init("medge-conf");
	while ((c = getopt_long(argc, argv, "l:" OPT_COMMON, longopts, NULL)) != -1) {
		if (c == PURGE && !purgers) {
			purgers = true;		/* instead of those there are */
			e->npurge = 0;
		}
		take_option(&o, c);
	}
	if (o.listen[0] == '\0')
		snprintf(o.listen, sizeof(o.listen), o.tls != NULL ? ":443" : ":80");
	e->listen = o.listen;
	e->proxy = o.proxy;
	for (; optind < argc; optind++)
		take_origin(e, argv[optind]);
	if ((o.tls != NULL) != (e->cert != NULL))
		opt_usage(help, o.tls != NULL ? "--tls '%s' needs --cert" :
		    "--cert '%s' needs --tls", o.tls != NULL ? o.tls : o.cert);
	if ((o.tls != NULL || o.sign != NULL) && e->norigin > 0)
		opt_usage(help, "'%s': there is no origin in that", e->origin[0].text);
	if (o.tls == NULL && o.sign == NULL && e->norigin == 0)
		opt_usage(help, "an origin is needed");
	if (e->balance && e->norigin < 2)
		opt_usage(help, "--balance needs two origins");
	if (o.sign != NULL) {
		make_token(&o, &t);
	} else if (o.tls == NULL) {
		edge_vcl(e, &t);
	} else {
		check_cert(o.cert);
		if (strcmp(o.tls, "hitch") == 0)
			edge_hitch(e, &t);
		else
			edge_haproxy(e, &t);
	}
	if (t.failed)
		fatal(EXIT_RUNTIME, ENOMEM, "cannot write");
	if (fwrite(t.p, 1, t.len, stdout) != t.len || fflush(stdout) != 0)
		fatal(EXIT_RUNTIME, errno, "cannot write");
	text_free(&t);
	return EXIT_SUCCESS;
}
