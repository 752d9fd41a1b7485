/*
 * srtgate.h - who may come in to a listener of SRT.
 *
 * Spec     The codes of libsrt's access_control.h.
 * Shape    Decides in the handshake, so that who may not come in never has a socket.
 * Units    ns on CLOCK_MONOTONIC; bits per second.
 * Memory   srtgate_new() gives; free it after its listener is closed.
 * Threads  srtgate_hook() is called by those of libsrt, the others by ours.
 * Errors   Negative errno with a reason as text.
 */
#ifndef SRTGATE_H
#define SRTGATE_H

#include <stdbool.h>
#include <stdint.h>

#include <srt/access_control.h>
#include <srt/srt.h>

#include "lib/net/udp.h"

#define SRTGATE_NAME	65

struct srtgate;

/*
 * room: callers at a time; 1: another one comes in only when that which is there has
 * sent, and then nothing for a second.  grants: the path of a file (grants.h), or "".
 */
int srtgate_new(struct srtgate **g, unsigned room, const char *grants,
    char why[static UDP_WHY]);
void srtgate_free(struct srtgate *g);

/* How many there are, and when the one that sends was last heard; 0: not yet. */
void srtgate_tell(struct srtgate *g, unsigned callers, int64_t heard_ns);

/* By which grant a socket came in. */
struct srtgate_guest {
	char	 name[SRTGATE_NAME];	/* "": by none, since none is needed */
	uint64_t serial;
	uint64_t max_bps;		/* 0: no ceiling */
};
void srtgate_guest(struct srtgate *g, SRTSOCKET sock, struct srtgate_guest *guest);

/* Does the grant still hold, as it was? */
bool srtgate_holds(struct srtgate *g, const struct srtgate_guest *guest);

/* Read the file again.  What was read before stays when that fails. */
int srtgate_reload(struct srtgate *g, char why[static UDP_WHY]);

/* No longer this one.  Is there one of that name? */
bool srtgate_revoke(struct srtgate *g, const char *name);

/* Not let in again before that time. */
void srtgate_bar(struct srtgate *g, const struct srtgate_guest *guest, int64_t until_ns);

/* It was accepted. */
void srtgate_came(struct srtgate *g, SRTSOCKET sock);

uint64_t srtgate_refused(struct srtgate *g);

/*
 * A warning of who was refused since, at most each ten seconds.  All who were accepted
 * have come.
 */
void srtgate_say(struct srtgate *g, const char *address, int64_t now_ns);

/* For srt_listen_callback(). */
int srtgate_hook(void *gate, SRTSOCKET sock, int version, const struct sockaddr *peer,
    const char *streamid);

#endif
