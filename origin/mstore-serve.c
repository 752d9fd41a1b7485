/*
 * mstore-serve - the origin: HTTP objects that can be read while they are made.
 *
 * Takes objects by PUT, keeps them as files under a root, and serves them to
 * any number of readers.  See mstore-serve(1).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/opt.h"
#include "lib/base/stats.h"
#include "lib/net/tls.h"
#include "origin/serve.h"

#define LISTENERS	8
#define RESERVED_FDS	64

struct options {
	const char *listen[LISTENERS], *admin, *root, *access_log, *stats;
	const char *keys, *token_file, *tls_cert, *tls_key;
	const char *archive;
	unsigned nlisten;
	int	 ready_fd;
	struct httpd_config httpd;
	struct store_config store;
	int64_t	 missing_s;
};

static const char help[] =
    "usage: mstore-serve [-hqvV] [-l address] [-s target] [options] --root DIR\n"
    "      --access-log FILE    append a line for each request; SIGHUP reopens it\n"
    "      --access-log-format FORMAT   combined or json (combined)\n"
    "      --admin ADDRESS      serve /metrics, /health and the control plane there\n"
    "      --archive DIR        where lifecycle rules put what is to be archived\n"
    "      --body-timeout TIME  between two pieces of an upload (30s)\n"
    "      --cache-memory SIZE  of small objects kept in memory (64Mi)\n"
    "      --cmaf-ingest PATTERN    paths where a PUT is a live track, not an object\n"
    "      --cmaf-window TIME   of ingested media to keep (60s)\n"
    "      --cors ORIGIN        pages that may read: an origin, * or none (*)\n"
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
	CMAF_INGEST, CMAF_WINDOW, CORS, GRACE, HEAD_TIMEOUT, IDLE_TIMEOUT, KEYS,
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
		if (o->nlisten == LISTENERS)
			opt_usage(help, "more than %d of --listen", LISTENERS);
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

static void
parse_options(struct serve *s, struct options *o, int argc, char *argv[])
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

/* As many descriptors as we may have: three quarters for peers. */
static void
share_descriptors(struct options *o)
{
	struct rlimit rl;
	unsigned have = 1024;

	if (getrlimit(RLIMIT_NOFILE, &rl) == 0) {
		rl.rlim_cur = rl.rlim_max;
		setrlimit(RLIMIT_NOFILE, &rl);
		have = rl.rlim_cur > 1000000 ? 1000000 : (unsigned)rl.rlim_cur;
	}
	have = have > 2 * RESERVED_FDS ? have - RESERVED_FDS : RESERVED_FDS;
	if (o->httpd.max_conns == 0)
		o->httpd.max_conns = have / 4 * 3;
	else if (o->httpd.max_conns > have)
		fatal(EXIT_USAGE, 0, "--max-connections %u, but only %u descriptors "
		    "are allowed here (ulimit -n)", o->httpd.max_conns, have);
	o->store.cache_objects = have / 4;
}

static void
listen_all(struct serve *s, const struct options *o)
{
	struct httpd_listener *l;
	int err;

	for (unsigned i = 0; i < o->nlisten; i++) {
		err = httpd_listen(&s->httpd, o->listen[i], SERVE_OBJECTS, &l);
		if (err < 0)
			fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
			    "cannot listen on '%s'", o->listen[i]);
		log_info("listening on %s%s", l->tls ? "https://" : "", l->name);
		if (!l->loopback && o->token_file == NULL && o->keys == NULL)
			log_warn(0, "writing through %s is refused: it is not loopback, "
			    "and there is no --token-file", l->name);
	}
	if (o->admin == NULL)
		return;
	err = httpd_listen(&s->httpd, o->admin, SERVE_ADMIN, &l);
	if (err < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, -err,
		    "cannot listen on '%s'", o->admin);
	log_info("metrics on http%s://%s/metrics", l->tls ? "s" : "", l->name);
}

/* sd_notify(3), without its library. */
static void
notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	size_t len = path == NULL ? 0 : strlen(path);
	int fd;

	if (len < 2 || len >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, len);
	if (path[0] == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&sa,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		log_warn(errno, "cannot tell '%s' that we are ready", path);
	close(fd);
}

static void
say_ready(const struct options *o)
{
	notify("READY=1");
	if (o->ready_fd >= 0) {
		if (write(o->ready_fd, "\n", 1) != 1)
			log_warn(errno, "cannot write to --ready-fd %d", o->ready_fd);
		close(o->ready_fd);
	}
}

static void
make_heads(struct serve *s, const struct options *o)
{
	s->cors_origin = o->store.cors;
	if (s->cors_origin != NULL)
		snprintf(s->cors, sizeof(s->cors), "Access-Control-Allow-Origin: %s\r\n",
		    s->cors_origin);
	snprintf(s->missing, sizeof(s->missing),
	    "Cache-Control: public, max-age=%" PRId64 "\r\n", o->missing_s);
}

static void
reload(struct serve *s)
{
	char why[TLS_WHY];
	int err;

	if (s->httpd.tls != NULL && tls_reload(s->httpd.tls, why) < 0)
		log_warn(0, "the certificate stays as it was: %s", why);
	containers_load(&s->containers, false);		/* which says what is wrong */
	if (s->logging && (err = access_reopen(&s->access)) < 0)
		log_warn(-err, "cannot reopen '%s'", s->access.path);
	if (tokens_required(&s->tokens) && (err = tokens_load(&s->tokens)) < 0)
		log_warn(-err, "the tokens stay as they were: cannot use '%s'",
		    s->tokens.file);
	if (s->keys.file != NULL && (err = keys_load(&s->keys)) < 0)
		log_warn(-err, "the keys stay as they were: cannot use '%s'",
		    s->keys.file);
	log_info("reloaded");
}

static void
write_stats(struct serve *s, struct stats *stats)
{
	uint64_t requests = 0, in = 0, out = 0, conns = 0, errors = 0;

	for (unsigned i = 0; i < s->httpd.config.threads; i++) {
		const struct httpd_stats *n = &s->httpd.loop[i].stats;

		for (int k = 0; k <= H1_OTHER; k++)
			requests += atomic_load(&n->requests[k]);
		in += atomic_load(&n->bytes_in);
		out += atomic_load(&n->bytes_out);
		errors += atomic_load(&n->status[4]) + atomic_load(&n->status[5]);
		conns += atomic_load(&s->httpd.loop[i].conns);
	}
	stats_write(stats, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
	    "request_count", (json_int_t)requests,
	    "error_count", (json_int_t)errors,
	    "bytes_uploaded", (json_int_t)in,
	    "bytes_downloaded", (json_int_t)out,
	    "connections", (json_int_t)conns,
	    "memory_bytes", (json_int_t)atomic_load(&s->httpd.memory.used)));
}

static void
run(struct serve *s, struct stats *stats)
{
	while (!io_stopping()) {
		int64_t wait_ns = stats->fd < 0 ? -1 : stats->next_ns - clk_mono_ns();

		io_wait(NULL, 0, stats->fd < 0 ? -1 : wait_ns > 0 ? wait_ns : 0);
		if (io_reload_asked()) {
			notify("RELOADING=1");
			reload(s);
			notify("READY=1");
		}
		if (stats_due(stats))
			write_stats(s, stats);
	}
}

static void
load_keys(struct keys *k)
{
	int err = keys_load(k);

	switch (err) {
	case 0:
		break;
	case -ENODATA:
		fatal(EXIT_USAGE, 0, "there is no key in '%s'", k->file);
	case -EBADMSG:
		fatal(EXIT_USAGE, 0, "a line of '%s' is not ID SECRET [read|write|all] "
		    "[PREFIX]", k->file);
	case -EPERM:
		fatal(EXIT_USAGE, 0, "others than its owner can open '%s': chmod 600",
		    k->file);
	default:
		fatal(EXIT_RUNTIME, -err, "cannot use --keys '%s'", k->file);
	}
}

static void
on_changed(void *user, const char *path, struct object *o)
{
	struct serve *s = user;

	live_changed(&s->live, path, o);
	if (o != NULL && object_state(o) == OBJECT_WHOLE)
		sweep_note(&s->sweep, path, o->mtime_ns);
}

static void
on_policy(void *user, const char *name)
{
	struct serve *s = user;

	sweep_rules(&s->sweep, name);
}

/* What the root is kept with: the archive, and the containers. */
static void
open_containers(struct serve *s, const struct options *o)
{
	int err = o->archive == NULL ? 0 : archive_open(&s->store.tree.archive, o->archive);

	if (err < 0)
		fatal(EXIT_RUNTIME, -err, err == -EBUSY ?
		    "another mstore-serve has --archive '%s'" :
		    "cannot use --archive '%s'", o->archive);
	containers_init(&s->containers, &s->store);
	s->containers.changed = on_policy;
	s->containers.user = s;
	if ((err = containers_load(&s->containers, true)) < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, err == -EINVAL ? 0 : -err,
		    "cannot read the containers of '%s'", o->root);
}

int
main(int argc, char *argv[])
{
	static struct serve s;		/* zeroed */
	struct options o;
	struct stats stats;
	char why[TLS_WHY] = "no memory";
	int err;

	log_init("mstore-serve");
	parse_options(&s, &o, argc, argv);
	io_init_server();
	share_descriptors(&o);
	s.start_ns = clk_mono_ns();
	make_heads(&s, &o);
	tokens_init(&s.tokens, o.token_file);
	if (o.token_file != NULL && (err = tokens_load(&s.tokens)) < 0)
		fatal(err == -ENODATA || err == -ENAMETOOLONG ? EXIT_USAGE : EXIT_RUNTIME,
		    err == -ENODATA ? 0 : -err, err == -ENODATA ?
		    "there is no token in '%s'" : "cannot use --token-file '%s'",
		    o.token_file);
	keys_init(&s.keys, o.keys);
	if (o.keys != NULL)
		load_keys(&s.keys);
	o.store.changed = on_changed;
	o.store.user = &s;
	o.store.account = containers_account;
	o.store.account_user = &s.containers;
	if ((err = store_open(&s.store, o.root, &o.store)) < 0)
		fatal(EXIT_RUNTIME, -err, err == -EBUSY ? "another mstore-serve has --root '%s'" :
		    "cannot use --root '%s'", o.root);
	open_containers(&s, &o);
	if (o.access_log != NULL && (err = access_open(&s.access, o.access_log)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot open '%s'", o.access_log);
	s.logging = o.access_log != NULL;
	if ((err = stats_open(&stats, o.stats)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot open '%s'", o.stats);
	if (o.tls_cert != NULL &&
	    tls_new(&s.httpd.tls, o.tls_cert, o.tls_key, why) < 0)
		fatal(EXIT_RUNTIME, 0, "%s", why);
	listen_all(&s, &o);
	s.httpd.user = &s;
	if ((err = work_start(&s.work)) < 0 ||
	    (err = live_start(&s.live, &s.store)) < 0 ||
	    (err = sweep_start(&s.sweep, &s.containers, &s.store)) < 0 ||
	    (err = cmaf_start(&s.cmaf, &s.store, &s.httpd)) < 0 ||
	    (err = httpd_start(&s.httpd, &o.httpd, &serve_app)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot start");
	say_ready(&o);
	run(&s, &stats);
	notify("STOPPING=1");
	live_drain(&s.live);
	httpd_stop(&s.httpd);
	work_stop(&s.work);
	sweep_stop(&s.sweep);
	cmaf_stop(&s.cmaf);
	live_stop(&s.live);
	store_close(&s.store);
	tls_free(s.httpd.tls);
	containers_clear(&s.containers);
	if (stats.fd >= 0)
		write_stats(&s, &stats);
	return EXIT_SUCCESS;
}
