/*
 * archget.h - the bytes of archived objects, from S3 to the peer that asks.
 *
 * Shape    One thread has all requests to the bucket that are under way.  What it
 *          gets goes into a memory file that the reply follows as it follows any
 *          object that grows; what the peer has taken is given back, and while
 *          ARCHGET_WINDOW of it waits for the peer, S3 is held back.  The status is
 *          sent when S3 has begun to answer: before, failure is 503.
 * Limits   ARCHGET_MAX at once, each with its window of the server's memory.
 * Threads  archget_reply() and archget_cancel(): the loop of the connection.
 * Errors   Negative errno; of a peer's request, the answer is 503 or 500.
 */
#ifndef ARCHGET_H
#define ARCHGET_H

#include <pthread.h>

#include "lib/net/httpd.h"
#include "origin/archive.h"

#define ARCHGET_MAX	1000
#define ARCHGET_WINDOW	(2u << 20)
#define ARCHGET_FIRST_NS (5 * CLK_SECOND)	/* until S3 has begun to answer */

struct fetched;			/* one reply */
struct s3;

struct archget {
	struct archive *archive;	/* NULL: not started */
	struct httpd *httpd;
	struct s3 *s3;
	pthread_mutex_t lock;
	struct fetched *incoming, *all;	/* under lock; the thread's */
	int	 wake;			/* eventfd */
	atomic_bool stop;
	atomic_uint count;
	_Atomic uint64_t failed;
	int64_t	 said_ns;		/* when the thread told of a failure last */
	pthread_t thread;
};

/* Nothing, when the archive is not S3. */
int archget_start(struct archget *g, struct archive *a, struct httpd *httpd);
void archget_stop(struct archget *g);

/*
 * Answer with the reply, whose object is a stub, and whose bytes are those from first
 * to end of what it stands for.  Takes the object, copies the rest.  *out, if not
 * NULL then, is for archget_cancel() when the exchange is over.
 */
int archget_reply(struct archget *g, struct httpd_conn *c, struct httpd_reply *r,
    struct fetched **out);
void archget_cancel(struct fetched **f);

#endif
