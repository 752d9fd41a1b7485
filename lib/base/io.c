#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"

/* timeout(1) and others send to us and then to our group, so one request comes twice. */
#define ONE_REQUEST_NS	INT64_C(100000000)

static volatile sig_atomic_t stop, reload;
static _Atomic int64_t stop_ns;
static pthread_t main_thread;

/*
 * A signal may come to any thread that lets it in, also one that a library has made, but
 * it is the main thread that waits for it.
 */
static bool
passed_on(int sig)
{
	if (pthread_equal(pthread_self(), main_thread))
		return false;
	pthread_kill(main_thread, sig);
	return true;
}

static void
on_stop(int sig)
{
	struct timespec t;
	int64_t now_ns;

	if (passed_on(sig))
		return;
	clock_gettime(CLOCK_MONOTONIC, &t);
	now_ns = t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
	if (stop_ns == 0) {
		stop_ns = now_ns;
		stop = 1;
	} else if (now_ns - stop_ns > ONE_REQUEST_NS) {
		signal(sig, SIG_DFL);	/* the second one kills */
		raise(sig);
	}
}

static void
on_reload(int sig)
{
	if (!passed_on(sig))
		reload = 1;
}

static void
catch_stops(void)
{
	struct sigaction sa = { .sa_handler = on_stop };

	main_thread = pthread_self();
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/*
 * What is closed must not become the number of the next file that we open: media
 * would go there.  In its place stands what can be read, or written, by no one.
 */
static void
fill_standard(void)
{
	static const int flags[] = { O_WRONLY, O_RDONLY, O_RDWR };

	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", flags[fd]);
}

void
io_init_filter(void)
{
	fill_standard();
	/* A parent that ignores SIGPIPE hands that down; we must not inherit it. */
	signal(SIGPIPE, SIG_DFL);
	catch_stops();
}

void
io_init_server(void)
{
	struct sigaction sa = { .sa_handler = on_reload };

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);	/* write(2) says it as well */
	catch_stops();
	sigaction(SIGHUP, &sa, NULL);
}

void
io_refuse_terminal(int fd, const char *what)
{
	if (isatty(fd))
		fatal(EXIT_USAGE, 0, "%s is a terminal", what);
}

bool
io_stopping(void)
{
	return stop != 0;
}

void
io_stop(void)
{
	stop = 1;
}

bool
io_reload_asked(void)
{
	bool asked = reload != 0;

	reload = 0;
	return asked;
}

/* Signals are let in only while ppoll() waits, so none can slip in before it. */
int
io_wait(struct pollfd *pfd, unsigned n, int64_t timeout_ns)
{
	struct timespec ts = {
		.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000,
	};
	sigset_t ours, before;
	int r;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &ours, &before);
	if (stop || reload)
		r = -EINTR;
	else if ((r = ppoll(pfd, n, timeout_ns < 0 ? NULL : &ts, &before)) < 0)
		r = -errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

ssize_t
io_read(int fd, void *buf, size_t len)
{
	for (;;) {
		ssize_t n;
		int r = io_wait(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1);

		if (stop)
			return -EINTR;
		if (r == -EINTR)
			continue;
		if (r < 0)
			return r;
		n = read(fd, buf, len);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

int
io_write(int fd, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

int
io_make_dirs(int at, const char *path)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdirat(at, part, 0777) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}
