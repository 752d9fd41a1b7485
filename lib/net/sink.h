/*
 * sink.h - where what a packager makes goes: a directory, PUT to a server, or S3.
 *
 * Objects are queued and delivered in an order that a reader can rely on: an
 * object of one level starts when all of the lower levels, in its batch and the
 * batches before it, have ended.  So a playlist appears after what it names.  A
 * version of an object that was not begun when a newer one is ready is left out,
 * and no more than the oldest and the newest of it wait.
 *
 * An object may grow: it is opened, appended to, and closed.  A server gets one PUT
 * with chunked transfer, and each append as one chunk of it; in a directory the file
 * grows under its final name, which the one before it has lost by then.  What is of a
 * higher level waits until all that was appended is written to the socket, not for
 * the end: the server has to hold who asks for bytes that are still on their way.
 * SINK_RECORD waits for the answers of those that are closed.
 *
 * A directory gets each object by rename(2).  A server or S3 gets it by PUT on
 * connections that are kept; whatever fails is tried again with growing pauses
 * (250 ms to 8 s), everything else meanwhile waits.  An object that grows is then sent
 * from its beginning.  What waits is bounded in
 * bytes and time: beyond that the oldest media is dropped, and its name can be
 * asked for.  With it goes all text that waits behind it, which may speak of it:
 * the caller makes that anew.  Headers are never dropped.
 *
 * Spec     RFC 9110 PUT, DELETE; RFC 6750 bearer token.
 * Shape    URL: a path, file://, http(s):// or s3:// (s3addr.h), with or without
 *          the last slash.
 *          Names are relative, like v1/12.m4s.
 * Memory   sink_put() and sink_append() take the memory, whatever they return.
 * Threads  One sink belongs to one thread.
 * Errors   Negative errno values; nothing is printed: see struct sink_stats.
 */
#ifndef SINK_H
#define SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sink;

#define SINK_NAME_MAX	64
#define SINK_PIECES	32

enum sink_level {
	SINK_HEADER, SINK_MEDIA, SINK_STATE, SINK_PLAYLIST, SINK_INDEX,
	SINK_RECORD, SINK_DELETE
};

struct sink_config {
	const char *token;		/* bearer token, or NULL; copied */
	size_t	 max_bytes;		/* that may wait; 0: no limit */
	int64_t	 max_age_ns;		/* of media that waits; 0: no limit */
	bool	 patient;		/* never drop: the caller looks at sink_full() */
	unsigned connections;		/* at a time; 0: 4; objects that grow have more */
	/* An object has been delivered, or arg NULL. */
	void	(*done)(void *arg, const char *name, uint64_t tag);
	void	*arg;
};

struct sink_object {
	char	 name[SINK_NAME_MAX];
	const char *content_type;	/* a constant */
	enum sink_level level;
	unsigned niov;
	struct iovec iov[SINK_PIECES];
	void	*own[2];		/* free(3) when done */
	uint64_t tag;			/* for done() */
};

#define SINK_TIMES	1024

struct sink_stats {
	uint64_t delivered, bytes;	/* objects, and their bytes */
	uint64_t deleted, retried, dropped, dropped_bytes;
	size_t	 queued, queued_bytes;
	int64_t	 oldest_ns;		/* CLOCK_MONOTONIC of the oldest that waits */
	int64_t	 failing_ns;		/* since when nothing is taken; 0: all is well */
	bool	 refused;		/* by 4xx, and nothing was ever taken */
	char	 reason[256];		/* of the last failure */
	uint64_t appended;		/* pieces that have been written */
	uint32_t us[SINK_TIMES];	/* the last of them: since when it was wanted */
};

int sink_new(struct sink **sink, const char *url, const struct sink_config *c);
void sink_free(struct sink *s);		/* what waits is lost */

int sink_put(struct sink *s, const struct sink_object *o);
int sink_put_text(struct sink *s, const char *name, const char *content_type,
    enum sink_level level, char *text, size_t len);
int sink_delete(struct sink *s, const char *name);

/*
 * An object that grows, SINK_MEDIA.  A piece that took since_ns (CLOCK_MONOTONIC)
 * to be written is counted in struct sink_stats.  After sink_close() it is not to be
 * used any more.  One that was dropped takes pieces still, for nothing.
 */
struct sink_item;
int sink_open(struct sink *s, const char *name, const char *content_type,
    struct sink_item **item);
int sink_append(struct sink *s, struct sink_item *i, uint8_t *p, size_t len,
    int64_t since_ns);
void sink_close(struct sink *s, struct sink_item *i);

/* Does the server say that it holds requests of low-latency HLS?  It is asked once. */
bool sink_blocks(struct sink *s);

void sink_batch(struct sink *s);	/* what follows is a later batch */

/*
 * Read an object back, waiting up to 3 s.  0 and gives *data, or -ENOENT, -EACCES
 * (the server will not give it), or what may be better another time.  The reason
 * is in struct sink_stats.
 */
int sink_get(struct sink *s, const char *name, char **data, size_t *len);

/*
 * Deliver until fd (-1: none) can be read, or CLOCK_MONOTONIC is until_ns, or, with
 * fd -1, nothing waits any more.  Returns 1 (fd), 0, or -EINTR after a stop.
 */
int sink_run(struct sink *s, int fd, int64_t until_ns);

bool sink_full(const struct sink *s);
bool sink_busy(const struct sink *s);	/* something waits or is on its way */

/* The name of the next media object that was dropped, or false. */
bool sink_dropped(struct sink *s, char name[static SINK_NAME_MAX]);

const struct sink_stats *sink_stats(const struct sink *s);

#endif
