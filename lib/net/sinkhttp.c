/* The transport of sink.c to a server: PUT and DELETE on a few connections. */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/net/sinkq.h"
#include "lib/net/trust.h"

#define CONNECTIONS	4
#define CONNECTIONS_MAX	16
#define GROWING_MAX	192		/* at a time, beside those */
#define TRANSFERS	(CONNECTIONS_MAX + GROWING_MAX)
#define CHUNK_MAX	2097152L	/* libcurl takes no larger ones */
#define CONNECT_MS	5000L
#define STALL_S		10L		/* without a byte in either direction */
#define GET_MS		3000L
#define GET_MAX		(256 << 20)
#define URL_MAX		4096

struct transfer {
	CURL	*easy;			/* made when it is first used */
	struct curl_slist *header;
	struct sink_item *item;		/* NULL: free for use */
	unsigned piece;			/* of the body: what is to be sent next */
	size_t	 offset;
	size_t	 given;			/* of one that grows, to libcurl */
	bool	 paused;		/* nothing to give for now */
	int64_t	 moved_ns;
	char	 error[CURL_ERROR_SIZE];
};

struct http {
	CURLM	*multi;
	char	 base[URL_MAX];		/* ends in / */
	char	*authorization;
	unsigned n;			/* connections for what does not grow */
	bool	 asked, blocks;		/* MStore-LL-HLS */
	struct transfer transfer[TRANSFERS];
};

static void
http_close(void *t)
{
	struct http *h = t;

	for (unsigned i = 0; i < TRANSFERS; i++) {
		if (h->transfer[i].easy == NULL)
			continue;
		if (h->transfer[i].item != NULL)
			curl_multi_remove_handle(h->multi, h->transfer[i].easy);
		curl_easy_cleanup(h->transfer[i].easy);
		curl_slist_free_all(h->transfer[i].header);
	}
	if (h->multi != NULL)
		curl_multi_cleanup(h->multi);
	free(h->authorization);
	free(h);
}

static void *
http_open(const char *url, const struct sink_config *c, int *err)
{
	struct http *h;
	size_t len = strlen(url);

	*err = -ENAMETOOLONG;
	if (len + SINK_NAME_MAX + 2 > URL_MAX)
		return NULL;
	*err = -EINVAL;
	if (strpbrk(url, "?# \r\n") != NULL)
		return NULL;
	*err = -ENOMEM;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 ||
	    (h = calloc(1, sizeof(*h))) == NULL)
		return NULL;
	snprintf(h->base, sizeof(h->base), "%s%s", url, url[len - 1] == '/' ? "" : "/");
	h->n = c->connections == 0 ? CONNECTIONS :
	    c->connections < CONNECTIONS_MAX ? c->connections : CONNECTIONS_MAX;
	h->multi = curl_multi_init();
	if (h->multi == NULL || (c->token != NULL &&
	    asprintf(&h->authorization, "Authorization: Bearer %s", c->token) < 0)) {
		http_close(h);
		return NULL;
	}
	return h;
}

/* ---- one transfer */

static size_t
give_body(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	const struct sink_object *o = &t->item->o;
	size_t room = size * n, done = 0;

	while (done < room && t->piece < o->niov) {
		const struct iovec *v = &o->iov[t->piece];
		size_t len = v->iov_len - t->offset;

		if (len > room - done)
			len = room - done;
		memcpy(buf + done, (const char *)v->iov_base + t->offset, len);
		done += len;
		t->offset += len;
		if (t->offset == v->iov_len) {
			t->piece++;
			t->offset = 0;
		}
	}
	return done;
}

/* Each call is a chunk.  When the next is asked for, the last one has been written. */
static size_t
give_growing(char *buf, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct sink_item *i = t->item;
	size_t room = size * n, done = 0;

	if (i->sent != t->given)
		t->moved_ns = clk_mono_ns();
	i->sent = t->given;
	while (done < room && t->piece < i->npiece) {
		const struct sink_piece *p = &i->piece[t->piece];
		size_t len = p->len - t->offset;

		if (len > room - done)
			len = room - done;
		memcpy(buf + done, p->p + t->offset, len);
		done += len;
		t->offset += len;
		if (t->offset == p->len) {
			t->piece++;
			t->offset = 0;
		}
	}
	t->given += done;
	t->paused = done == 0 && !i->closed;
	return t->paused ? CURL_READFUNC_PAUSE : done;
}

static int
rewind_body(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;

	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->piece = 0;
	t->offset = t->given = 0;
	if (t->item != NULL)
		t->item->sent = 0;
	return CURL_SEEKFUNC_OK;
}

static size_t
ignore_answer(char *buf, size_t size, size_t n, void *arg)
{
	(void)buf;
	(void)arg;
	return size * n;
}

static size_t
look_at_field(char *buf, size_t size, size_t n, void *arg)
{
	static const char field[] = "mstore-ll-hls: 1";
	struct http *h = arg;

	if (size * n >= sizeof(field) - 1 && strncasecmp(buf, field, sizeof(field) - 1) == 0)
		h->blocks = true;
	return size * n;
}

static int
add_header(struct curl_slist **list, const char *text)
{
	struct curl_slist *l = curl_slist_append(*list, text);

	if (l == NULL)
		return -ENOMEM;
	*list = l;
	return 0;
}

/* What every request has. */
static int
prepare(struct http *h, CURL *easy, const char *name, char error[static CURL_ERROR_SIZE],
    struct curl_slist **header)
{
	char url[URL_MAX + SINK_NAME_MAX];

	snprintf(url, sizeof(url), "%s%s", h->base, name);
	curl_slist_free_all(*header);
	*header = NULL;
	if (add_header(header, "Expect:") < 0 || (h->authorization != NULL &&
	    add_header(header, h->authorization) < 0))
		return -ENOMEM;
	curl_easy_reset(easy);
	error[0] = '\0';
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, log_prog());
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	trust_set(easy);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, STALL_S);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 262144L);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, look_at_field);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, h);
	return 0;
}

static int
http_start(void *arg, struct sink_item *i, char reason[static 256])
{
	struct http *h = arg;
	struct transfer *t = NULL;
	char type[128];

	for (unsigned n = i->grows ? CONNECTIONS_MAX : 0; n < (i->grows ? TRANSFERS : h->n) &&
	    t == NULL; n++)
		if (h->transfer[n].item == NULL)
			t = &h->transfer[n];
	if (t == NULL)
		return -EAGAIN;
	if (t->easy == NULL && (t->easy = curl_easy_init()) == NULL) {
		snprintf(reason, 256, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	snprintf(type, sizeof(type), "Content-Type: %s", i->o.content_type != NULL ?
	    i->o.content_type : "application/octet-stream");
	if (prepare(h, t->easy, i->o.name, t->error, &t->header) < 0 ||
	    (!i->remove && add_header(&t->header, type) < 0)) {
		snprintf(reason, 256, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	t->item = i;
	t->piece = 0;
	t->offset = t->given = 0;
	t->paused = false;
	t->moved_ns = clk_mono_ns();
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->header);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, ignore_answer);
	if (i->remove) {
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, "DELETE");
	} else if (i->grows) {		/* of unknown size: chunked */
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, CHUNK_MAX);
		curl_easy_setopt(t->easy, CURLOPT_LOW_SPEED_TIME, 0L);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_growing);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	} else {
		curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)i->len);
		curl_easy_setopt(t->easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(t->easy, CURLOPT_READDATA, t);
		curl_easy_setopt(t->easy, CURLOPT_SEEKFUNCTION, rewind_body);
		curl_easy_setopt(t->easy, CURLOPT_SEEKDATA, t);
	}
	if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
		t->item = NULL;
		snprintf(reason, 256, "cannot start a transfer");
		return -EIO;
	}
	return 1;
}

static int
http_more(void *arg, struct sink_item *i, char reason[static 256])
{
	struct http *h = arg;

	(void)reason;
	for (unsigned n = CONNECTIONS_MAX; n < TRANSFERS; n++) {
		struct transfer *t = &h->transfer[n];

		if (t->item != i)
			continue;
		if (t->paused)
			t->moved_ns = clk_mono_ns();
		if (t->paused) {
			t->paused = false;
			curl_easy_pause(t->easy, CURLPAUSE_CONT);
		}
		break;
	}
	return 1;
}

static void
http_cancel(void *arg, struct sink_item *i)
{
	struct http *h = arg;

	for (unsigned n = 0; n < TRANSFERS; n++)
		if (h->transfer[n].item == i) {
			curl_multi_remove_handle(h->multi, h->transfer[n].easy);
			h->transfer[n].item = NULL;
		}
}

/* One that grows has something to send, or waits for its answer, for too long. */
static struct sink_item *
find_stalled(struct http *h)
{
	int64_t now = clk_mono_ns();

	for (unsigned n = CONNECTIONS_MAX; n < TRANSFERS; n++) {
		struct transfer *t = &h->transfer[n];
		struct sink_item *i = t->item;

		if (i == NULL || t->paused || now - t->moved_ns < STALL_S * CLK_SECOND)
			continue;
		curl_multi_remove_handle(h->multi, t->easy);
		t->item = NULL;
		return i;
	}
	return NULL;
}

static struct sink_item *
http_ended(void *arg, int *err, char reason[static 256])
{
	struct http *h = arg;
	struct sink_item *i;
	struct transfer *t = NULL;
	CURLMsg *m;
	CURLcode code;
	long status = 0;
	int left;

	curl_multi_perform(h->multi, &left);
	do {
		if ((m = curl_multi_info_read(h->multi, &left)) == NULL) {
			*err = -ETIMEDOUT;
			if ((i = find_stalled(h)) != NULL)
				snprintf(reason, 256, "%s", strerror(ETIMEDOUT));
			return i;
		}
	} while (m->msg != CURLMSG_DONE);
	code = m->data.result;
	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
	curl_easy_getinfo(m->easy_handle, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(h->multi, t->easy);
	*err = 0;
	if (code != CURLE_OK) {
		*err = code == CURLE_OPERATION_TIMEDOUT ? -ETIMEDOUT : -EIO;
		snprintf(reason, 256, "%s", t->error[0] != '\0' ? t->error :
		    curl_easy_strerror(code));
	} else if (t->item->grows && (!t->item->closed || t->given < t->item->len) &&
	    status >= 200 && status <= 299) {
		*err = -EPROTO;
		snprintf(reason, 256, "an answer before the end of the object");
	} else if (status < 200 || status > 299) {
		*err = (int)status;
		snprintf(reason, 256, "HTTP status %ld", status);
	}
	i = t->item;
	t->item = NULL;
	return i;
}

/* libcurl's poll is not ended by a signal that comes before it: so not too long. */
static int
http_wait(void *arg, int fd, int64_t timeout_ns)
{
	struct http *h = arg;
	struct curl_waitfd w = { .fd = fd, .events = CURL_WAIT_POLLIN };
	int64_t ms = (timeout_ns + 999999) / 1000000;
	int n;

	if (ms > 200)
		ms = 200;
	if (curl_multi_poll(h->multi, &w, fd >= 0, (int)ms, &n) != CURLM_OK)
		return -EIO;
	return w.revents != 0;
}

/* ---- reading back */

struct answer {
	char	*data;
	size_t	 len;
};

static size_t
keep_answer(char *buf, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t len = size * n;
	char *p;

	if (a->len + len > GET_MAX || (p = realloc(a->data, a->len + len + 1)) == NULL)
		return 0;
	memcpy(p + a->len, buf, len);
	a->data = p;
	a->len += len;
	p[a->len] = '\0';
	return len;
}

static int
http_get(void *arg, const char *name, char **data, size_t *len, char reason[static 256])
{
	struct http *h = arg;
	struct answer a = { .len = 0 };
	struct curl_slist *header = NULL;
	char error[CURL_ERROR_SIZE];
	CURL *easy = curl_easy_init();
	CURLcode code;
	long status = 0;

	if (easy == NULL || prepare(h, easy, name, error, &header) < 0) {
		curl_easy_cleanup(easy);
		curl_slist_free_all(header);
		return -ENOMEM;
	}
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, GET_MS);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, keep_answer);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &a);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(easy);
	curl_slist_free_all(header);
	if (code == CURLE_OK && status == 200 && a.data == NULL)
		a.data = strdup("");	/* an empty object */
	if (code == CURLE_OK && status == 200 && a.data != NULL) {
		*data = a.data;
		*len = a.len;
		return 0;
	}
	free(a.data);
	if (code != CURLE_OK) {
		snprintf(reason, 256, "%s", error[0] != '\0' ? error :
		    curl_easy_strerror(code));
		/* Asking again makes no certificate better. */
		return code == CURLE_PEER_FAILED_VERIFICATION ? -EACCES :
		    code == CURLE_COULDNT_CONNECT ? -ECONNREFUSED : -EIO;
	}
	snprintf(reason, 256, "HTTP status %ld", status);
	if (status == 408 || status == 425 || status == 429)
		return -EAGAIN;
	return status == 404 || status == 410 ? -ENOENT :
	    status >= 400 && status <= 499 ? -EACCES : -EPROTO;
}

/* What any answer has told; before there was one, it is asked. */
static bool
http_blocks(void *arg)
{
	struct http *h = arg;
	struct curl_slist *header = NULL;
	char error[CURL_ERROR_SIZE];
	CURL *easy;

	if (h->blocks || h->asked)
		return h->blocks;
	h->asked = true;
	easy = curl_easy_init();
	if (easy != NULL && prepare(h, easy, "", error, &header) == 0) {
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, header);
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, GET_MS);
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "OPTIONS");
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, ignore_answer);
		curl_easy_perform(easy);
	}
	curl_easy_cleanup(easy);
	curl_slist_free_all(header);
	return h->blocks;
}

const struct sink_transport sink_http = {
	.open = http_open, .close = http_close, .start = http_start,
	.more = http_more, .blocks = http_blocks, .cancel = http_cancel, .wait = http_wait, .ended = http_ended, .get = http_get,
};
