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
#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "lib/net/tls.h"
#include "origin/options.h"
#include "origin/serve.h"

#define RESERVED_FDS	64

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
	char why[ARCHIVE_WHY];
	int err = o->archive == NULL ? 0 : archive_open(&s->store.archive, o->archive,
	    &s->store.tree, why);

	if (err < 0)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, 0,
		    "cannot use --archive '%s': %s", o->archive, why);
	if (s->store.archive.s3 == NULL && archive_forgotten(&s->store.tree, why))
		log_warn(0, "objects of '%s' are in '%s', and not to be read without "
		    "--archive for it", o->root, why);
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
	options_parse(&s, &o, argc, argv);
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
	    (err = archget_start(&s.archget, &s.store.archive, &s.httpd)) < 0 ||
	    (err = cmaf_start(&s.cmaf, &s.store, &s.httpd, &s.work)) < 0 ||
	    (err = httpd_start(&s.httpd, &o.httpd, &serve_app)) < 0)
		fatal(EXIT_RUNTIME, -err, "cannot start");
	say_ready(&o);
	run(&s, &stats);
	notify("STOPPING=1");
	live_drain(&s.live);
	httpd_stop(&s.httpd);
	work_stop(&s.work);
	archget_stop(&s.archget);
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
