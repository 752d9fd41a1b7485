/*
 * livepriv.h - what live.c, livehint.c, livewait.c and livetick.c share: private to
 * live.
 */
#ifndef LIVEPRIV_H
#define LIVEPRIV_H

#include "origin/live.h"
#include "origin/livenote.h"
#include "origin/liveranges.h"
#include "origin/serve.h"

#define LIVE_FIELDS	7		/* of struct asked */

/* A path that someone waits at, or that a playlist promises. */
struct spot {
	struct link link, held;
	struct live_ranges *ranges;	/* of a playlist */
	int64_t	 used_ns;
	int64_t	 hint_ns;		/* it is promised until then; 0: it is not; of a
					 * folder: something in it is */
	int64_t	 part_ns;		/* of a folder: the next promise comes so soon */
	bool	 hint_whole;		/* and of use only as a whole */
	char	*hints[HLSLOW_HINTS];	/* paths that a playlist here promises */
	char	 path[];
};

/* A request that waits. */
struct held {
	struct link link;		/* in its spot, or in a batch */
	struct live *live;
	struct spot *spot;		/* NULL: its wait is over */
	struct httpd_conn *conn;	/* held */
	struct hlslow_ask ask;		/* of a playlist: segment >= 0 */
	int64_t	 since_ns, until_ns;	/* of an object: its promise lasts as well */
	int	 status;		/* 0: answer with object */
	struct object *object;
	struct asked asked;
	struct h1_str value[LIVE_FIELDS];
	char	*path;
	char	 text[];		/* path, then the values */
};

/* Those of one loop whose wait is over. */
struct live_batch {
	struct httpd_msg msg;
	struct link list;
};

/* ---- livewait.c: under the lock */

/* NULL: there is none, or with make no memory. */
struct spot *live_find_spot(struct live *v, const char *path, bool make);
void live_free_spot(struct live *v, struct spot *s);

/* Is o what h waits for?  Sets *status. */
bool live_is_over(const struct held *h, struct object *o, int *status);

/* Its wait is over.  batch is one for each loop. */
void live_end_wait(struct held *h, int status, struct object *o,
    struct live_batch **batch);

/* livehint.c: the playlist at s promises other things than before. */
void live_take_hints(struct live *v, struct spot *s, const struct live_note *n,
    int64_t now_ns);

/* ---- and without */

/*
 * livehint.c: is something promised at path, and of use to a reader only as a whole?
 * Gives how long to wait without a promise; -1: not at all.
 */
int64_t live_promised(struct live *v, const char *path, int64_t now_ns, bool *whole);

/* live.c: on its loop, when its wait is over; h is gone then. */
void live_answer(struct held *h);

void live_post(struct live_batch **batch);
void live_on_batch(struct httpd_loop *l, struct httpd_msg *m);

#endif
