#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "t/tap.h"

static atomic_bool done;

/* A library's thread: it knows nothing of signals. */
static void *
idle(void *arg)
{
	(void)arg;
	while (!done)
		usleep(1000);
	return NULL;
}

static void *
send_to(void *arg)
{
	usleep(50000);
	pthread_kill(*(pthread_t *)arg, SIGHUP);
	usleep(50000);
	pthread_kill(*(pthread_t *)arg, SIGTERM);
	return NULL;
}

/* Asked to stop, twice at once as timeout(1) does, and again: how it ended. */
static int
stopped(unsigned pause_us)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		io_init_filter();
		raise(SIGTERM);
		usleep(pause_us);
		raise(SIGTERM);
		_exit(io_stopping() ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return status;
}

int
main(void)
{
	pthread_t other, sender;

	is(stopped(0), 0, "what comes twice at once is one request");
	is(WTERMSIG(stopped(200000)), SIGTERM, "a second one kills");

	io_init_server();
	if (pthread_create(&other, NULL, idle, NULL) != 0 ||
	    pthread_create(&sender, NULL, send_to, &other) != 0)
		return 1;
	is(io_wait(NULL, 0, 20 * INT64_C(1000000000)), -EINTR,
	    "a signal that came to another thread ends the wait");
	ok(io_reload_asked() && !io_stopping(), "a reload");
	is(io_wait(NULL, 0, 20 * INT64_C(1000000000)), -EINTR, "and the next one does");
	ok(io_stopping() && !io_reload_asked(), "a stop");
	is(io_wait(NULL, 0, -1), -EINTR, "after it there is no waiting");
	done = 1;
	pthread_join(other, NULL);
	pthread_join(sender, NULL);
	return done_testing();
}
