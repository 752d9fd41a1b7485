/*
 * httpd.h - the core of our HTTP servers: event loops and their connections.
 *
 * Shape    httpd_start() runs a few loops, each a thread with an epoll of its
 *          own.  A connection stays on one loop.  The application gets requests
 *          by callbacks on that loop, and answers there and then or later.
 * Waiting  A reply may follow an object that grows: it sends what is there and
 *          goes on when httpd_grew() says that there is more, or its end.
 * Versions HTTP/1.1 and 1.0; HTTP/2 by the choice of a peer in TLS, or by its
 *          preface where there is none.  A stream of HTTP/2 is a struct
 *          httpd_conn like any other.
 * Limits   Every state a peer can keep a connection in has a time limit; a
 *          reader has to take min_progress bytes in each send_ns.
 * Units    ns on CLOCK_MONOTONIC; bytes.
 * Threads  Callbacks and functions with a connection or loop: only on the
 *          thread of that loop.  httpd_post() and httpd_grew(): any.
 * Errors   Negative errno where something can fail.
 */
#ifndef HTTPD_H
#define HTTPD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/net/h1.h"
#include "lib/net/http.h"
#include "lib/net/link.h"
#include "lib/net/object.h"
#include "lib/net/wire.h"

#define HTTPD_LOOPS_MAX	32
#define HTTPD_LISTEN_MAX 16
#define HTTPD_PEER	64		/* text of an address */

struct httpd;
struct httpd_loop;
struct httpd_conn;
struct tls;
struct h2;
struct ssl_st;

/* How bytes get to and from a peer: a socket, or TLS on one. */
struct httpd_io {
	ssize_t (*recv)(struct httpd_conn *c, void *buf, size_t len);
	ssize_t (*sendv)(struct httpd_conn *c, const struct iovec *iov, int n,
	    bool more);
	ssize_t (*sendfile)(struct httpd_conn *c, int from, uint64_t pos, size_t len);
	void (*finish)(struct httpd_conn *c);	/* no more is sent */
};
extern const struct httpd_io httpd_io_socket;

/* Has one writer, so a plain load and store do. */
typedef _Atomic uint64_t httpd_count;
static inline void
httpd_add(httpd_count *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
	    memory_order_relaxed);
}

#define HTTPD_BUCKETS	8
extern const int64_t httpd_bucket_ns[HTTPD_BUCKETS];

struct httpd_times {		/* a histogram */
	httpd_count bucket[HTTPD_BUCKETS];
	httpd_count sum_ns, count;
};

struct httpd_stats {
	httpd_count accepted, closed;
	httpd_count refused;		/* over the limit of connections */
	httpd_count timeout;		/* too slow: closed by us */
	httpd_count aborted;		/* replies that did not reach their end */
	httpd_count requests[H1_OTHER + 1];
	httpd_count protocol[2];	/* requests by HTTP/1 and HTTP/2 */
	httpd_count tls_done, tls_resumed, tls_failed;	/* handshakes */
	httpd_count h2_streams;
	httpd_count h2_abused;		/* connections ended because of it */
	httpd_count status[6];		/* by hundreds */
	httpd_count bytes_in;		/* of bodies */
	httpd_count bytes_out;		/* of heads and bodies */
	struct httpd_times total, turnaround;
};

struct httpd_listener {
	int	  kind;			/* to tell them apart; 0: the one that counts */
	int	  fd;
	bool	  loopback;
	bool	  tls;
	void	 *user;
	char	  name[HTTPD_PEER];	/* "127.0.0.1:8080" */
};

struct httpd_app {
	/*
	 * A request has come; r is good until the callback returns.  Answer by
	 * httpd_reply(), or ask for its body by httpd_take_body(), or
	 * do either later: then nothing more is read from this peer.
	 */
	void (*request)(struct httpd_conn *c, const struct h1_request *r);
	/* A piece of the body; may reply, which ends the exchange. */
	void (*body)(struct httpd_conn *c, const void *data, size_t len);
	void (*body_end)(struct httpd_conn *c);
	/* Once for each request: the exchange is over, or broken off (!clean). */
	void (*done)(struct httpd_conn *c, bool clean);
	/* About once a second, and when a loop starts (first) and ends (last). */
	void (*tick)(struct httpd_loop *l, bool first, bool last);
};

struct httpd_config {
	unsigned threads;
	unsigned max_conns;
	int64_t	 head_ns;	/* for a whole request head */
	int64_t	 idle_ns;	/* between requests */
	int64_t	 body_ns;	/* between pieces of a body */
	int64_t	 send_ns;	/* for min_progress bytes of a reply */
	int64_t	 grace_ns;	/* to finish, after a stop */
	uint64_t min_progress;
};

enum httpd_timer { HTTPD_HEAD, HTTPD_IDLE, HTTPD_BODY, HTTPD_SEND, HTTPD_LINGER,
	HTTPD_TIMERS };

/* Runs on the loop that it is posted to. */
struct httpd_msg {
	struct httpd_msg *next;
	void (*run)(struct httpd_loop *l, struct httpd_msg *m);
};

struct httpd_loop {
	struct httpd *server;
	unsigned index;
	int	 epoll, wake;			/* wake: an eventfd */
	int64_t	 now_ns;
	int64_t	 date_s, tick_ns, stop_ns;
	char	 date[HTTP_DATE];
	struct link timer[HTTPD_TIMERS];	/* each in order of time */
	struct link all, run, dead, grown;
	atomic_uint conns;
	pthread_mutex_t lock;
	struct httpd_msg *inbox, **inbox_end;	/* under lock */
	char	*buf;
	char	*head;				/* where replies are put together */
	char	*batch;				/* and frames, or bytes of a file for TLS */
	struct h1_request req;
	struct httpd_stats stats, other_stats;	/* of listeners of kind 0, of others */
	pthread_t thread;
	void	*user;
};

struct httpd {
	struct httpd_config config;
	const struct httpd_app *app;
	void	*user;
	struct budget memory;		/* of objects, and of requests that wait; the
					 * caller sets its limit */
	atomic_bool stopping;
	unsigned nlisten;
	struct httpd_listener listener[HTTPD_LISTEN_MAX];
	struct tls *tls;		/* the caller's; NULL: no listener has it */
	struct httpd_loop *loop;		/* config.threads of them */
};

enum httpd_state { CONN_HANDSHAKE, CONN_H2, CONN_HEAD, CONN_BODY, CONN_BUSY,
	CONN_REPLY, CONN_LINGER, CONN_DEAD };

/* A connection, or one stream of a connection of HTTP/2: then fd is -1. */
struct httpd_conn {
	int	 fd;
	bool	 tls;
	unsigned http;			/* version: 10, 11 or 20 */
	const struct httpd_io *io;
	struct httpd_loop *loop;
	const struct httpd_listener *listener;
	struct httpd_stats *stats;
	enum httpd_state state;
	enum httpd_timer timer;
	unsigned holds;
	bool	 readable, ended, broken;
	bool	 in_exchange, keep_alive, head_only, body_unread, expect_continue;
	bool	 chunked_in, chunked_out, in_ready;
	bool	 used;			/* it has begun to speak */
	struct ssl_st *ssl;
	bool	 more_follows, drained;	/* tls.c: of what is sent, of the socket */
	struct h2 *h2;			/* its own, or that of the stream */
	int32_t	 stream;		/* 0: a connection */
	bool	 in_end, gone;		/* of a stream: no more comes; it is closed */
	bool	 prioritised;		/* its peer has said how urgent it is */
	int	 minor;
	enum h1_method method;
	struct link all_link, timer_link, run_link, wait_link;
	int64_t	 deadline_ns;

	char	*in;			/* received, not used yet */
	size_t	 in_len, scanned;
	uint64_t body_left;
	struct h1_chunked chunked;

	char	*out;			/* a reply's head that did not go at once */
	size_t	 out_len, out_pos;
	char	 frame[24];		/* around the chunk being sent */
	unsigned frame_len, frame_pos;
	const uint8_t *mem;		/* rest of a body in memory */
	size_t	 mem_len;
	struct object *object;
	uint64_t pos, end;		/* in object; end UINT64_MAX: as it grows */
	struct wire *wire;		/* of object: pos is a place in that */
	uint64_t chunk_left, progress;

	/* For the application, in done(). */
	void	*user;
	int	 status;
	uint64_t bytes_in, bytes_out;
	int64_t	 start_ns, first_ns, end_ns;	/* request, first byte, last byte */
	struct sockaddr_storage peer;
};

/*
 * Listen on "host:port", ":port" or "port", with http:// before it or, for TLS,
 * https://.  Returns the listener (borrowed from the server) in *out; -EINVAL
 * when text is no address.
 */
int httpd_listen(struct httpd *s, const char *text, int kind,
    struct httpd_listener **out);

/* Start the loops. */
int httpd_start(struct httpd *s, const struct httpd_config *config,
    const struct httpd_app *app);

/* Stop listening, finish what is being answered, and wait for the loops' end. */
void httpd_stop(struct httpd *s);

/* What to answer: status, then field lines, then a body of one of three kinds. */
struct httpd_reply {
	int	 status;
	const char *head;	/* more field lines, each with CRLF, or NULL */
	size_t	 head_len;
	const char *head2;	/* and more */
	size_t	 head2_len;
	struct object *object;	/* taken; also keeps mem alive */
	const void *mem;	/* a body in memory, or: */
	size_t	 mem_len;
	bool	 from_object;	/* bytes first to end of object */
	uint64_t first, end;
	bool	 follow;	/* as object grows, until end or its end */
	bool	 sized;		/* and it will grow that far: with a Content-Length */
	bool	 close;
};

void httpd_reply(struct httpd_conn *c, struct httpd_reply *reply);

/* A reply of one line of text: the reason, and more about it. */
void httpd_reply_text(struct httpd_conn *c, int status, const char *head,
    const char *text);

/* Ask for the body, by body() and body_end(). */
void httpd_take_body(struct httpd_conn *c);

/* In body(): has the writer announced that more follows this piece at once? */
bool httpd_more_soon(const struct httpd_conn *c);

/* Break off: the peer sees a reset. */
void httpd_abort(struct httpd_conn *c);

/*
 * Keep c valid while something works for it elsewhere.  httpd_release() tells
 * whether the connection still lives; if not, c is gone.
 */
void httpd_hold(struct httpd_conn *c);
bool httpd_release(struct httpd_conn *c);

/* Run m on a loop, soon. */
void httpd_post(struct httpd_loop *l, struct httpd_msg *m);

/*
 * More of o is there, or its end: wake those that follow it, on every loop.
 * more_soon: in a moment, unless still more comes before, to wake them once.
 */
void httpd_grew(struct httpd_loop *current, struct object *o, bool more_soon);

/* Make an object that can be followed.  0 or -ENOMEM. */
int httpd_can_grow(struct httpd *s, struct object *o);

/* "192.0.2.1" or "2001:db8::1" or "unix". */
void httpd_peer(const struct httpd_conn *c, char buf[static HTTPD_PEER]);

#endif
