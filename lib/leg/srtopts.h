/*
 * srtopts.h - what an address of SRT asks for.
 *
 *     srt://host:port                   a caller
 *     srt://[address]:port?mode=listener
 *     srt://host:port?mode=rendezvous
 *
 * Spec     The keys have the names of srt-live-transmit(1), and go to the options of
 *          libsrt that its API-socket-options.md describes.
 * Units    Times of keys: milliseconds, or with a unit; what libsrt takes in bytes a
 *          second is so without a unit, and bits a second with one.
 * Memory   No pointers.  The passphrase is in it: srtopts_clear() wipes it.
 * Threads  Pure functions, but for names and files that are looked up.
 * Errors   srtopts_parse(): -EINVAL, or another negative errno, with a reason.
 */
#ifndef SRTOPTS_H
#define SRTOPTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include <srt/srt.h>

#include "lib/base/url.h"
#include "lib/net/udp.h"

#define SRTOPTS_SET	40		/* options of one socket */
#define SRTOPTS_TEXT	512		/* of a stream id or a packet filter */
#define SRTOPTS_SECRET	80		/* of a passphrase */

enum srtopts_mode { SRTOPTS_CALLER, SRTOPTS_LISTENER, SRTOPTS_RENDEZVOUS };

struct srtopts {
	enum srtopts_mode mode;
	bool	 has_local, has_peer;
	struct sockaddr_storage local, peer;
	socklen_t local_len, peer_len;
	unsigned nset;
	struct srtopts_set {
		SRT_SOCKOPT opt;
		int	 size;		/* of value: bool, 4 or 8 bytes */
		int64_t	 value;
	} set[SRTOPTS_SET];
	char	 streamid[SRTOPTS_TEXT + 1], filter[SRTOPTS_TEXT + 1];
	char	 secret[SRTOPTS_SECRET + 1];
	int	 linger_s;		/* -1: not said */
	char	 grants[256];		/* a file, see grants.h; "": none */
};

int srtopts_parse(struct srtopts *o, struct url *url, char why[static UDP_WHY]);
void srtopts_clear(struct srtopts *o);

/* The value that the address gave an option, or what is there without. */
int64_t srtopts_value(const struct srtopts *o, SRT_SOCKOPT opt, int64_t without);

/* All of it to a socket, before it is bound.  0, or -EINVAL with a reason. */
int srtopts_apply(const struct srtopts *o, SRTSOCKET sock, char why[static UDP_WHY]);

#endif
