#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/base/mask.h"
#include "lib/base/stats.h"
#include "lib/base/url.h"

static int
open_unix(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd < 0 ? -errno : fd;
	err = errno;
	close(fd);
	return -err;
}

static int
open_target(const char *target)
{
	char *end;
	int fd;

	if (strncmp(target, "unix:", 5) == 0)
		return open_unix(target + 5);
	if (strncmp(target, "fd:", 3) == 0) {
		long n = strtol(target + 3, &end, 10);

		if (target[3] < '0' || target[3] > '9' || *end != '\0' || n > 65535)
			return -EINVAL;
		return fcntl((int)n, F_GETFD) < 0 ? -errno : (int)n;
	}
	fd = open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

int
stats_open(struct stats *s, const char *target)
{
	*s = (struct stats){ .fd = -1, .start_ns = clk_mono_ns() };
	s->next_ns = s->start_ns + CLK_SECOND;
	if (target == NULL)
		return 0;
	s->fd = open_target(target);
	return s->fd < 0 ? s->fd : 0;
}

bool
stats_due(struct stats *s)
{
	int64_t now = clk_mono_ns();

	if (s->fd < 0 || now < s->next_ns)
		return false;
	s->next_ns += ((now - s->next_ns) / CLK_SECOND + 1) * CLK_SECOND;
	return true;
}

/* Of a pipe, poll(2) promises room for PIPE_BUF; a longer line must not wait, or be cut. */
static bool
has_room(int fd, size_t len)
{
	int size, full;

	if (len <= PIPE_BUF || (size = fcntl(fd, F_GETPIPE_SZ)) < 0)
		return true;
	/* Each page of it may hold as little as a byte more than the one before. */
	return ioctl(fd, FIONREAD, &full) == 0 &&
	    full / 2 * 3 + (int)len + 2 * PIPE_BUF <= size;
}

static bool
write_line(int fd, const char *line, size_t len)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	if (!has_room(fd, len))
		return false;
	/* A pipe that nobody reads any more would end a filter by SIGPIPE. */
	if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0 ||
	    (pfd.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
		return false;
	if (send(fd, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)len)
		return true;
	return errno == ENOTSOCK && write(fd, line, len) == (ssize_t)len;
}

/* As in messages: of all texts that have addresses in them. */
static void
hide_secrets(json_t *value)
{
	const char *text = json_string_value(value), *key;
	char out[URL_MAX];
	json_t *item;
	size_t i;

	if (text != NULL && strstr(text, "://") != NULL)
		json_string_set(value, mask_secrets(text, out, sizeof(out)));
	json_object_foreach(value, key, item)
		hide_secrets(item);
	json_array_foreach(value, i, item)
		hide_secrets(item);
}

void
stats_write(struct stats *s, json_t *object)
{
	char iso[CLK_ISO], *text;
	json_t *line = json_object();
	size_t len;

	clk_iso(clk_utc_ns(), iso);
	json_object_set_new(line, "time", json_string(iso));
	json_object_set_new(line, "tool", json_string(log_prog()));
	json_object_set_new(line, "uptime_ms",
	    json_integer((clk_mono_ns() - s->start_ns) / 1000000));
	if (s->dropped > 0)
		json_object_set_new(line, "stats_dropped",
		    json_integer((json_int_t)s->dropped));
	json_object_update(line, object);
	json_decref(object);
	hide_secrets(line);
	text = s->fd < 0 ? NULL : json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(15));
	json_decref(line);
	if (text == NULL)
		return;
	len = strlen(text);
	text[len] = '\n';	/* instead of the terminator */
	if (!write_line(s->fd, text, len + 1))
		s->dropped++;
	free(text);
}
