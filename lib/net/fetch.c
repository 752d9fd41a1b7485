#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/io.h"
#include "lib/net/fetchjob.h"

/* ---- what curl asks of us */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *unused)
{
	struct fetch *f = user;
	short events = 0;
	unsigned i = 0;

	(void)easy;
	(void)unused;
	while (i < f->npfd && f->pfd[i].fd != fd)
		i++;
	if (what == CURL_POLL_REMOVE) {
		if (i < f->npfd)
			f->pfd[i] = f->pfd[--f->npfd];
		return 0;
	}
	if (i + 1 >= f->spfd) {		/* and room for the caller's */
		unsigned more = f->spfd == 0 ? 8 : f->spfd * 2;
		struct pollfd *a = reallocarray(f->pfd, more, sizeof(*a)), *b;

		f->pfd = a == NULL ? f->pfd : a;
		b = a == NULL ? NULL : reallocarray(f->ready, more, sizeof(*b));
		if (b == NULL)
			return -1;
		f->ready = b;
		f->spfd = more;
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= POLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= POLLOUT;
	f->pfd[i] = (struct pollfd){ .fd = fd, .events = events };
	f->npfd += i == f->npfd;
	return 0;
}

static int
on_timer(CURLM *multi, long ms, void *user)
{
	struct fetch *f = user;

	(void)multi;
	f->timer_ns = ms < 0 ? -1 : clk_mono_ns() + ms * (CLK_SECOND / 1000);
	return 0;
}
/* ---- the loop */

/* Begin what has waited, let go what was held back; the next time that matters. */
static int64_t
tend_jobs(struct fetch *f, int64_t now, bool *any)
{
	int64_t next = INT64_MAX;

	for (struct fetch_private *p = f->first; p != NULL; p = p->next) {
		if (p->job.done)
			continue;
		*any = true;
		if (now >= p->deadline_ns) {
			fetch_job_expire(p);
			continue;
		}
		if (p->job.waiting && now >= p->next_ns)
			fetch_job_begin(p);
		if (p->paused && p->job.len < p->window) {
			p->paused = false;
			curl_easy_pause(p->easy, CURLPAUSE_CONT);
		}
		if (p->deadline_ns < next)
			next = p->deadline_ns;
		if (p->job.waiting && p->next_ns < next)
			next = p->next_ns;
	}
	return f->timer_ns >= 0 && f->timer_ns < next ? f->timer_ns : next;
}

static void
act(struct fetch *f, unsigned npfd, bool ready)
{
	CURLMsg *msg;
	int running, left;

	for (unsigned i = 0; ready && i < npfd; i++) {
		short r = f->ready[i].revents;
		int bits = (r & POLLIN ? CURL_CSELECT_IN : 0) |
		    (r & POLLOUT ? CURL_CSELECT_OUT : 0) |
		    (r & (POLLERR | POLLHUP) ? CURL_CSELECT_IN | CURL_CSELECT_ERR : 0);

		if (bits != 0)
			curl_multi_socket_action(f->multi, f->ready[i].fd, bits,
			    &running);
	}
	if (f->timer_ns >= 0 && clk_mono_ns() >= f->timer_ns) {
		f->timer_ns = -1;
		curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	while ((msg = curl_multi_info_read(f->multi, &left)) != NULL) {
		CURLcode result = msg->data.result;
		void *p = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&p);
		fetch_job_ended(p, result);
	}
}

/* Wait on the copy of our sockets, and on the caller's descriptor. */
static int
wait(struct fetch *f, unsigned n, int64_t timeout_ns, bool *watched)
{
	struct pollfd one, *pfd = f->spfd > 0 ? f->ready : &one;
	unsigned all = n;
	int r;

	*watched = false;
	if (f->watch >= 0)
		pfd[all++] = (struct pollfd){ .fd = f->watch, .events = POLLIN };
	if (io_stopping() && f->outlive_stop)
		r = poll(pfd, all, timeout_ns < 0 ? -1 :
		    (int)((timeout_ns < CLK_SECOND ? timeout_ns : CLK_SECOND) / 1000000 + 1));
	else
		r = io_wait(pfd, all, timeout_ns);
	*watched = r > 0 && all > n && pfd[n].revents != 0;
	return r;
}

void
fetch_watch(struct fetch *f, int fd)
{
	f->watch = fd;
}

void
fetch_outlive_stop(struct fetch *f, bool on)
{
	f->outlive_stop = on;
}

int
fetch_run(struct fetch *f, int64_t until_ns)
{
	for (;;) {
		int64_t now = clk_mono_ns(), next;
		unsigned n;
		bool any = false, watched;
		int r;

		if (io_stopping() && !f->outlive_stop)
			return -EINTR;
		next = tend_jobs(f, now, &any);
		if (until_ns >= 0 && until_ns < next)
			next = until_ns;
		if (f->changed || !any)
			next = now;
		/* The sockets may come and go while curl acts on a copy. */
		n = f->npfd;
		if (n > 0)
			memcpy(f->ready, f->pfd, n * sizeof(*f->pfd));
		r = wait(f, n, next == INT64_MAX ? -1 : next > now ? next - now : 0,
		    &watched);
		if (r < 0 && r != -EINTR)
			return r;
		act(f, n, r > 0);
		if (watched || f->changed) {
			f->changed = false;
			return 1;
		}
		if (!any || (until_ns >= 0 && clk_mono_ns() >= until_ns))
			return 0;
	}
}

int
fetch_wait(struct fetch *f, struct fetch_job *job)
{
	while (!job->done) {
		int r = fetch_run(f, -1);

		if (r < 0)
			return r;
	}
	return job->error;
}

struct fetch *
fetch_new(const struct fetch_config *config)
{
	static const struct fetch_config defaults = {
		.connect_ns = 5 * CLK_SECOND, .stall_ns = 10 * CLK_SECOND,
		.retry_first_ns = CLK_SECOND / 4, .retry_max_ns = 8 * CLK_SECOND,
		.redirects = 8, .user_agent = "mlive",
	};
	const struct fetch_config *d = &defaults, *c = config == NULL ? d : config;
	struct fetch *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return NULL;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		free(f);
		return NULL;
	}
	f->config = (struct fetch_config){
		.connect_ns = c->connect_ns ? c->connect_ns : d->connect_ns,
		.stall_ns = c->stall_ns ? c->stall_ns : d->stall_ns,
		.retry_first_ns = c->retry_first_ns ? c->retry_first_ns :
		    d->retry_first_ns,
		.retry_max_ns = c->retry_max_ns ? c->retry_max_ns : d->retry_max_ns,
		.redirects = c->redirects ? c->redirects : d->redirects,
	};
	f->watch = -1;
	f->timer_ns = -1;
	f->user_agent = strdup(c->user_agent != NULL ? c->user_agent : d->user_agent);
	f->multi = curl_multi_init();
	if (f->user_agent == NULL || f->multi == NULL) {
		fetch_free(f);
		return NULL;
	}
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
	return f;
}

void
fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	while (f->first != NULL)
		fetch_end(&f->first->job);
	curl_multi_cleanup(f->multi);
	free(f->pfd);
	free(f->ready);
	free(f->user_agent);
	free(f);
	curl_global_cleanup();
}
