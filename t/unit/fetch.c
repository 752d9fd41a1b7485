/* Against t/helper/http-faults, which serves a directory of ours with faults. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/net/fetch.h"
#include "t/tap.h"

#define SIZE	300000

static struct {
	int	 port;
	pid_t	 pid;
	char	 dir[64];
	uint8_t	 file[SIZE];
} t;

static bool
start_server(const char *self)
{
	char program[PATH_MAX + 32], copy[PATH_MAX], text[16] = "", log[80];
	FILE *f;
	int fd[2];

	if (realpath(self, copy) == NULL)
		return false;
	snprintf(program, sizeof(program), "%s/../helper/http-faults", dirname(copy));
	snprintf(t.dir, sizeof(t.dir), "/tmp/fetch.XXXXXX");
	if (mkdtemp(t.dir) == NULL || chdir(t.dir) < 0 || pipe(fd) < 0)
		return false;
	for (size_t i = 0; i < SIZE; i++)
		t.file[i] = (uint8_t)(i * 7 + i / 251);
	if ((f = fopen("file", "w")) == NULL || fwrite(t.file, 1, SIZE, f) != SIZE ||
	    fclose(f) != 0)
		return false;
	snprintf(log, sizeof(log), "%s/log", t.dir);
	if ((t.pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fd[1], STDOUT_FILENO);
		execl(program, program, t.dir, log, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	if (read(fd[0], text, sizeof(text) - 1) > 0)
		t.port = (int)strtol(text, NULL, 10);
	close(fd[0]);
	return t.port > 0;
}

static const char *
url(const char *path)
{
	static char text[256];

	snprintf(text, sizeof(text), "http://127.0.0.1:%d/%s", t.port, path);
	return text;
}

static bool
whole(const struct fetch_job *job, size_t from, size_t len)
{
	return job->len == len && memcmp(job->data, t.file + from, len) == 0;
}

static void
test_get(struct fetch *f)
{
	static const struct {
		const char *path;
		unsigned retries;
		int64_t from, len;
		size_t limit;
		int error, status;
		size_t want_from, want_len;
	} row[] = {
		{ "file", 0, 0, 0, 0, 0, 200, 0, SIZE },
		{ "chunked/file", 0, 0, 0, 0, 0, 200, 0, SIZE },
		{ "nolength/file", 0, 0, 0, 0, 0, 200, 0, SIZE },
		{ "file", 0, 1000, 500, 0, 0, 206, 1000, 500 },
		{ "file", 0, 299000, -1, 0, 0, 206, 299000, 1000 },
		{ "noranges/file", 0, 1000, 500, 0, 0, 200, 1000, 500 },
		{ "noranges/file", 0, 299000, -1, 0, 0, 200, 299000, 1000 },
		{ "file", 0, 0, 0, SIZE, 0, 200, 0, SIZE },
		{ "file", 0, 0, 0, SIZE - 1, -EFBIG, 200, 0, 0 },
		{ "nil", 3, 0, 0, 0, -ENOENT, 404, 0, 0 },
		{ "redirect=3/file", 0, 0, 0, 0, 0, 200, 0, SIZE },
		{ "redirect=9/file", 0, 0, 0, 0, -ELOOP, 0, 0, 0 },
		{ "status=503x2/file", 2, 0, 0, 0, 0, 200, 0, SIZE },
		{ "status=503x3/file", 2, 0, 0, 0, -EPROTO, 503, 0, 0 },
		{ "status=403x1/file", 2, 0, 0, 0, -EACCES, 403, 0, 0 },
		{ "status=400x1/file", 2, 0, 0, 0, -EPROTO, 400, 0, 0 },
		/* Broken in the middle: goes on where it was. */
		{ "cut=100000x2/file", 2, 0, 0, 0, 0, 206, 0, SIZE },
		{ "cut=100000x3/noranges/file", 2, 0, 0, 0, -ECONNRESET, 200, 0, 0 },
		{ "cut=200000x1/noranges/file", 2, 0, 0, 0, 0, 200, 0, SIZE },
		{ "cut=20000x1/chunked/file", 2, 0, 0, 0, 0, 206, 0, SIZE },
		{ "cut=20000x2/file", 2, 50000, 60000, 0, 0, 206, 50000, 60000 },
		/* Each attempt gets somewhat further: that is no failure in a row. */
		{ "cut=40000x9/file", 1, 0, 0, 0, 0, 206, 0, SIZE },
		{ "cut=0x9/file", 2, 0, 0, 0, -ECONNRESET, 200, 0, 0 },
		/* Another object by then: from its beginning. */
		{ "cut=100000x1/newetag/file", 2, 0, 0, 0, 0, 200, 0, SIZE },
		{ "cut=100000x1/newetag/noranges/file", 1, 0, 0, 0, 0, 200, 0, SIZE },
		{ "cut=20000x1/newetag/file", 2, 50000, 60000, 0, 0, 206, 50000, 60000 },
		{ "cut=20000x9/newetag/file", 2, 0, 0, 0, -ECONNRESET, 200, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct fetch_job *job = fetch_start(f, &(struct fetch_request){
			.url = url(row[i].path), .retries = row[i].retries,
			.offset = row[i].from, .len = row[i].len,
			.limit = row[i].limit });

		is(fetch_wait(f, job), row[i].error, "GET %s: %s", row[i].path,
		    job->reason);
		if (row[i].status != 0)
			is(job->status, row[i].status, "status");
		if (row[i].error == 0)
			ok(whole(job, row[i].want_from, row[i].want_len), "%zu bytes",
			    job->len);
		fetch_end(job);
	}
}

static void
test_conditions(struct fetch *f)
{
	struct fetch_job *job, *again;

	job = fetch_start(f, &(struct fetch_request){ .url = url("type=a+b/file") });
	is(fetch_wait(f, job), 0, "a first GET");
	ok(strcmp(job->content_type, "a/b") == 0, "type '%s'", job->content_type);
	ok(job->ranges && job->content_length == SIZE && job->received == SIZE,
	    "ranges and length");
	again = fetch_start(f, &(struct fetch_request){ .url = url("file"),
	    .etag = job->etag });
	is(fetch_wait(f, again), 0, "the same with If-None-Match %s", job->etag);
	is(again->status, 304, "is not modified");
	is(again->len, 0, "and has no body");
	fetch_end(again);
	fetch_end(job);

	job = fetch_start(f, &(struct fetch_request){ .url = url("redirect=2/file") });
	is(fetch_wait(f, job), 0, "redirected");
	ok(strcmp(job->url, url("redirect=0/file")) == 0, "to %s", job->url);
	fetch_end(job);

	for (int i = 0; i < 2; i++) {
		char name[80];

		snprintf(name, sizeof(name), "file://%s/file", t.dir);
		job = fetch_start(f, &(struct fetch_request){ .url = name,
		    .allow_file = i == 1, .offset = 10, .len = 100 });
		is(fetch_wait(f, job), i == 1 ? 0 : -EINVAL, "file://, allow %d", i);
		ok(i == 0 || whole(job, 10, 100), "a range of it");
		fetch_end(job);
	}
	job = fetch_start(f, &(struct fetch_request){ .url = "gopher://h/" });
	is(fetch_wait(f, job), -EINVAL, "another scheme");
	fetch_end(job);
	job = fetch_start(f, &(struct fetch_request){ .url = "http://127.0.0.1:1/" });
	is(fetch_wait(f, job), -ECONNREFUSED, "nobody there: %s", job->reason);
	ok(job->transient, "which may pass");
	fetch_end(job);
}

/* A window holds the server back; what comes out is whole all the same. */
static void
test_stream(struct fetch *f)
{
	struct fetch_job *job = fetch_start(f, &(struct fetch_request){
	    .url = url("cut=90000x1/file"), .window = 10000, .retries = 1 });
	size_t pos = 0, largest = 0;
	bool good = true;

	while (!job->done || job->len > 0) {
		size_t n = job->len < 7000 ? job->len : 7000;

		if (job->len > largest)
			largest = job->len;
		good &= memcmp(job->data, t.file + pos, n) == 0;
		pos += n;
		fetch_drop(job, n);
		if (n == 0 && fetch_run(f, -1) < 0)
			break;
	}
	is(job->error, 0, "a stream that breaks once");
	ok(good && pos == SIZE, "%zu bytes, in order", pos);
	ok(largest < 10000 + 16384 + 1, "at most %zu at a time", largest);
	is(job->failures, 1, "failures");
	fetch_end(job);

	job = fetch_start(f, &(struct fetch_request){
	    .url = url("cut=9000x1/newetag/file"), .window = 10000, .retries = 9 });
	is(fetch_wait(f, job), -ESTALE, "a stream cannot begin anew: %s", job->reason);
	ok(!job->transient, "and that will not pass");
	fetch_end(job);
}

static void
test_several(struct fetch *f)
{
	struct fetch_job *job[6];
	int64_t start = clk_mono_ns();
	int done = 0;

	for (int i = 0; i < 6; i++) {
		char path[32];

		snprintf(path, sizeof(path), "delay=100/file?%d", i);
		job[i] = fetch_start(f, &(struct fetch_request){ .url = url(path) });
	}
	is(fetch_run(f, clk_mono_ns() + CLK_SECOND / 100), 0, "nothing has come yet");
	for (int i = 0; i < 6; i++)
		done += fetch_wait(f, job[i]) == 0 && whole(job[i], 0, SIZE);
	is(done, 6, "six at once");
	ok(clk_mono_ns() - start < 550 * CLK_SECOND / 1000, "not one after the other");
	for (int i = 0; i < 6; i++)
		fetch_end(job[i]);

	job[0] = fetch_start(f, &(struct fetch_request){ .url = url("stall=1000x1/file"),
	    .timeout_ns = CLK_SECOND / 5 });
	is(fetch_wait(f, job[0]), -ETIMEDOUT, "one that stalls: %s", job[0]->reason);
	is(job[0]->received, 1000, "with what it got");
	fetch_end(job[0]);

	job[0] = fetch_start(f, &(struct fetch_request){ .url = url("delay=60/file") });
	fetch_end(job[0]);
	is(fetch_run(f, -1), 0, "one that is not waited for");
}

static int
count(void *arg, struct fetch_fields *to)
{
	unsigned *n = arg;
	char line[32];

	if (*n == 2)
		return -EPERM;
	snprintf(line, sizeof(line), "X-Count: %u", ++*n);
	fetch_field(to, line);
	return 0;
}

static ssize_t
give(void *arg, int64_t offset, void *buf, size_t n)
{
	int64_t *reads = arg;

	if (*reads < 0)
		return -EBADF;
	++*reads;
	if (offset >= SIZE)
		return 0;
	if (n > (size_t)(SIZE - offset))
		n = (size_t)(SIZE - offset);
	memcpy(buf, t.file + offset, n);
	return (ssize_t)n;
}

/* What a signed request needs. */
static void
test_signed(struct fetch *f)
{
	unsigned tries = 0;
	int64_t reads = 0;
	struct fetch_request r = { .fields = count, .arg = &tries, .retries = 5 };
	struct fetch_job *job;
	int fd[2];

	r.url = url("status=503x1/a/file");
	job = fetch_start(f, &r);
	fetch_wait(f, job);
	is(tries, 2, "fields are made for each attempt");
	is(job->error, -ENOENT, "and there is no such file");
	ok(fetch_header(job, "content-length") != NULL, "a field of the answer");
	ok(fetch_header(job, "x-none") == NULL, "one that is not there");
	fetch_end(job);

	r.url = url("status=503x1/b/file");
	job = fetch_start(f, &r);
	is(fetch_wait(f, job), -EPERM, "an attempt without its fields is none");
	fetch_end(job);

	r = (struct fetch_request){ .url = url("status=400x1/e/file"), .keep_error = true };
	job = fetch_start(f, &r);
	is(fetch_wait(f, job), -EPROTO, "an error");
	is(job->len, 5, "and what was said of it");
	fetch_end(job);

	r = (struct fetch_request){ .url = url("status=400x1/c/file"), .method = "PUT",
	    .body_read = give, .body_arg = &reads, .body_len = SIZE };
	job = fetch_start(f, &r);
	fetch_wait(f, job);
	ok(reads > 0 && job->sent > 0 && job->sent <= SIZE, "a body is read as it goes");
	fetch_end(job);
	reads = -1;
	r.url = url("status=400x1/d/file");
	job = fetch_start(f, &r);
	is(fetch_wait(f, job), -EBADF, "one that cannot be read");
	fetch_end(job);

	r = (struct fetch_request){ .url = url("delay=10000/file") };
	job = fetch_start(f, &r);
	is(pipe(fd), 0, "a pipe");
	fetch_watch(f, fd[0]);
	is(fetch_run(f, clk_mono_ns() + CLK_SECOND / 20), 0, "nothing in it yet");
	is(write(fd[1], "x", 1), 1, "now there is");
	is(fetch_run(f, -1), 1, "and that ends the wait");
	fetch_watch(f, -1);
	fetch_end(job);
	close(fd[0]);
	close(fd[1]);
}

static void
test_stop(struct fetch *f)
{
	struct fetch_job *job = fetch_start(f, &(struct fetch_request){
	    .url = url("delay=60/file") });

	io_stop();
	is(fetch_wait(f, job), -EINTR, "a stop");
	fetch_end(job);
}

int
main(int argc, char *argv[])
{
	static const struct fetch_config config = {
		.retry_first_ns = CLK_SECOND / 100, .retry_max_ns = CLK_SECOND / 20,
	};
	struct fetch *f = fetch_new(&config);

	if (argc != 1 || f == NULL || !start_server(argv[0])) {
		printf("Bail out! no server\n");
		return 1;
	}
	test_get(f);
	test_conditions(f);
	test_stream(f);
	test_several(f);
	test_signed(f);
	test_stop(f);
	fetch_free(f);
	kill(t.pid, SIGKILL);
	waitpid(t.pid, NULL, 0);
	unlink("file");
	unlink("log");
	rmdir(t.dir);
	return done_testing();
}
