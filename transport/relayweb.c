#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/log.h"
#include "lib/net/httpd.h"
#include "lib/net/metrics.h"
#include "transport/relayweb.h"

#define HEAD	"Content-Type: " METRICS_TYPE "\r\nCache-Control: no-store\r\n"

struct relayweb {
	struct httpd httpd;
	pthread_mutex_t lock;
	char	*text;			/* under lock */
	size_t	 len, size;
};

static void
on_request(struct httpd_conn *c, const struct h1_request *r)
{
	struct relayweb *w = c->loop->server->user;
	char *copy;
	size_t len;

	if (c->method != H1_GET && c->method != H1_HEAD) {
		httpd_reply_text(c, 405, "Allow: GET, HEAD\r\n", "there is GET");
		return;
	}
	if (!h1_is(r->path, "/metrics")) {
		httpd_reply_text(c, 404, NULL, "there is /metrics");
		return;
	}
	pthread_mutex_lock(&w->lock);
	len = w->len;
	copy = malloc(len + 1);
	if (copy != NULL && len > 0)
		memcpy(copy, w->text, len);
	pthread_mutex_unlock(&w->lock);
	if (copy == NULL) {
		httpd_reply_text(c, 503, NULL, "out of memory");
		return;
	}
	httpd_reply(c, &(struct httpd_reply){ .status = 200, .mem = copy, .mem_len = len,
	    .head = HEAD, .head_len = strlen(HEAD) });
	free(copy);
}

static void
on_done(struct httpd_conn *c, bool clean)
{
	(void)c;
	(void)clean;
}

static void
on_tick(struct httpd_loop *l, bool first, bool last)
{
	(void)l;
	(void)first;
	(void)last;
}

static void
on_body(struct httpd_conn *c, const void *data, size_t len)
{
	(void)c;
	(void)data;
	(void)len;
}

static void
on_body_end(struct httpd_conn *c)
{
	(void)c;
}

static const struct httpd_app app = {
	.request = on_request, .body = on_body, .body_end = on_body_end,
	.done = on_done, .tick = on_tick,
};

int
relayweb_start(struct relayweb **web, const char *listen)
{
	const struct httpd_config config = {
		.threads = 1, .max_conns = 64, .head_ns = 10 * CLK_SECOND,
		.idle_ns = 60 * CLK_SECOND, .body_ns = 10 * CLK_SECOND,
		.send_ns = 10 * CLK_SECOND, .grace_ns = CLK_SECOND, .min_progress = 1,
	};
	struct relayweb *w = calloc(1, sizeof(*w));
	struct httpd_listener *l;
	int r;

	if (w == NULL)
		return -ENOMEM;
	pthread_mutex_init(&w->lock, NULL);
	w->httpd.user = w;
	w->httpd.memory.limit = 16 << 20;
	if ((r = httpd_listen(&w->httpd, listen, 0, &l)) < 0 ||
	    (r = httpd_start(&w->httpd, &config, &app)) < 0) {
		free(w);
		return r;
	}
	log_info("metrics on http://%s/metrics", l->name);
	*web = w;
	return 0;
}

void
relayweb_set(struct relayweb *w, const char *text, size_t len)
{
	pthread_mutex_lock(&w->lock);
	if (len > w->size) {
		char *p = realloc(w->text, len);

		if (p != NULL) {
			w->text = p;
			w->size = len;
		}
	}
	if (len <= w->size) {
		memcpy(w->text, text, len);
		w->len = len;
	}
	pthread_mutex_unlock(&w->lock);
}

void
relayweb_stop(struct relayweb *w)
{
	if (w == NULL)
		return;
	httpd_stop(&w->httpd);
	pthread_mutex_destroy(&w->lock);
	free(w->text);
	w->text = NULL;			/* w itself holds what httpd_stop() leaves */
}
