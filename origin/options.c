/* The options of mstore-serve: help, names, values, what has to be given together. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/opt.h"
#include "origin/options.h"

static const char help[] =
    "usage: mstore-serve [-hqvV] [-l address] [-s target] [options] --root DIR\n"
    "      --access-log FILE    append a line for each request; SIGHUP reopens it\n"
    "      --access-log-format FORMAT   combined or json (combined)\n"
    "      --admin ADDRESS      serve /metrics, /health and the control plane there\n"
    "      --archive DIR|s3://BUCKET/PREFIX\n"
    "                           where lifecycle rules put what is to be archived\n"
    "      --body-timeout TIME  between two pieces of an upload (30s)\n"
    "      --cache-memory SIZE  of small objects kept in memory (64Mi)\n"
    "      --cmaf-ingest PATTERN    paths where a PUT is a live track, not an object\n"
    "      --cmaf-window TIME   of ingested media to keep (60s)\n"
    "      --cors ORIGIN        pages that may read: an origin, * or none (*)\n"
    "      --domain NAME        LABEL.NAME as the Host is the container LABEL (any name)\n"
    "      --grace TIME         to finish answers after a stop (10s)\n"
    "      --head-timeout TIME  for a whole request head (10s)\n"
    "  -h, --help               print this and exit\n"
    "      --idle-timeout TIME  between two requests (60s)\n"
    "      --keys FILE          of those who may sign requests; SIGHUP reads it again\n"
    "  -l, --listen ADDRESS     [http[s]://]host:port or port, repeated\n"
    "                           (127.0.0.1:8080)\n"
    "      --max-age-missing TIME   of a 404, and of pages (1s)\n"
    "      --max-age-playlist TIME  of playlists and manifests (1s)\n"
    "      --max-age-segment TIME   of media (8760h)\n"
    "      --max-age-vod TIME   of playlists and manifests that have ended (1min)\n"
    "      --max-connections N  at once (as many as descriptors allow)\n"
    "      --max-memory SIZE    of all objects in use, and of requests (512Mi)\n"
    "      --max-object SIZE    of an upload (4Gi)\n"
    "  -q, --quiet              say less; twice, errors only\n"
    "      --ready-fd N         write a newline there once it listens\n"
    "      --region NAME        that signatures have to be for (any)\n"
    "      --root DIR           the folder of the objects\n"
    "      --send-timeout TIME  for a reader to take 16 KiB (30s)\n"
    "      --server-timing      for requests that have a field X-Server-Timing\n"
    "  -s, --stats TARGET       numbers each second to fd:N, a file or unix:PATH\n"
    "      --temporal PATTERN   objects that need not survive a power cut\n"
    "      --threads N          event loops (1)\n"
    "      --tls-cert FILE      certificate of https:// and its chain, PEM\n"
    "      --tls-key FILE       and its key; SIGHUP reads both again\n"
    "      --token-file FILE    who writes needs a token of it; SIGHUP reads it again\n"
    "  -v, --verbose            say more\n"
    "  -V, --version            print the version and exit\n";

enum {
	ACCESS_LOG = 256, ACCESS_LOG_FORMAT, ADMIN, ARCHIVE, BODY_TIMEOUT, CACHE_MEMORY,
	CMAF_INGEST, CMAF_WINDOW, CORS, DOMAIN, GRACE, HEAD_TIMEOUT, IDLE_TIMEOUT, KEYS,
	MAX_AGE_MISSING, MAX_AGE_PLAYLIST, MAX_AGE_SEGMENT, MAX_AGE_VOD, MAX_CONNECTIONS,
	MAX_MEMORY, MAX_OBJECT, READY_FD, REGION, ROOT, SEND_TIMEOUT, SERVER_TIMING,
	TEMPORAL, THREADS, TLS_CERT, TLS_KEY, TOKEN_FILE,
};

static const struct option longopts[] = {
	{ "access-log", required_argument, NULL, ACCESS_LOG },
	{ "access-log-format", required_argument, NULL, ACCESS_LOG_FORMAT },
	{ "admin", required_argument, NULL, ADMIN },
	{ "archive", required_argument, NULL, ARCHIVE },
	{ "body-timeout", required_argument, NULL, BODY_TIMEOUT },
	{ "cache-memory", required_argument, NULL, CACHE_MEMORY },
	{ "cmaf-ingest", required_argument, NULL, CMAF_INGEST },
	{ "cmaf-window", required_argument, NULL, CMAF_WINDOW },
	{ "cors", required_argument, NULL, CORS },
	{ "domain", required_argument, NULL, DOMAIN },
	{ "grace", required_argument, NULL, GRACE },
	{ "head-timeout", required_argument, NULL, HEAD_TIMEOUT },
	{ "idle-timeout", required_argument, NULL, IDLE_TIMEOUT },
	{ "keys", required_argument, NULL, KEYS },
	{ "listen", required_argument, NULL, 'l' },
	{ "max-age-missing", required_argument, NULL, MAX_AGE_MISSING },
	{ "max-age-playlist", required_argument, NULL, MAX_AGE_PLAYLIST },
	{ "max-age-segment", required_argument, NULL, MAX_AGE_SEGMENT },
	{ "max-age-vod", required_argument, NULL, MAX_AGE_VOD },
	{ "max-connections", required_argument, NULL, MAX_CONNECTIONS },
	{ "max-memory", required_argument, NULL, MAX_MEMORY },
	{ "max-object", required_argument, NULL, MAX_OBJECT },
	{ "ready-fd", required_argument, NULL, READY_FD },
	{ "region", required_argument, NULL, REGION },
	{ "root", required_argument, NULL, ROOT },
	{ "send-timeout", required_argument, NULL, SEND_TIMEOUT },
	{ "server-timing", no_argument, NULL, SERVER_TIMING },
	{ "stats", required_argument, NULL, 's' },
	{ "temporal", required_argument, NULL, TEMPORAL },
	{ "threads", required_argument, NULL, THREADS },
	{ "tls-cert", required_argument, NULL, TLS_CERT },
	{ "tls-key", required_argument, NULL, TLS_KEY },
	{ "token-file", required_argument, NULL, TOKEN_FILE },
	OPT_COMMON_LONG
};

static int64_t
seconds(const char *name, const char *arg)
{
	return (int64_t)(opt_duration(name, arg) / (uint64_t)CLK_SECOND);
}

static void
parse_option(struct serve *s, struct options *o, int c)
{
	switch (c) {
	case ACCESS_LOG:
		o->access_log = optarg;
		break;
	case ACCESS_LOG_FORMAT:
		if (strcmp(optarg, "json") != 0 && strcmp(optarg, "combined") != 0)
			opt_usage(help, "--access-log-format '%s' is none of combined and json",
			    optarg);
		s->access.json = strcmp(optarg, "json") == 0;
		break;
	case ADMIN:
		o->admin = optarg;
		break;
	case ARCHIVE:
		o->archive = optarg;
		break;
	case BODY_TIMEOUT:
		o->httpd.body_ns = (int64_t)opt_duration("body-timeout", optarg);
		break;
	case CACHE_MEMORY:
		o->store.cache_bytes = opt_size("cache-memory", optarg);
		break;
	case CMAF_INGEST:
		s->cmaf.pattern = optarg;
		break;
	case CMAF_WINDOW:
		s->cmaf.window_ns = (int64_t)opt_duration("cmaf-window", optarg);
		break;
	case CORS:
		if (optarg[0] == '\0' || strpbrk(optarg, "\r\n, ") != NULL ||
		    strlen(optarg) > 100)
			opt_usage(help, "--cors '%s' is not one origin", optarg);
		o->store.cors = strcmp(optarg, "none") == 0 ? NULL : optarg;
		break;
	case DOMAIN:
		if (optarg[0] == '\0' || optarg[0] == '.' || strpbrk(optarg, ":/ ") != NULL)
			opt_usage(help, "--domain '%s' is not a name", optarg);
		s->domain = optarg;
		break;
	case GRACE:
		o->httpd.grace_ns = (int64_t)opt_duration("grace", optarg);
		break;
	case HEAD_TIMEOUT:
		o->httpd.head_ns = (int64_t)opt_duration("head-timeout", optarg);
		break;
	case IDLE_TIMEOUT:
		o->httpd.idle_ns = (int64_t)opt_duration("idle-timeout", optarg);
		break;
	case KEYS:
		o->keys = optarg;
		break;
	case 'l':
		if (o->nlisten == OPTIONS_LISTEN)
			opt_usage(help, "more than %d of --listen", OPTIONS_LISTEN);
		o->listen[o->nlisten++] = optarg;
		break;
	case MAX_AGE_MISSING:
		o->missing_s = seconds("max-age-missing", optarg);
		break;
	case MAX_AGE_PLAYLIST:
		o->store.playlist_s = seconds("max-age-playlist", optarg);
		break;
	case MAX_AGE_SEGMENT:
		o->store.segment_s = seconds("max-age-segment", optarg);
		break;
	case MAX_AGE_VOD:
		o->store.vod_s = seconds("max-age-vod", optarg);
		break;
	case MAX_CONNECTIONS:
		o->httpd.max_conns = (unsigned)opt_number("max-connections", optarg, 1,
		    1000000);
		break;
	case MAX_MEMORY:
		s->httpd.memory.limit = opt_size("max-memory", optarg);
		break;
	case MAX_OBJECT:
		s->max_object = opt_size("max-object", optarg);
		break;
	case READY_FD:
		o->ready_fd = (int)opt_number("ready-fd", optarg, 0, 65535);
		break;
	case REGION:
		s->region = optarg;
		break;
	case ROOT:
		o->root = optarg;
		break;
	case 's':
		o->stats = optarg;
		break;
	case SEND_TIMEOUT:
		o->httpd.send_ns = (int64_t)opt_duration("send-timeout", optarg);
		break;
	case SERVER_TIMING:
		s->timing = true;
		break;
	case TEMPORAL:
		if (s->ntemporal == SERVE_TEMPORAL)
			opt_usage(help, "more than %d of --temporal", SERVE_TEMPORAL);
		s->temporal[s->ntemporal++] = optarg;
		break;
	case THREADS:
		o->httpd.threads = (unsigned)opt_number("threads", optarg, 1,
		    HTTPD_LOOPS_MAX);
		break;
	case TLS_CERT:
		o->tls_cert = optarg;
		break;
	case TLS_KEY:
		o->tls_key = optarg;
		break;
	case TOKEN_FILE:
		o->token_file = optarg;
		break;
	default:
		opt_common(c, help);
	}
}

static bool
is_tls(const char *address)
{
	return address != NULL && strncmp(address, "https://", 8) == 0;
}

static void
check_tls(const struct options *o)
{
	bool wanted = is_tls(o->admin);

	for (unsigned i = 0; i < o->nlisten; i++)
		wanted = wanted || is_tls(o->listen[i]);
	if ((o->tls_cert == NULL) != (o->tls_key == NULL))
		opt_usage(help, "--tls-cert and --tls-key need each other");
	if (wanted && o->tls_cert == NULL)
		opt_usage(help, "an address with https:// needs --tls-cert and --tls-key");
	if (!wanted && o->tls_cert != NULL)
		opt_usage(help, "--tls-cert, but no address with https://");
}

void
options_parse(struct serve *s, struct options *o, int argc, char *argv[])
{
	int c;

	*o = (struct options){
		.ready_fd = -1, .missing_s = 1,
		.httpd = {
			.threads = 1,
			.head_ns = 10 * CLK_SECOND, .idle_ns = 60 * CLK_SECOND,
			.body_ns = 30 * CLK_SECOND, .send_ns = 30 * CLK_SECOND,
			.grace_ns = 10 * CLK_SECOND, .min_progress = 16384,
		},
		.store = {
			.playlist_s = 1, .vod_s = 60, .segment_s = 31536000, .cors = "*",
			.cache_bytes = 64 << 20,
		},
	};
	s->max_object = UINT64_C(4) << 30;
	s->cmaf.window_ns = 60 * CLK_SECOND;
	s->httpd.memory.limit = 512 << 20;
	o->store.memory = &s->httpd.memory;
	while ((c = getopt_long(argc, argv, "l:s:" OPT_COMMON, longopts, NULL)) != -1)
		parse_option(s, o, c);
	if (optind != argc)
		opt_usage(help, "unexpected argument '%s'", argv[optind]);
	if (o->root == NULL)
		opt_usage(help, "--root is missing");
	if (o->store.cache_bytes > s->httpd.memory.limit)
		opt_usage(help, "--cache-memory is more than --max-memory");
	check_tls(o);
	if (o->nlisten == 0)
		o->listen[o->nlisten++] = "127.0.0.1:8080";
	o->store.other_s = o->missing_s;
}
