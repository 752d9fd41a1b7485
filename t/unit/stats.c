#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/stats.h"
#include "t/tap.h"

static json_t *
read_line(int fd)
{
	static char text[100000];
	ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
}

static void
test_pipe(void)
{
	char target[32];
	struct stats s;
	json_t *line;
	int fd[2];

	if (pipe2(fd, O_NONBLOCK) < 0)
		abort();
	snprintf(target, sizeof(target), "fd:%d", fd[1]);
	is(stats_open(&s, target), 0, "an open descriptor");
	ok(!stats_due(&s), "nothing is due in the first second");
	s.next_ns = 0;
	ok(stats_due(&s), "then it is");
	ok(!stats_due(&s), "once");
	stats_write(&s, json_pack("{s:i}", "packets", 5));
	line = read_line(fd[0]);
	ok(strcmp(json_string_value(json_object_get(line, "tool")), "unit") == 0,
	    "the line names the tool");
	is(json_integer_value(json_object_get(line, "packets")), 5, "and the number");
	ok(strlen(json_string_value(json_object_get(line, "time"))) == 24, "and the time");
	json_decref(line);
	for (unsigned i = 0; i < 20000 && s.dropped == 0; i++)
		stats_write(&s, json_object());
	is(s.dropped, 1, "a full pipe drops the line and does not block");
	while (read(fd[0], &(char[4096]){ 0 }, 4096) > 0)
		;
	stats_write(&s, json_object());
	line = read_line(fd[0]);
	is(json_integer_value(json_object_get(line, "stats_dropped")), 1,
	    "the next one says so");
	json_decref(line);
	stats_write(&s, json_pack("{s:s, s:[{s:s}], s:s}", "source", "rtsp://me:s3cret@cam/1",
	    "inputs", "to", "srt://h:9?passphrase=s3cret&latency=1s", "reason", "me:s3cret@"));
	line = read_line(fd[0]);
	ok(strcmp(json_string_value(json_object_get(line, "source")), "rtsp://me:***@cam/1") == 0,
	    "a password in an address is not told");
	ok(strcmp(json_string_value(json_object_get(json_array_get(json_object_get(line,
	    "inputs"), 0), "to")), "srt://h:9?passphrase=***&latency=1s") == 0,
	    "however deep it is");
	ok(strcmp(json_string_value(json_object_get(line, "reason")), "me:s3cret@") == 0,
	    "what is no address stays");
	json_decref(line);
	close(fd[0]);
	stats_write(&s, json_object());
	is(s.dropped, 2, "a pipe that nobody reads costs the line, not the tool");
	close(fd[1]);
}

static void
test_targets(const char *dir)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	char target[200], path[150];
	struct stats s;
	json_t *line;
	int l, c;

	is(stats_open(&s, NULL), 0, "no target");
	s.next_ns = 0;
	ok(!stats_due(&s), "is never due");
	is(stats_open(&s, "fd:x"), -EINVAL, "no number");
	is(stats_open(&s, "fd:999"), -EBADF, "a descriptor that is not open");
	snprintf(path, sizeof(path), "%s/none/file", dir);
	is(stats_open(&s, path), -ENOENT, "a file in no directory");

	snprintf(path, sizeof(path), "%s/s", dir);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	snprintf(target, sizeof(target), "unix:%s", path);
	is(stats_open(&s, target), -ENOENT, "a socket that is not there");
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(l, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(l, 1) < 0)
		abort();
	is(stats_open(&s, target), 0, "a socket that listens");
	c = accept(l, NULL, NULL);
	stats_write(&s, json_pack("{s:i}", "x", 1));
	line = read_line(c);
	is(json_integer_value(json_object_get(line, "x")), 1, "gets the line");
	json_decref(line);
	close(c);
	stats_write(&s, json_object());
	stats_write(&s, json_object());
	ok(s.dropped > 0, "a reader that left costs the line, not the tool");
	close(l);
	close(s.fd);
	unlink(path);
}

int
main(void)
{
	char dir[] = "/tmp/stats.XXXXXX";

	log_init("unit");
	if (mkdtemp(dir) == NULL)
		abort();
	test_pipe();
	test_targets(dir);
	rmdir(dir);
	return done_testing();
}
