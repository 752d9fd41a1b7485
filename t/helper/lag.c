/*
 * lag - how late a stream is, for the benchmarks.
 *
 *   lag ebp <ladder.ts           now minus the time of acquisition that each EBP
 *                                says: what ingest and encoder have added
 *   lag dir DIR <in.ts >out.ts   pass the stream on, and watch DIR/v1 for media
 *                                segments: from the EBP that ends one to its name
 *                                in the directory
 *   lag pipe COMMAND...          write packets into the command at a steady pace,
 *                                and read them from it: how long each was inside
 *
 * One line "count=N p50_us=N p99_us=N max_us=N" on stderr at the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/tsdemux.h"

#define SAMPLES		100000
#define BURST		((size_t)7 * TS_PACKET)
#define BURSTS		4000		/* 2 ms apart: 5.3 Mb/s for 8 s */

struct lags {
	unsigned n;
	int64_t	 us[SAMPLES];
};

static void
add(struct lags *l, int64_t ns)
{
	if (l->n < SAMPLES)
		l->us[l->n++] = ns / 1000;
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
report(struct lags *l)
{
	if (l->n == 0)
		fatal(EXIT_INPUT, 0, "nothing to measure");
	qsort(l->us, l->n, sizeof(l->us[0]), by_value);
	fprintf(stderr, "count=%u p50_us=%" PRId64 " p99_us=%" PRId64
	    " max_us=%" PRId64 "\n", l->n, l->us[l->n / 2],
	    l->us[(uint64_t)l->n * 99 / 100], l->us[l->n - 1]);
}

/* The segments that have appeared: their names' arrival against the EBP's. */
struct watch {
	int	fd;
	int64_t	ended_ns;		/* when the EBP came that ended one */
};

static void
take_names(struct watch *w, struct lags *l)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(w->fd, buf, sizeof(buf));

	for (ssize_t i = 0; i < n; ) {
		const struct inotify_event *e = (const void *)(buf + i);

		i += (ssize_t)(sizeof(*e) + e->len);
		if (w->ended_ns > 0 && strstr(e->name, ".m4s") != NULL &&
		    e->name[0] >= '0' && e->name[0] <= '9') {
			add(l, clk_mono_ns() - w->ended_ns);
			w->ended_ns = 0;
		}
	}
}

/* Read the stream; forward it; measure at each EBP of the first video. */
static void
follow(struct lags *l, struct watch *w)
{
	static uint8_t in[1 << 20];
	struct tsdemux_event ev;
	struct tsdemux d;
	size_t have = 0, used;
	uint16_t first = 0;

	if (tsdemux_init(&d) < 0)
		fatal(EXIT_RUNTIME, ENOMEM, "no memory");
	while (!d.eof) {
		struct pollfd pfd[2] = {
			{ .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = w != NULL ? w->fd : -1, .events = POLLIN },
		};
		ssize_t n;

		io_wait(pfd, 2, -1);
		if (pfd[1].revents != 0)
			take_names(w, l);
		if (pfd[0].revents == 0 && !io_stopping())
			continue;
		n = read(STDIN_FILENO, in + have, sizeof(in) - have);
		if (n <= 0)
			d.eof = true;
		else if (w != NULL && io_write(STDOUT_FILENO, in + have, (size_t)n) < 0)
			fatal(EXIT_RUNTIME, errno, "cannot write");
		have += n > 0 ? (size_t)n : 0;
		while (tsdemux_next(&d, in, have, &used, &ev) == 1) {
			memmove(in, in + used, have -= used);
			if (ev.type != TSDEMUX_UNIT || !ev.has_ebp || !ev.ebp.segment ||
			    (first != 0 && first != ev.pid))
				continue;
			first = ev.pid;
			if (w != NULL)
				w->ended_ns = clk_mono_ns();
			else if (ev.ebp.has_time)
				add(l, clk_utc_ns() - clk_ntp_to_ns(ev.ebp.ntp));
		}
		memmove(in, in + used, have -= used);
	}
	tsdemux_free(&d);
}

static void
watch_directory(struct lags *l, const char *dir)
{
	struct watch w = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	char path[4096];

	snprintf(path, sizeof(path), "%s/v1", dir);
	if (inotify_add_watch(w.fd, path, IN_MOVED_TO | IN_CREATE) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot watch '%s'", path);
	follow(l, &w);
}

/* A burst of null-like packets of one PID; its number and time in the first. */
static void
put_burst(uint8_t *p, uint32_t number, int64_t now_ns)
{
	memset(p, 0xff, BURST);
	for (size_t i = 0; i < BURST / TS_PACKET; i++) {
		uint8_t *pkt = p + i * TS_PACKET;

		memcpy(pkt, (uint8_t[]){ TS_SYNC, 0x01, 0x00,
		    (uint8_t)(0x10 | ((number * 7 + i) & 15)) }, 4);
	}
	memcpy(p + 4, "LAG!", 4);
	memcpy(p + 8, &now_ns, sizeof(now_ns));
}

static void
take_bursts(struct lags *l, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i + TS_PACKET <= len; i += TS_PACKET) {
		int64_t then;

		if (memcmp(in + i + 4, "LAG!", 4) != 0)
			continue;
		memcpy(&then, in + i + 8, sizeof(then));
		add(l, clk_mono_ns() - then);
	}
}

static void
through_command(struct lags *l, char *argv[])
{
	static uint8_t in[1 << 20];
	uint8_t burst[BURST];
	int to[2], from[2];
	int64_t start;
	size_t have = 0;
	pid_t pid;

	if (pipe(to) < 0 || pipe(from) < 0 || (pid = fork()) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot start '%s'", argv[0]);
	if (pid == 0) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		close(to[1]);
		close(from[0]);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	start = clk_mono_ns();
	for (uint32_t i = 0; i < BURSTS && !io_stopping(); ) {
		struct pollfd pfd = { .fd = from[0], .events = POLLIN };
		int64_t due = start + (int64_t)i * 2000000, now = clk_mono_ns();
		ssize_t n;

		if (now >= due) {
			put_burst(burst, i++, now);
			if (io_write(to[1], burst, sizeof(burst)) < 0)
				fatal(EXIT_RUNTIME, errno, "cannot write");
			continue;
		}
		if (io_wait(&pfd, 1, due - now) <= 0)
			continue;
		while ((n = read(from[0], in + have, sizeof(in) - have)) > 0) {
			have += (size_t)n;
			take_bursts(l, in, have);
			memmove(in, in + have - have % TS_PACKET, have % TS_PACKET);
			have %= TS_PACKET;
		}
	}
	close(to[1]);
	close(from[0]);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

int
main(int argc, char *argv[])
{
	static struct lags l;

	log_init("lag");
	io_init_filter();
	if (argc == 2 && strcmp(argv[1], "ebp") == 0)
		follow(&l, NULL);
	else if (argc == 3 && strcmp(argv[1], "dir") == 0)
		watch_directory(&l, argv[2]);
	else if (argc > 2 && strcmp(argv[1], "pipe") == 0)
		through_command(&l, argv + 2);
	else
		fatal(EXIT_USAGE, 0, "see the comment at the top of lag.c");
	report(&l);
	return EXIT_SUCCESS;
}
