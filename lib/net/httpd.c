/* The loops: listening, events, timers, messages between threads. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/base/url.h"
#include "lib/net/conn.h"
#include "lib/net/h2.h"

#define EVENTS		512
#define ACCEPT_TURN	256
#define MORE_SOON	(2 * CLK_SECOND / 1000)

static bool
is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)sa)
		    ->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(
	    &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr);
}

static void
name_of(int fd, char name[static HTTPD_PEER])
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	char host[40] = "?", port[8] = "0";

	if (getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port,
		    sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV);
	snprintf(name, HTTPD_PEER, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/*
 * A machine whose system paces what it sends (bbr) does so on loopback as well,
 * where there is nothing to spare: a timer for each piece, half of the rate, twice
 * the time.  It has to be set before there is a connection: one that has
 * begun with pacing keeps it.
 */
static void
send_unpaced(int fd)
{
	setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", strlen("reno"));
}

static int
listen_on(const struct addrinfo *ai)
{
	int one = 1, zero = 0, err;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (is_loopback(ai->ai_addr))
		send_unpaced(fd);
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 4096) == 0)
		return fd;
	err = errno;
	close(fd);
	return -err;
}

int
httpd_listen(struct httpd *s, const char *text, int kind,
    struct httpd_listener **out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
	struct addrinfo *list, *ai;
	struct httpd_listener *l = &s->listener[s->nlisten];
	char host[256], port[8];
	uint16_t number;
	bool tls = strncmp(text, "https://", 8) == 0;
	int fd = -EINVAL;

	text += tls ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;
	if (s->nlisten == HTTPD_LISTEN_MAX)
		return -ENOSPC;
	if (url_parse_listen(text, host, sizeof(host), &number) < 0)
		return -EINVAL;
	snprintf(port, sizeof(port), "%u", number);
	if (host[0] == '\0')
		hints.ai_family = AF_INET6;	/* takes IPv4 as well */
	if (getaddrinfo(host[0] != '\0' ? host : NULL, port, &hints, &list) != 0)
		return -EINVAL;
	for (ai = list; ai != NULL && fd < 0; ai = ai->ai_next) {
		fd = listen_on(ai);
		l->loopback = is_loopback(ai->ai_addr);
	}
	freeaddrinfo(list);
	if (fd == -EAFNOSUPPORT && host[0] == '\0') {
		struct sockaddr_in any = {
			.sin_family = AF_INET, .sin_port = htons(number),
		};

		fd = listen_on(&(struct addrinfo){ .ai_family = AF_INET,
		    .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof(any) });
	}
	if (fd < 0)
		return fd;
	l->kind = kind;
	l->tls = tls;
	l->fd = fd;
	name_of(fd, l->name);
	s->nlisten++;
	if (out != NULL)
		*out = l;
	return 0;
}

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

/* ---- those who follow a growing object */

int
httpd_can_grow(struct httpd *s, struct object *o)
{
	o->waiting = calloc(1, sizeof(*o->waiting));
	if (o->waiting == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < s->config.threads; i++)
		link_init(&o->waiting->local[i]);
	link_init(&o->waiting->grown);
	return 0;
}

static void
wake_followers(struct httpd_loop *l, struct object *o)
{
	struct link *local = &o->waiting->local[l->index], list;

	link_init(&list);
	link_move_all(&list, local);
	while (!link_empty(&list)) {
		struct httpd_conn *c = LINK_OF(list.next, struct httpd_conn, wait_link);

		link_remove(&c->wait_link);
		conn_run(c);
	}
}

struct grew_msg {
	struct httpd_msg msg;
	struct object *object;
};

static void
on_grew(struct httpd_loop *l, struct httpd_msg *m)
{
	struct grew_msg *g = (struct grew_msg *)m;

	atomic_fetch_and(&g->object->waiting->posted, ~(1u << l->index));
	wake_followers(l, g->object);
	object_unref(&g->object);
	free(g);
}

void
httpd_grew(struct httpd_loop *current, struct object *o, bool more_soon)
{
	struct wait_queue *q = o->waiting;
	struct httpd *s;
	unsigned loops;

	if (q == NULL || (loops = atomic_load(&q->loops)) == 0)
		return;
	s = current->server;
	for (unsigned i = 0; i < s->config.threads; i++) {
		struct grew_msg *g;

		if ((loops & 1u << i) == 0)
			continue;
		if (&s->loop[i] == current) {
			if (!more_soon)
				q->due_ns = 0;
			if (!link_empty(&q->grown))
				continue;
			/* At the end of this turn, once for all that came in it. */
			if (more_soon)
				q->due_ns = current->now_ns + MORE_SOON;
			object_ref(o);
			q->object = o;
			link_append(&current->grown, &q->grown);
			continue;
		}
		if ((atomic_fetch_or(&q->posted, 1u << i) & 1u << i) != 0)
			continue;
		g = malloc(sizeof(*g));
		if (g == NULL) {
			atomic_fetch_and(&q->posted, ~(1u << i));
			continue;
		}
		*g = (struct grew_msg){ .msg.run = on_grew, .object = object_ref(o) };
		httpd_post(&s->loop[i], &g->msg);
	}
}

static void
run_grown(struct httpd_loop *l)
{
	struct link list;

	link_init(&list);
	link_move_all(&list, &l->grown);
	while (!link_empty(&list)) {
		struct wait_queue *q = LINK_OF(list.next, struct wait_queue, grown);
		struct object *o = q->object;

		link_remove(&q->grown);
		if (q->due_ns > l->now_ns) {
			link_append(&l->grown, &q->grown);
			continue;
		}
		wake_followers(l, o);
		object_unref(&o);
	}
}

/* ---- new connections: loop 0 takes them in and hands them round */

struct conn_msg {
	struct httpd_msg msg;
	int fd;
	const struct httpd_listener *from;
};

static void
take_conn(struct httpd_loop *l, int fd, const struct httpd_listener *from)
{
	const struct httpd_config *k = &l->server->config;
	struct link *idle = &l->timer[HTTPD_IDLE];

	/* Room for the new: the longest idle goes. */
	if (atomic_load(&l->conns) * k->threads >= k->max_conns - k->max_conns / 10 &&
	    !link_empty(idle))
		conn_close(LINK_OF(idle->next, struct httpd_conn, timer_link), false);
	conn_new(l, fd, from);
}

static void
on_conn(struct httpd_loop *l, struct httpd_msg *m)
{
	struct conn_msg *cm = (struct conn_msg *)m;

	take_conn(l, cm->fd, cm->from);
	free(cm);
}

static void
hand_over(struct httpd_loop *self, int fd, const struct httpd_listener *from)
{
	static const char busy[] = "HTTP/1.1 503 Service Unavailable\r\n"
	    "Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct httpd *s = self->server;
	unsigned total = 0, best = 0;
	struct conn_msg *cm;

	for (unsigned i = 0; i < s->config.threads; i++) {
		unsigned n = atomic_load(&s->loop[i].conns);

		total += n;
		if (n < atomic_load(&s->loop[best].conns))
			best = i;
	}
	if (total >= s->config.max_conns) {
		httpd_add(&self->stats.refused, 1);
		if (!from->tls)
			send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(fd);
		return;
	}
	atomic_fetch_add(&s->loop[best].conns, 1);
	if (best == self->index) {
		take_conn(self, fd, from);
		return;
	}
	cm = malloc(sizeof(*cm));
	if (cm == NULL) {
		atomic_fetch_sub(&s->loop[best].conns, 1);
		close(fd);
		return;
	}
	*cm = (struct conn_msg){ .msg.run = on_conn, .fd = fd, .from = from };
	httpd_post(&s->loop[best], &cm->msg);
}

static void
watch_listeners(struct httpd_loop *l, uint32_t events)
{
	for (unsigned i = 0; l->index == 0 && i < l->server->nlisten; i++) {
		struct epoll_event ev = { .events = events };

		ev.data.ptr = &l->server->listener[i];
		epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->server->listener[i].fd, &ev);
	}
}

static void
accept_all(struct httpd_loop *l, const struct httpd_listener *from)
{
	for (int i = 0; i < ACCEPT_TURN; i++) {
		int fd = accept4(from->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			hand_over(l, fd, from);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS) {
			httpd_add(&l->stats.refused, 1);
			watch_listeners(l, 0);	/* until the next tick */
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
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
		watch_listeners(l, EPOLLIN);
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
			accept_all(l, &s->listener[i]);
			return;
		}
	if (c->state == CONN_DEAD)
		return;
	if ((ev->events & (EPOLLIN | EPOLLRDHUP)) != 0)
		c->readable = true;
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
		run_grown(l);
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
