/*
 * probein.c - what mconnect-probe reads: a file, a pipe, datagrams.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "transport/probe.h"

#define READ		65536

static const char *
shown(const struct probe_input *in)
{
	return in->name != NULL ? in->name : "standard input";
}

static void
warn(struct probe_input *in)
{
	char text[UDP_WHY];

	if (tsudp_warning(in->udp, text))
		log_warn(0, "'%s': %s", in->name, text);
}

static void
open_udp(struct probe_input *in, struct url *url)
{
	char why[UDP_WHY];
	int err;

	in->udp = tsudp_open(url, &err, why);
	if (in->udp == NULL)
		fatal(err == -EINVAL ? EXIT_USAGE : EXIT_RUNTIME, err == -EINVAL ? 0 : -err,
		    "'%s': %s", in->name, why);
	if (url_unused(url) != NULL)
		fatal(EXIT_USAGE, 0, "'%s': there is no key '%s'", in->name,
		    url_unused(url));
	in->udp->iat = &in->iat;
	in->live = true;
	warn(in);
}

void
input_open(struct probe_input *in, const char *name, struct url *url)
{
	struct stat st;

	in->name = name;
	in->fd = -1;
	if (strcmp(url->scheme, "udp") == 0 || strcmp(url->scheme, "rtp") == 0) {
		open_udp(in, url);
		return;
	}
	if (strcmp(url->scheme, "-") == 0) {
		in->name = NULL;
		in->fd = STDIN_FILENO;
		io_refuse_terminal(in->fd, "standard input");
	} else if (strcmp(url->scheme, "file") == 0) {
		/* A named pipe whose writer is yet to come is waited for by poll(2). */
		bool pipe = stat(url->path, &st) == 0 && S_ISFIFO(st.st_mode);

		in->fd = open(url->path, O_RDONLY | O_CLOEXEC | (pipe ? O_NONBLOCK : 0));
	} else {
		fatal(EXIT_USAGE, 0, "'%s' is no udp://, rtp:// or file: have %s read it",
		    name, strcmp(url->scheme, "srt") == 0 || strcmp(url->scheme, "rist") == 0 ?
		    "mconnect-relay" : "mlive-ingest");
	}
	if (in->fd < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", name);
	if (fstat(in->fd, &st) < 0)
		fatal(EXIT_RUNTIME, errno, "cannot read '%s'", shown(in));
	if (S_ISDIR(st.st_mode))
		fatal(EXIT_RUNTIME, EISDIR, "cannot read '%s'", shown(in));
	in->live = !S_ISREG(st.st_mode);
	in->buf = malloc(READ);
	if (in->buf == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
}

static int
read_udp(struct probe_input *in, int64_t deadline_ns)
{
	int r = tsudp_read(in->udp, deadline_ns);

	warn(in);
	if (r < 0)
		fatal(EXIT_RUNTIME, -r, "cannot receive from '%s'", in->name);
	if (r == TSUDP_RESTART) {
		log_info("'%s' has started anew", in->name);
		return INPUT_GAP;
	}
	if (r == TSUDP_NOTHING)
		return INPUT_NOTHING;
	in->data = in->udp->data;
	in->len = in->udp->len;
	in->arrival_ns = clk_mono_ns() - (clk_utc_ns() - in->udp->utc_ns);
	return INPUT_BYTES;
}

int
input_read(struct probe_input *in, int64_t deadline_ns)
{
	int64_t left = deadline_ns - clk_mono_ns();
	ssize_t n;
	int r;

	if (in->udp != NULL)
		return read_udp(in, deadline_ns);
	if (in->live) {
		r = io_wait(&(struct pollfd){ .fd = in->fd, .events = POLLIN }, 1,
		    left > 0 ? left : 0);
		if (r == 0 || r == -EINTR)
			return INPUT_NOTHING;
	}
	n = read(in->fd, in->buf, READ);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return INPUT_NOTHING;
	if (n < 0)
		fatal(EXIT_RUNTIME, errno, "cannot read '%s'", shown(in));
	if (n == 0)
		return INPUT_END;
	in->data = in->buf;
	in->len = (size_t)n;
	in->arrival_ns = clk_mono_ns();
	if (in->live) {
		if (in->last_ns != 0)
			hist_add(&in->iat, (uint64_t)(in->arrival_ns - in->last_ns));
		in->last_ns = in->arrival_ns;
	}
	return INPUT_BYTES;
}

void
input_close(struct probe_input *in)
{
	tsudp_close(in->udp);
	free(in->buf);
	if (in->fd > STDIN_FILENO)
		close(in->fd);
}
