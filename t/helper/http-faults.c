/*
 * http-faults - serve a directory over HTTP, with faults that the path asks for.
 *
 *     http-faults DIR LOG     prints its port, serves until it is killed
 *
 * GET /status=503x2/cut=1000x1/noranges/film.ts gives DIR/film.ts, but 503 on
 * the first two requests for that whole path, and an answer cut after 1000 bytes
 * on the first one that is not refused.
 *
 *     status=CODExN   cut=BYTESxN   stall=BYTESxN   redirect=N   delay=MS
 *     noranges   nolength   chunked   retryafter=S   type=MIME (with + for /)
 *     newetag    each answer has an ETag of its own
 *     follow   until DIR/file.end exists, what is appended to the file too
 *
 * LOG gets a line for each request: status, range or -, path.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATHS_MAX	256

struct server {
	const char *dir;
	FILE	*log;
	pthread_mutex_t lock;
	struct { char path[512]; int requests, answers; } path[PATHS_MAX];
};

struct client {
	struct server *s;
	int	fd;
};

struct faults {
	int	status, statuses, redirects, delay_ms, retry_after;
	long	cut, stall;
	int	cuts, stalls;
	bool	no_ranges, no_length, chunked, follow, new_etag;
	char	type[64];
};

static void
nap(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

static bool
send_all(int fd, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static bool
read_fault(const char *word, struct faults *f)
{
	if (sscanf(word, "status=%dx%d", &f->status, &f->statuses) == 2 ||
	    sscanf(word, "cut=%ldx%d", &f->cut, &f->cuts) == 2 ||
	    sscanf(word, "stall=%ldx%d", &f->stall, &f->stalls) == 2 ||
	    sscanf(word, "redirect=%d", &f->redirects) == 1 ||
	    sscanf(word, "delay=%d", &f->delay_ms) == 1 ||
	    sscanf(word, "retryafter=%d", &f->retry_after) == 1)
		return true;
	if (strncmp(word, "type=", 5) == 0) {
		snprintf(f->type, sizeof(f->type), "%.50s", word + 5);
		if (strchr(f->type, '+') != NULL)
			*strchr(f->type, '+') = '/';
		return true;
	}
	f->no_ranges |= strcmp(word, "noranges") == 0;
	f->no_length |= strcmp(word, "nolength") == 0;
	f->chunked |= strcmp(word, "chunked") == 0;
	f->follow |= strcmp(word, "follow") == 0;
	f->new_etag |= strcmp(word, "newetag") == 0;
	return strcmp(word, "noranges") == 0 || strcmp(word, "nolength") == 0 ||
	    strcmp(word, "chunked") == 0 || strcmp(word, "follow") == 0 ||
	    strcmp(word, "newetag") == 0;
}

/* Take the faults off the front of a path; what is left is the file. */
static const char *
read_faults(const char *path, struct faults *f)
{
	memset(f, 0, sizeof(*f));
	for (;;) {
		size_t len = strcspn(++path, "/");
		char word[64];

		if (path[len] != '/' || len >= sizeof(word))
			return path;
		snprintf(word, sizeof(word), "%.*s", (int)len, path);
		if (!read_fault(word, f))
			return path;
		path += len;
	}
}

/* How many requests and whole answers this path has had, counting this one. */
static int
count(struct server *s, const char *path, bool answer)
{
	int i = 0, n;

	pthread_mutex_lock(&s->lock);
	while (i < PATHS_MAX - 1 && *s->path[i].path != '\0' &&
	    strcmp(s->path[i].path, path) != 0)
		i++;
	snprintf(s->path[i].path, sizeof(s->path[i].path), "%s", path);
	n = answer ? ++s->path[i].answers : ++s->path[i].requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void
note(struct server *s, int status, const char *range, const char *path)
{
	pthread_mutex_lock(&s->lock);
	fprintf(s->log, "%d %s %s\n", status, *range == '\0' ? "-" : range, path);
	fflush(s->log);
	pthread_mutex_unlock(&s->lock);
}

static bool
send_piece(int fd, const struct faults *f, const char *p, size_t len)
{
	char head[32];

	if (!f->chunked)
		return send_all(fd, p, len);
	snprintf(head, sizeof(head), "%zx\r\n", len);
	return send_all(fd, head, strlen(head)) && send_all(fd, p, len) &&
	    send_all(fd, "\r\n", 2);
}

/* The body; false when the connection is to be closed. */
static bool
send_body(int fd, int file, const char *name, const struct faults *f, int answers,
    long long from, long long to)
{
	long limit = answers <= f->cuts ? f->cut : answers <= f->stalls ? f->stall : -1;
	char end[640], buf[16384];
	long long sent = 0;

	snprintf(end, sizeof(end), "%s.end", name);
	while (f->follow || from < to) {
		size_t want = sizeof(buf);
		bool ended = f->follow && access(end, F_OK) == 0;
		ssize_t n;

		if (!f->follow && (long long)want > to - from)
			want = (size_t)(to - from);
		if (limit >= 0 && (long long)want > limit - sent)
			want = (size_t)(limit - sent);
		n = want == 0 ? 0 : pread(file, buf, want, from);
		if (n > 0 && !send_piece(fd, f, buf, (size_t)n))
			return false;
		from += n > 0 ? n : 0;
		sent += n > 0 ? n : 0;
		if (limit >= 0 && sent >= limit) {
			while (answers <= f->stalls && recv(fd, buf, 1, 0) > 0)
				;
			return false;
		}
		if (n <= 0 && (ended || !f->follow))
			break;
		if (n <= 0)
			nap(20);
	}
	return !f->chunked || send_all(fd, "0\r\n\r\n", 5);
}

/* An answer without the file. */
static bool
refuse(struct client *c, const struct faults *f, int status, const char *to)
{
	char head[1024], extra[700] = "";

	if (to != NULL)
		snprintf(extra, sizeof(extra), "Location: /redirect=%d/%.500s\r\n",
		    f->redirects - 1, to);
	else if (f->retry_after > 0)
		snprintf(extra, sizeof(extra), "Retry-After: %d\r\n", f->retry_after);
	snprintf(head, sizeof(head), "HTTP/1.1 %d Fault\r\nContent-Length: 5\r\n%s\r\n"
	    "fault", status, extra);
	return send_all(c->fd, head, strlen(head));
}

static bool
send_file(struct client *c, const char *request, const char *path,
    const char *name, const struct faults *f, int file,
    const struct stat *st)
{
	char range[64] = "", head[512], etag[64], more[160] = "";
	int status = 200, answers = count(c->s, path, true);
	long long size = st->st_size, from = 0, to = size;
	const char *line;

	if ((line = strcasestr(request, "\nRange: bytes=")) != NULL && !f->no_ranges) {
		char *dash;

		sscanf(line + 14, "%63[0-9-]", range);
		from = strtoll(range, &dash, 10);
		if (*dash == '-' && dash[1] != '\0')
			to = strtoll(dash + 1, NULL, 10) + 1;
		to = to > size ? size : to;
		status = from >= size ? 416 : 206;
	}
	snprintf(etag, sizeof(etag), "\"%llx-%llx\"", f->new_etag ? answers :
	    f->follow ? 0 : size, f->follow ? 0LL :
	    (long long)(st->st_mtim.tv_sec ^ st->st_mtim.tv_nsec << 16));
	line = strcasestr(request, "\nIf-None-Match: ");
	if (line != NULL && strncmp(line + 16, etag, strlen(etag)) == 0)
		status = 304;
	if (status == 206)
		snprintf(more, sizeof(more), "Content-Range: bytes %lld-%lld/%lld\r\n",
		    from, to - 1, size);
	if (status == 416 || status == 304)
		to = from = 0;
	if (f->chunked)
		strncat(more, "Transfer-Encoding: chunked\r\n", 32);
	else if (f->no_length || f->follow)
		strncat(more, "Connection: close\r\n", 32);
	else if (status != 304)
		snprintf(more + strlen(more), 48, "Content-Length: %lld\r\n", to - from);
	snprintf(head, sizeof(head), "HTTP/1.1 %d OK\r\nETag: %s\r\n%s%s%s%s%s\r\n",
	    status, etag, more, f->no_ranges ? "" : "Accept-Ranges: bytes\r\n",
	    *f->type ? "Content-Type: " : "", f->type, *f->type ? "\r\n" : "");
	note(c->s, status, range, path);
	if (!send_all(c->fd, head, strlen(head)))
		return false;
	if (status == 304 || strncmp(request, "HEAD", 4) == 0)
		return true;
	return send_body(c->fd, file, name, f, answers, from, to) && !f->no_length &&
	    (!f->follow || f->chunked);
}

static bool
answer(struct client *c, const char *request)
{
	char path[512] = "", name[600];
	const char *rest;
	struct faults f;
	struct stat st;
	int requests, file, status = 0;
	bool good;

	sscanf(request, "%*s %511s", path);
	rest = read_faults(path, &f);
	snprintf(name, sizeof(name), "%s/%.*s", c->s->dir, (int)strcspn(rest, "?"), rest);
	requests = count(c->s, path, false);
	nap(f.delay_ms);
	file = open(name, O_RDONLY | O_CLOEXEC);
	if (f.redirects > 0)
		status = 302;
	else if (requests <= f.statuses)
		status = f.status;
	else if (file < 0 || fstat(file, &st) < 0 || !S_ISREG(st.st_mode))
		status = 404;
	if (status != 0) {
		note(c->s, status, "", path);
		good = refuse(c, &f, status, status == 302 ? rest : NULL);
	} else {
		good = send_file(c, request, path, name, &f, file, &st);
	}
	if (file >= 0)
		close(file);
	return good;
}

static void *
serve(void *arg)
{
	struct client *c = arg;
	char request[8192];
	size_t len = 0;
	ssize_t n;
	bool good = true;

	while (good && len < sizeof(request) - 1 &&
	    (n = recv(c->fd, request + len, sizeof(request) - 1 - len, 0)) > 0) {
		char *end;

		len += (size_t)n;
		request[len] = '\0';
		while (good && (end = strstr(request, "\r\n\r\n")) != NULL) {
			end[2] = '\0';
			good = answer(c, request);
			len -= (size_t)(end + 4 - request);
			memmove(request, end + 4, len + 1);
		}
	}
	shutdown(c->fd, SHUT_RDWR);
	close(c->fd);
	free(c);
	return NULL;
}

int
main(int argc, char *argv[])
{
	static struct server s = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct sockaddr_in addr = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 3 || (s.log = fopen(argv[2], "ae")) == NULL)
		return 2;
	s.dir = argv[1];
	if (bind(fd, (struct sockaddr *)&addr, len) < 0 || listen(fd, 64) < 0 ||
	    getsockname(fd, (struct sockaddr *)&addr, &len) < 0)
		return 1;
	printf("%d\n", ntohs(addr.sin_port));
	fflush(stdout);
	for (;;) {
		struct client *c = malloc(sizeof(*c));
		pthread_t thread;

		if (c == NULL)
			return 1;
		*c = (struct client){ &s, accept(fd, NULL, NULL) };
		if (c->fd < 0 || pthread_create(&thread, NULL, serve, c) != 0)
			return 1;
		pthread_detach(thread);
	}
}
