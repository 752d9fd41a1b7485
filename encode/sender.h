/*
 * sender.h - deliver the pieces of a spool, one after the other, in a thread.
 *
 * What fails is tried again, after 1 s and then twice as long each time up to a
 * minute, for as long as it takes.  After each piece the manifest and the playlist of the
 * newest are written again.
 *
 * Memory   sender_said() gives p->file.
 * Threads  One of its own; the functions are for the one that started it.
 */
#ifndef ENCODE_SENDER_H
#define ENCODE_SENDER_H

#include <pthread.h>
#include <stdatomic.h>

#include "encode/deliver.h"
#include "encode/form.h"
#include "encode/names.h"
#include "encode/naming.h"
#include "encode/spool.h"

struct sender {
	struct spool *spool;
	struct deliver deliver;
	const struct naming *naming;
	const char *place, *show;	/* of messages, of the manifest */
	int64_t	 every_ns;
	uint64_t list, parts;		/* numbers in a part of the manifest; parts there are */
	struct form form;		/* kind and program */
	bool	 unasked;		/* nobody knows its parts yet: they are asked for first */
	atomic_bool ended;		/* set by the caller: the recording is over */
	atomic_bool stop;
	atomic_bool idle;		/* all is delivered, the manifest too */
	atomic_ullong retried, sent;	/* sent: bytes, of all attempts */
	/* private: */
	pthread_t thread;
	pthread_mutex_t lock;
	struct pieces said;		/* for which nobody has asked yet */
	struct names names;		/* of pieces that the spool has forgotten */
	bool	 dirty, failing, ended_put;
};

/*
 * Before it is started: a manifest of the place.  0 and gives *l; -ENOENT there is none,
 * -EBADMSG it is none of ours, or what may be better another time.
 */
int sender_ask(struct sender *s, const char *name, struct manifest *m, struct pieces *l);

/* What index.json says of the parts there are: it goes on with them. */
void sender_know(struct sender *s, const struct manifest *m);

/* deliver, spool, naming, place, show and every_ns are set.  0 or -errno. */
int sender_start(struct sender *s);

/* The next piece that has been delivered, or false. */
bool sender_said(struct sender *s, struct piece *p);

#endif
