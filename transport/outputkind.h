/*
 * outputkind.h - the kinds of outputs (output.h), and what they share.
 *
 * A kind opens itself from an address: it sets ops, state and fd of the output, and
 * takes those keys of the address that it knows.  What it has opened when it fails is
 * closed by its close().
 *
 * Shape    send() moves place on, up to due, and counts each datagram that it passes
 *          as sent, failed or skipped (output_skip()); it does not wait.  When it
 *          could not take all it calls output_block(), and is called again once fd can
 *          be written to.
 * Errors   As output_open().
 */
#ifndef OUTPUTKIND_H
#define OUTPUTKIND_H

#include <jansson.h>

#include "lib/base/url.h"
#include "transport/output.h"

struct output_ops {
	bool	 tells_time;		/* to its peers: it may send a little later */
	void (*send)(struct output *o, const struct fan *f, int64_t now_ns);
	void (*close)(struct output *o);	/* frees its state */
	/* What this kind counts besides; its peers, as a list of objects; may be NULL. */
	void (*numbers)(const struct output *o, struct numbers *all);
	json_t *(*peers)(const struct output *o);
	/* Read again who may come in; and put one out: how many went.  May be NULL. */
	int (*reload)(struct output *o, char why[static UDP_WHY]);
	unsigned (*revoke)(struct output *o, const char *name, bool *known);
	/* Until when it is still busy with what it was given; may be NULL: it is not. */
	int64_t (*busy_ns)(const struct output *o, int64_t now_ns);
	/* As output_leave(); may be NULL: close() does not wait. */
	bool (*leave)(struct output *o);
};

int output_open_udp(struct output *o, struct url *url, char why[static UDP_WHY]);
int output_open_srt(struct output *o, struct url *url, char why[static UDP_WHY]);
int output_open_pipe(struct output *o, struct url *url, char why[static UDP_WHY]);
int output_open_rist(struct output *o, struct url *url, char why[static UDP_WHY]);

/* All that is due is not for this output now. */
void output_skip(struct output *o, const struct fan *f);

void output_block(struct output *o, int64_t now_ns);

#endif
