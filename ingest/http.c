/*
 * http.c - what http:// and https:// bring: a transport stream, live or a file,
 * HLS, which hls.c reads, also when its playlist is a file, or a container, which
 * object.c reads.
 *
 * An answer with a length is a file: when the transfer breaks it goes on by a
 * byte range, and its end is the end.  One without is live: when it ends or
 * breaks, we connect again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/hls.h"
#include "ingest/hlschoice.h"
#include "ingest/source.h"
#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/media/hls.h"
#include "lib/media/ts.h"
#include "lib/net/fetch.h"

#define WINDOW		(1 << 20)
#define PROBE		65536		/* bytes, to find packets in */
#define RETRIES		8		/* in a row, of a file: about 30 s */

struct http {
	struct source s;
	char	*url;			/* without the fragment */
	struct hls_choice choice;
	struct fetch *f;
	struct fetch_job *job;
	struct backoff backoff;
	bool	 started;		/* bytes have been given */
	bool	 live;			/* it was, when bytes came */
	bool	 told;			/* of the failures in a row */
	size_t	 given;			/* bytes to be dropped from the job */
	uint64_t retries;
	struct hls_pull *hls;
	struct source *object;
};

static bool
ends_in(const char *path, const char *end)
{
	size_t len = strlen(path), n = strlen(end);

	return len >= n && strcasecmp(path + len - n, end) == 0;
}

static void
become_hls(struct http *h)
{
	fetch_end(h->job);
	h->job = NULL;
	h->given = 0;
	h->hls = hls_pull_new(&h->s, h->f, h->url, &h->choice);
}

static void
become_object(struct http *h)
{
	fetch_end(h->job);
	h->job = NULL;
	h->given = 0;
	h->object = object_open_http(h->s.name, h->url);
	h->s.live = false;
	h->s.patience_ns = 0;
}

/* url without its fragment; hash: where that begins, or NULL. */
static struct http *
http_new(const struct source_config *cfg, const char *url, size_t len, const char *hash)
{
	struct hls_choice choice = { 0 };
	const char *wrong;
	struct http *h;

	if (hash != NULL && (wrong = hls_choice_parse(hash + 1, &choice)) != NULL)
		fatal(EXIT_USAGE, 0, "'%s': no such key, or a wrong value: '%s'",
		    cfg->name, wrong);
	h = calloc(1, sizeof(*h));
	if (h == NULL || (h->url = strndup(url, len)) == NULL ||
	    (h->f = fetch_new(NULL)) == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
	h->choice = choice;
	h->s.type = &source_http;
	h->s.name = cfg->name;
	h->s.live = true;		/* until a length is seen */
	h->s.patience_ns = 10 * CLK_SECOND;
	return h;
}

static bool
is_playlist(const char *path)
{
	char text[16];
	struct stat st;
	ssize_t n = 0;
	int fd;

	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return false;
	n = read(fd, text, sizeof(text));
	close(fd);
	return n > 0 && hls_probe(text, (size_t)n) == 1;
}

struct source *
http_open_playlist(const struct source_config *cfg, const char *path)
{
	const char *hash = access(path, F_OK) < 0 ? strrchr(path, '#') : NULL;
	char name[URL_MAX], url[URL_MAX];
	struct http *h;
	int r;

	snprintf(name, sizeof(name), "%.*s", hash == NULL ? (int)strlen(path) :
	    (int)(hash - path), path);
	if (!is_playlist(name))
		return NULL;
	if ((r = url_from_path(name, url, sizeof(url))) < 0)
		fatal(EXIT_RUNTIME, -r, "cannot open '%s'", cfg->name);
	h = http_new(cfg, url, strlen(url), hash);
	become_hls(h);
	return &h->s;
}

static struct source *
http_open(const struct source_config *cfg, struct url *url)
{
	const char *hash = strchr(cfg->name, '#');
	struct http *h;
	size_t len = strcspn(url->path, "#");

	if (*url->host == '\0')
		fatal(EXIT_USAGE, 0, "'%s' has no host", cfg->name);
	h = http_new(cfg, cfg->name, strcspn(cfg->name, "#"), hash);
	for (unsigned i = 0; i < url->npair; i++)
		url->pair[i].used = true;	/* they are the server's */
	if (ends_in(h->url, ".m3u8") || ends_in(h->url, ".m3u") ||
	    (len >= 5 && strncasecmp(url->path + len - 5, ".m3u8", 5) == 0))
		become_hls(h);
	return &h->s;
}

static void
http_close(struct source *s)
{
	struct http *h = (struct http *)s;

	hls_pull_free(h->hls);
	if (h->object != NULL)
		h->object->type->close(h->object);
	fetch_free(h->f);
	free(h->url);
	free(h);
}

/* How a container begins that object.c can read. */
static bool
is_container(const uint8_t *p, size_t len)
{
	static const struct {
		size_t at;
		const char *text;
	} begin[] = {
		{ 4, "ftyp" }, { 4, "moov" }, { 4, "mdat" }, { 4, "wide" }, { 4, "free" },
		{ 0, "\x1a\x45\xdf\xa3" }, { 0, "FLV\1" }, { 0, "OggS" }, { 0, "RIFF" },
	};

	for (size_t i = 0; i < sizeof(begin) / sizeof(*begin) && len >= 8; i++)
		if (memcmp(p + begin[i].at, begin[i].text, 4) == 0)
			return true;
	return false;
}

/* What begins so: HLS, a transport stream, a container, or not yet known. */
static enum content { UNKNOWN, HLS, TS, CONTAINER }
look_at(const struct http *h)
{
	const struct fetch_job *job = h->job;
	int r = hls_probe(job->data, job->len);
	size_t at, stride;

	if (r > 0 || strcasestr(job->content_type, "mpegurl") != NULL)
		return HLS;
	if (r < 0 && ts_probe(job->data, job->len, job->done, &at, &stride))
		return TS;
	if (job->content_length > 0 && job->ranges && is_container(job->data, job->len))
		return CONTAINER;
	if (job->len >= PROBE || (job->done && job->error == 0))
		fatal(EXIT_INPUT, 0, "'%s' is no transport stream and no playlist of HLS",
		    h->url);
	return UNKNOWN;
}

static void
failed(struct http *h)
{
	const struct fetch_job *job = h->job;

	if (job->error < 0 && (h->started ? !h->live : !job->transient))
		fatal(EXIT_RUNTIME, 0, "cannot read '%s': %s", h->url, job->reason);
	if (!h->told)
		log_warn(0, job->error < 0 ? "cannot read '%s': %s: connecting again" :
		    "'%s' has ended%s: connecting again", h->url,
		    job->error < 0 ? job->reason : "");
	h->told = true;
	if (h->s.connected)
		h->s.disconnections++;
	h->s.connected = false;
	backoff_failed(&h->backoff);
}

/* The answer has ended, or could not be had. */
static void
end_of_answer(struct http *h, struct source_event *ev)
{
	bool whole = h->job->error == 0 && h->job->started && !h->live;

	if (whole) {
		ev->what = SOURCE_END;
		return;
	}
	failed(h);
	h->retries += h->job->failures;
	fetch_end(h->job);
	h->job = NULL;
	if (h->started)
		ev->what = SOURCE_BREAK;
}

static void
begin(struct http *h)
{
	h->given = 0;
	h->job = fetch_start(h->f, &(struct fetch_request){
		.url = h->url, .window = WINDOW, .retries = RETRIES, .endless = true,
	});
	if (h->job == NULL)
		fatal(EXIT_RUNTIME, 0, "out of memory");
}

/* Give what has come.  False: nothing has. */
static bool
give(struct http *h, struct source_event *ev)
{
	struct fetch_job *job = h->job;

	if (job->len == 0)
		return false;
	if (!h->started) {
		enum content content = look_at(h);

		if (content == HLS)
			become_hls(h);
		if (content == CONTAINER)
			become_object(h);
		if (content != TS)
			return content != UNKNOWN;
	}
	h->s.live = h->live = job->content_length < 0;
	h->s.patience_ns = 0;
	h->started = h->s.connected = true;
	h->told = false;
	backoff_reset(&h->backoff);
	ev->what = SOURCE_BYTES;
	ev->data = job->data;
	ev->len = h->given = job->len;
	ev->utc_ns = h->live ? clk_utc_ns() : 0;
	return true;
}

static void
read_ts(struct http *h, struct source_event *ev, int64_t deadline_ns)
{
	while (!io_stopping()) {
		if (h->job == NULL) {
			if (!backoff_wait(&h->backoff, deadline_ns))
				return;
			begin(h);
		}
		fetch_drop(h->job, h->given);
		h->given = 0;
		if (give(h, ev))
			return;
		if (h->job->done) {
			end_of_answer(h, ev);
			return;
		}
		if (h->job->waiting && !h->told) {
			log_warn(0, "cannot read '%s': %s: trying again", h->url,
			    h->job->reason);
			h->told = true;
		}
		if (fetch_run(h->f, deadline_ns) <= 0 && clk_mono_ns() >= deadline_ns)
			return;
	}
}

static void
http_read(struct source *s, struct source_event *ev, int64_t deadline_ns)
{
	struct http *h = (struct http *)s;

	if (h->hls == NULL && h->object == NULL)
		read_ts(h, ev, deadline_ns);
	if (h->object != NULL) {
		h->object->type->read(h->object, ev, deadline_ns);
		h->s.connected = h->object->connected;
	}
	if (h->hls != NULL && ev->what == SOURCE_NOTHING)
		hls_pull_read(h->hls, ev, deadline_ns);
}

static int
http_rewind(struct source *s)
{
	struct http *h = (struct http *)s;

	if (h->hls != NULL)
		return hls_pull_rewind(h->hls);
	if (h->object != NULL)
		return h->object->type->rewind(h->object);
	if (h->live)
		return -ENOTSUP;
	fetch_end(h->job);
	h->job = NULL;
	begin(h);
	return 0;
}

static int
http_verdict(const struct source *s, char *why, size_t size)
{
	const struct http *h = (const struct http *)s;

	return h->hls != NULL ? hls_pull_verdict(h->hls, why, size) : EXIT_SUCCESS;
}

static void
http_stats(const struct source *s, json_t *o)
{
	const struct http *h = (const struct http *)s;
	uint64_t retries = h->retries + (h->job != NULL ? h->job->failures : 0);

	if (h->hls != NULL)
		hls_pull_stats(h->hls, o);
	else if (h->object != NULL)
		h->object->type->stats(h->object, o);
	else
		json_object_set_new(o, "http_retries", json_integer((json_int_t)retries));
}

const struct source_type source_http = {
	.schemes = "http https",
	.open = http_open, .read = http_read, .rewind = http_rewind,
	.verdict = http_verdict, .stats = http_stats, .close = http_close,
};
