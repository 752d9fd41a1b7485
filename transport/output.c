#include <errno.h>
#include <fcntl.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "transport/output.h"

#define BATCH		64
#define SEGMENTS	8		/* datagrams in one call by UDP_SEGMENT */
#define PIPE_VECTORS	32
#define RETRY_NS	(CLK_SECOND / 4)

/* ---- to open */

static int
open_file(struct output *o, const char *path, char why[static UDP_WHY])
{
	struct stat st;

	o->kind = OUTPUT_FILE;
	if (path == NULL) {
		if (isatty(STDOUT_FILENO)) {
			snprintf(why, UDP_WHY, "standard output is a terminal");
			return -EINVAL;
		}
		o->fd = STDOUT_FILENO;
		/* Ours alone, so that its flags are no one else's. */
		if (fstat(o->fd, &st) == 0 && S_ISFIFO(st.st_mode)) {
			int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC);

			o->fd = fd >= 0 ? fd : o->fd;
		}
		return 0;
	}
	if (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)) {
		o->kind = OUTPUT_FIFO;
		return 0;
	}
	o->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (o->fd < 0) {
		snprintf(why, UDP_WHY, "cannot open");
		return -errno;
	}
	return 0;
}

static int
open_url(struct output *o, struct url *url, char why[static UDP_WHY])
{
	const char *name = url_get(url, "name"), *odd;
	int r;

	if (name != NULL)
		snprintf(o->id, sizeof(o->id), "%s", name);
	o->kind = strcmp(url->scheme, "rtp") == 0 ? OUTPUT_RTP : OUTPUT_UDP;
	if (o->kind == OUTPUT_RTP || strcmp(url->scheme, "udp") == 0)
		r = udp_open_out(&o->fd, url, why);
	else if (strcmp(url->scheme, "-") == 0)
		r = open_file(o, NULL, why);
	else if (strcmp(url->scheme, "file") == 0)
		r = open_file(o, url->path, why);
	else {
		snprintf(why, UDP_WHY, "there is no output of the kind %.32s://", url->scheme);
		return -EINVAL;
	}
	if (r == 0 && (odd = url_unused(url)) != NULL) {
		snprintf(why, UDP_WHY, "what is '%.64s'?", odd);
		r = -EINVAL;
	}
	return r;
}

int
output_open(struct output *o, const char *text, const struct fan *f,
    char why[static UDP_WHY])
{
	struct url *url = malloc(sizeof(*url));
	int r = -ENOMEM;

	*o = (struct output){ .fd = -1, .text = strdup(text) };
	snprintf(why, UDP_WHY, "out of memory");
	if (url != NULL && o->text != NULL) {
		snprintf(why, UDP_WHY, "this is no address");
		r = url_parse(url, text) < 0 ? -EINVAL : open_url(o, url, why);
	}
	free(url);
	o->begun = o->place = f->due;
	if (r < 0)
		output_free(o);
	return r;
}

void
output_free(struct output *o)
{
	if (o->cut != NULL)
		packet_unref(o->cut);
	if (o->fd > STDERR_FILENO)
		close(o->fd);
	free(o->text);
	*o = (struct output){ .fd = -1 };
}

/* ---- what goes wrong */

static void
block(struct output *o, int64_t now_ns)
{
	o->blocked = true;
	o->blocked_ns = now_ns;
	o->stalls++;
}

void
output_ready(struct output *o, int64_t now_ns)
{
	if (o->blocked && now_ns - o->blocked_ns > o->stall_ns)
		o->stall_ns = now_ns - o->blocked_ns;
	o->blocked = false;
}

/* The reader of a pipe has gone, or a disk is full. */
static void
lose(struct output *o, int err, int64_t now_ns)
{
	if (o->cut != NULL) {
		packet_unref(o->cut);
		o->cut = NULL;
		o->failed++;
	}
	o->disconnections++;
	o->blocked = false;
	if (o->kind != OUTPUT_FIFO) {
		log_warn(err, "cannot write to '%s'", o->text);
		o->ended = true;
		return;
	}
	close(o->fd);
	o->fd = -1;
	o->watched = false;			/* closing it took it out of the loop */
	o->next_ns = now_ns + RETRY_NS;
}

/* ---- datagrams */

static struct iovec
vector(const struct output *o, const struct packet *p)
{
	size_t head = o->kind == OUTPUT_RTP ? FAN_RTP : 0;

	return (struct iovec){ p->data - head, p->len + head };
}

/* n datagrams of one size in one call: 0 or an errno. */
static int
send_segments(struct output *o, struct iovec *iov, unsigned n)
{
	union {
		char	 space[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr align;
	} control = { .space = { 0 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = n, .msg_control = &control,
	    .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	uint16_t size = (uint16_t)iov[0].iov_len;

	c->cmsg_level = SOL_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(size));
	memcpy(CMSG_DATA(c), &size, sizeof(size));
	return sendmsg(o->fd, &m, MSG_DONTWAIT) < 0 ? errno : 0;
}

/* How many of them went; *err says why not all. */
static unsigned
send_some(struct output *o, struct iovec *iov, unsigned n, int *err)
{
	struct mmsghdr msg[BATCH];
	unsigned same = 1;
	int r;

	while (same < n && same < SEGMENTS && iov[same].iov_len == iov[0].iov_len)
		same++;
	*err = 0;
	if (same > 1 && !o->no_segments) {
		*err = send_segments(o, iov, same);
		if (*err == 0)
			return same;
		if (*err == EAGAIN || *err == ECONNREFUSED)
			return 0;
		o->no_segments = true;		/* an old kernel, or a small MTU */
	}
	if (n == 1) {
		*err = send(o->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT) < 0 ? errno : 0;
		return *err == 0;
	}
	for (unsigned i = 0; i < n; i++)
		msg[i] = (struct mmsghdr){ .msg_hdr = { .msg_iov = &iov[i],
		    .msg_iovlen = 1 } };
	r = sendmmsg(o->fd, msg, n, MSG_DONTWAIT);
	*err = r < 0 ? errno : 0;
	return r < 0 ? 0 : (unsigned)r;
}

static void
send_datagrams(struct output *o, const struct fan *f, int64_t now_ns)
{
	unsigned refused = 0;

	while (o->place < f->due) {
		struct iovec iov[BATCH];
		unsigned n = 0, went;
		int err;

		for (; n < BATCH && o->place + n < f->due; n++)
			iov[n] = vector(o, fan_at(f, o->place + n));
		went = send_some(o, iov, n, &err);
		for (unsigned i = 0; i < went; i++)
			o->bytes += iov[i].iov_len;
		o->place += went;
		o->sent += went;
		if (err == ECONNREFUSED && refused++ < 2) {
			o->unreachable++;	/* of one before: this one was not tried */
		} else if (err == EAGAIN || err == ENOBUFS) {
			block(o, now_ns);
			return;
		} else if (err != 0) {
			if (!o->said && err != ECONNREFUSED)
				log_warn(err, "cannot send to '%s'", o->text);
			o->said = true;
			o->place++;
			o->failed++;
		}
		o->sent_ns = went > 0 ? now_ns : o->sent_ns;
	}
}

/* ---- pipes and files */

static bool
open_fifo(struct output *o, int64_t now_ns)
{
	if (now_ns < o->next_ns)
		return false;
	o->next_ns = now_ns + RETRY_NS;
	o->fd = open(o->text, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	return o->fd >= 0;
}

/* So many bytes have gone: move on, and keep what was cut. */
static void
count_written(struct output *o, const struct fan *f, size_t n)
{
	o->bytes += n;
	while (n > 0) {
		struct packet *p = o->cut != NULL ? o->cut : fan_at(f, o->place);
		uint32_t left = p->len - o->cut_at;

		if (o->cut == NULL)
			o->place++;
		if (n < left) {
			if (o->cut == NULL)
				o->cut = packet_ref(p);
			o->cut_at += (uint32_t)n;
			return;
		}
		n -= left;
		if (o->cut != NULL)
			packet_unref(o->cut);
		o->cut = NULL;
		o->cut_at = 0;
		o->sent++;
	}
}

static void
write_pipe(struct output *o, const struct fan *f, int64_t now_ns)
{
	while (o->cut != NULL || o->place < f->due) {
		struct iovec iov[PIPE_VECTORS];
		uint64_t place = o->place;
		size_t want = 0;
		int n = 0;
		ssize_t r;

		if (o->cut != NULL)
			iov[n++] = (struct iovec){ o->cut->data + o->cut_at,
			    o->cut->len - o->cut_at };
		while (n < PIPE_VECTORS && place < f->due) {
			struct packet *p = fan_at(f, place++);

			iov[n++] = (struct iovec){ p->data, p->len };
		}
		for (int i = 0; i < n; i++)
			want += iov[i].iov_len;
		r = writev(o->fd, iov, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == EAGAIN) {
			block(o, now_ns);
			return;
		}
		if (r < 0) {
			lose(o, errno, now_ns);
			return;
		}
		count_written(o, f, (size_t)r);
		o->sent_ns = now_ns;
		if ((size_t)r < want && o->kind == OUTPUT_FIFO) {
			block(o, now_ns);
			return;
		}
	}
}

static void
skip_all(struct output *o, const struct fan *f)
{
	if (o->place >= f->due)
		return;
	o->skipped += f->due - o->place;
	o->place = f->due;
}

void
output_send(struct output *o, const struct fan *f, int64_t now_ns)
{
	if (o->place < f->tail) {
		o->dropped += f->tail - o->place;
		o->place = f->tail;
	}
	if (o->blocked)
		return;
	if (o->paused || o->ended || (o->fd < 0 && !open_fifo(o, now_ns))) {
		skip_all(o, f);
		return;
	}
	if (o->kind == OUTPUT_FILE || o->kind == OUTPUT_FIFO)
		write_pipe(o, f, now_ns);
	else
		send_datagrams(o, f, now_ns);
}

void
output_pause(struct output *o, const struct fan *f, bool paused)
{
	if (o->paused && !paused)
		skip_all(o, f);
	o->paused = paused;
}

bool
output_ledger_ok(const struct output *o)
{
	return o->place - o->begun == o->sent + o->dropped + o->skipped + o->failed +
	    (o->cut != NULL);
}
