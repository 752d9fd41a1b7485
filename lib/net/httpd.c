/* The loops: events, timers, messages between threads. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/conn.h"
#include "lib/net/h2.h"

#define EVENTS		512

void
httpd_post(struct httpd_loop *l, struct httpd_msg *m)
{
	uint64_t one = 1;
	bool first;

	m->next = NULL;
	pthread_mutex_lock(&l->lock);
	first = l->inbox == NULL;
	*l->inbox_end = m;
	l->inbox_end = &m->next;
	pthread_mutex_unlock(&l->lock);
	if (first && write(l->wake, &one, sizeof(one)) < 0)
		return;		/* it is full, so the loop will wake */
}

static void
read_inbox(struct httpd_loop *l)
{
	struct httpd_msg *m;
	uint64_t count;

	if (read(l->wake, &count, sizeof(count)) < 0)
		return;
	pthread_mutex_lock(&l->lock);
	m = l->inbox;
	l->inbox = NULL;
	l->inbox_end = &l->inbox;
	pthread_mutex_unlock(&l->lock);
	while (m != NULL) {
		struct httpd_msg *next = m->next;

		m->run(l, m);
		m = next;
	}
}

/* ---- a loop */

static void
run_timers(struct httpd_loop *l)
{
	for (int i = 0; i < HTTPD_TIMERS; i++)
		while (!link_empty(&l->timer[i])) {
			struct httpd_conn *c = LINK_OF(l->timer[i].next,
			    struct httpd_conn, timer_link);

			if (c->deadline_ns > l->now_ns)
				break;
			conn_timeout(c);
		}
}

static int
timeout_ms(struct httpd_loop *l)
{
	int64_t next = l->tick_ns;

	if (!link_empty(&l->run))
		return 0;
	if (!link_empty(&l->grown))
		return 1;
	for (int i = 0; i < HTTPD_TIMERS; i++)
		if (!link_empty(&l->timer[i])) {
			struct httpd_conn *c = LINK_OF(l->timer[i].next,
			    struct httpd_conn, timer_link);

			if (c->deadline_ns < next)
				next = c->deadline_ns;
		}
	next -= l->now_ns;
	return next <= 0 ? 0 : (int)((next + 999999) / 1000000);
}

static void
run_later(struct httpd_loop *l)
{
	struct link list;

	link_init(&list);
	link_move_all(&list, &l->run);
	while (!link_empty(&list)) {
		struct httpd_conn *c = LINK_OF(list.next, struct httpd_conn, run_link);

		link_remove(&c->run_link);
		conn_run(c);
	}
}

static void
bury_dead(struct httpd_loop *l)
{
	while (!link_empty(&l->dead)) {
		struct httpd_conn *c = LINK_OF(l->dead.next, struct httpd_conn, run_link);

		link_remove(&c->run_link);
		conn_free(c);
	}
}

/* No more requests: those who have none under way go. */
static void
begin_stop(struct httpd_loop *l)
{
	static const enum httpd_timer kind[] = { HTTPD_IDLE, HTTPD_HEAD };

	if (l->stop_ns == 0) {
		l->stop_ns = l->now_ns + l->server->config.grace_ns;
		for (unsigned i = 0; l->index == 0 && i < l->server->nlisten; i++)
			close(l->server->listener[i].fd);
		for (struct link *k = l->all.next; k != &l->all; k = k->next) {
			struct httpd_conn *c = LINK_OF(k, struct httpd_conn, all_link);

			if (c->state == CONN_H2)
				h2_stop(c);
		}
	}
	for (size_t i = 0; i < sizeof(kind) / sizeof(kind[0]); i++)
		while (!link_empty(&l->timer[kind[i]]))
			conn_close(LINK_OF(l->timer[kind[i]].next, struct httpd_conn,
			    timer_link), false);
}

static void
tick(struct httpd_loop *l)
{
	int64_t s = clk_utc_ns() / CLK_SECOND;

	if (s != l->date_s) {
		l->date_s = s;
		http_date(s, l->date);
	}
	if (l->now_ns < l->tick_ns)
		return;
	l->tick_ns = l->now_ns + CLK_SECOND;
	if (l->stop_ns == 0)
		listen_watch(l, EPOLLIN);
	l->server->app->tick(l, false, false);
}

static void
take_event(struct httpd_loop *l, const struct epoll_event *ev)
{
	struct httpd *s = l->server;
	struct httpd_conn *c = ev->data.ptr;

	if (ev->data.ptr == l) {
		read_inbox(l);
		return;
	}
	for (unsigned i = 0; i < s->nlisten; i++)
		if (ev->data.ptr == &s->listener[i]) {
			listen_accept(l, &s->listener[i]);
			return;
		}
	if (c->state == CONN_DEAD)
		return;
	if ((ev->events & (EPOLLIN | EPOLLRDHUP)) != 0) {
		c->readable = true;
		c->drained = false;
	}
	if ((ev->events & EPOLLRDHUP) != 0)
		c->ended = true;
	if ((ev->events & (EPOLLERR | EPOLLHUP)) != 0)
		c->broken = true;
	conn_run(c);
}

static void *
loop_main(void *arg)
{
	struct httpd_loop *l = arg;
	struct epoll_event ev[EVENTS];

	l->now_ns = clk_mono_ns();
	l->server->app->tick(l, true, false);
	for (;;) {
		int n = epoll_wait(l->epoll, ev, EVENTS, timeout_ms(l));

		l->now_ns = clk_mono_ns();
		tick(l);
		for (int i = 0; i < n; i++)
			take_event(l, &ev[i]);
		run_later(l);
		follow_run(l);
		run_timers(l);
		bury_dead(l);
		if (!atomic_load_explicit(&l->server->stopping, memory_order_relaxed))
			continue;
		begin_stop(l);
		bury_dead(l);
		if (atomic_load(&l->conns) == 0 || l->now_ns > l->stop_ns)
			break;
	}
	/* Time is up: no peer must take what it has for all of it. */
	while (!link_empty(&l->all))
		conn_close(LINK_OF(l->all.next, struct httpd_conn, all_link), true);
	bury_dead(l);
	l->server->app->tick(l, false, true);
	return NULL;
}

static int
loop_init(struct httpd_loop *l, struct httpd *s, unsigned index)
{
	struct epoll_event ev = { .events = EPOLLIN };

	*l = (struct httpd_loop){ .server = s, .index = index };
	for (int i = 0; i < HTTPD_TIMERS; i++)
		link_init(&l->timer[i]);
	link_init(&l->all);
	link_init(&l->run);
	link_init(&l->dead);
	link_init(&l->grown);
	l->inbox_end = &l->inbox;
	pthread_mutex_init(&l->lock, NULL);
	l->buf = malloc(CONN_READ);
	l->head = malloc(CONN_OUT);
	l->batch = malloc(CONN_BATCH);
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->buf == NULL || l->head == NULL || l->batch == NULL)
		return -ENOMEM;
	ev.data.ptr = l;
	if (l->epoll < 0 || l->wake < 0 ||
	    epoll_ctl(l->epoll, EPOLL_CTL_ADD, l->wake, &ev) < 0)
		return -errno;
	for (unsigned i = 0; index == 0 && i < s->nlisten; i++) {
		ev.data.ptr = &s->listener[i];
		if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, s->listener[i].fd, &ev) < 0)
			return -errno;
	}
	return 0;
}

int
httpd_start(struct httpd *s, const struct httpd_config *config,
    const struct httpd_app *app)
{
	sigset_t all, before;
	int r = 0;

	s->config = *config;
	s->app = app;
	s->loop = calloc(config->threads, sizeof(*s->loop));
	if (s->loop == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < config->threads; i++)
		if ((r = loop_init(&s->loop[i], s, i)) < 0)
			return r;
	/* Signals are for the thread that called us. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (unsigned i = 0; i < config->threads && r == 0; i++)
		r = pthread_create(&s->loop[i].thread, NULL, loop_main, &s->loop[i]);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

static void
on_stop(struct httpd_loop *l, struct httpd_msg *m)
{
	(void)l;
	free(m);
}

void
httpd_stop(struct httpd *s)
{
	atomic_store(&s->stopping, true);
	for (unsigned i = 0; i < s->config.threads; i++) {
		struct httpd_msg *m = calloc(1, sizeof(*m));

		if (m != NULL) {
			m->run = on_stop;
			httpd_post(&s->loop[i], m);
		}
	}
	for (unsigned i = 0; i < s->config.threads; i++)
		pthread_join(s->loop[i].thread, NULL);
}
