#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/ctl.h"
#include "lib/base/log.h"

/* ---- open and close */

static void
open_fifo(struct ctl *c)
{
	/* For reading and writing: then it does not end with its writer. */
	c->fd = open(c->path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (c->fd < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", c->path);
	c->client[0].fd = c->fd;
}

static void
open_socket(struct ctl *c)
{
	int r = unixsock_listen(&c->listener, c->path, CTL_CLIENTS);

	if (r == -ENAMETOOLONG)
		fatal(EXIT_USAGE, 0, "--control '%s' is too long for a socket", c->path);
	if (r == -EADDRINUSE)
		fatal(EXIT_RUNTIME, 0, "somebody else listens on '%s'", c->path);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot listen on '%s'", c->path);
	c->fd = c->listener.fd;
}

void
ctl_open(struct ctl *c, const char *path, ctl_line *line, void *arg)
{
	struct stat st;
	bool exists = stat(path, &st) == 0;

	c->path = path;
	c->line = line;
	c->arg = arg;
	c->fifo = exists && S_ISFIFO(st.st_mode);
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		c->client[i].fd = -1;
	if (c->fifo)
		open_fifo(c);
	else if (!exists || S_ISSOCK(st.st_mode))
		open_socket(c);
	else
		fatal(EXIT_USAGE, 0, "--control '%s' is neither a FIFO nor a socket", path);
}

void
ctl_close(struct ctl *c)
{
	if (c->path == NULL)
		return;
	for (unsigned i = 0; !c->fifo && i < CTL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			close(c->client[i].fd);
	if (c->fifo)
		close(c->fd);
	else
		unixsock_close(&c->listener);
	c->path = NULL;
}

/* ---- lines */

static void
answer(struct ctl *c, const struct ctl_client *k, char *text)
{
	size_t len = strlen(text);

	if (len == 0)
		return;
	if (c->fifo) {
		if (strncmp(text, "ok", 2) != 0)
			log_warn(0, "%s: %s", c->path, text);
		return;
	}
	text[len] = '\n';		/* instead of the terminator */
	if (send(k->fd, text, len + 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		log_debug("an answer was not read");
}

static void
take_line(struct ctl *c, struct ctl_client *k, char *line)
{
	char text[CTL_ANSWER] = "";

	if (k->skip)
		snprintf(text, sizeof(text), "error: the line is too long");
	else
		c->line(c->arg, line, text);
	k->skip = false;
	answer(c, k, text);
}

/* All whole lines; at its end what is left of a client is one. */
static void
take_lines(struct ctl *c, struct ctl_client *k, bool ended)
{
	char *line = k->text, *end;

	while ((end = memchr(line, '\n', (size_t)(k->text + k->len - line))) != NULL) {
		*end = '\0';
		take_line(c, k, line);
		line = end + 1;
	}
	k->len -= (size_t)(line - k->text);
	memmove(k->text, line, k->len);
	if (k->len == sizeof(k->text) - 1) {
		k->skip = true;
		k->len = 0;
	}
	if (ended && (k->len > 0 || k->skip)) {
		k->text[k->len] = '\0';
		take_line(c, k, k->text);
		k->len = 0;
	}
}

static void
read_client(struct ctl *c, struct ctl_client *k)
{
	ssize_t n = read(k->fd, k->text + k->len, sizeof(k->text) - 1 - k->len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	k->len += n > 0 ? (size_t)n : 0;
	take_lines(c, k, n <= 0 && !c->fifo);
	if (n > 0 || c->fifo)
		return;
	close(k->fd);
	k->fd = -1;
}

static void
accept_client(struct ctl *c)
{
	int fd = accept4(c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	for (unsigned i = 0; fd >= 0 && i < CTL_CLIENTS; i++)
		if (c->client[i].fd < 0) {
			c->client[i].fd = fd;
			c->client[i].len = 0;
			c->client[i].skip = false;
			return;
		}
	if (fd >= 0)
		close(fd);
}

unsigned
ctl_poll(const struct ctl *c, struct pollfd pfd[static CTL_POLL])
{
	unsigned n = 0;

	if (!c->fifo)
		pfd[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
	for (unsigned i = 0; i < CTL_CLIENTS; i++)
		if (c->client[i].fd >= 0)
			pfd[n++] = (struct pollfd){ .fd = c->client[i].fd, .events = POLLIN };
	return n;
}

void
ctl_ready(struct ctl *c, const struct pollfd *pfd, unsigned n)
{
	for (unsigned k = 0; k < n; k++) {
		if (pfd[k].revents == 0)
			continue;
		if (!c->fifo && pfd[k].fd == c->fd)
			accept_client(c);
		for (unsigned i = 0; i < CTL_CLIENTS; i++)
			if (c->client[i].fd >= 0 && c->client[i].fd == pfd[k].fd) {
				read_client(c, &c->client[i]);
				break;
			}
	}
}
