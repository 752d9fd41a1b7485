/*
 * edge.h - what stands between an origin and its viewers: the text of the
 * configurations of a cache, and of what ends TLS before it.
 *
 * Spec     VCL 4.1 of Varnish 7.1; haproxy 2.6; hitch 1.7, PROXY protocol 2.
 * Shape    Options in, text out; nothing here opens a connection.  Whoever fills
 *          struct edge has checked that no string in it ends the quotes or the
 *          line where it will stand: see edge_word().
 * Units    Times in milliseconds, sizes in bytes.
 * Memory   The struct borrows its strings.
 * Errors   edge_token*(): negative errno.
 */
#ifndef EDGE_H
#define EDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/text.h"

#define EDGE_ORIGINS	8
#define EDGE_LISTS	16
#define EDGE_KEY_MIN	16		/* characters of a key for tokens */
#define EDGE_KEY_MAX	256

struct edge_origin {
	const char *text;		/* as it was given */
	char	 host[256];
	uint16_t port;
};

struct edge {
	struct edge_origin origin[EDGE_ORIGINS];
	unsigned norigin;
	const char *query[EDGE_LISTS];	/* parameters that are kept, sorted */
	unsigned nquery;
	const char *purge[EDGE_LISTS];	/* "address" or "address/bits" */
	unsigned npurge;
	const char *key[2];		/* files, absolute */
	unsigned nkey;
	bool	 balance;
	bool	 origin_auth;		/* the origin checks who reads */
	const char *probe;		/* path, NULL: none */
	const char *listen, *proxy;	/* addresses as given */
	const char *cert;
	uint64_t storage;
	uint64_t floor_ms;		/* of live playlists and media */
	uint64_t ceiling_ms;		/* of media */
	uint64_t missing_ms;		/* of errors, at most */
	uint64_t grace_ms;
	uint64_t held_ms;		/* longer than an origin holds a request */
};

void edge_vcl(const struct edge *e, struct text *t);
void edge_haproxy(const struct edge *e, struct text *t);
void edge_hitch(const struct edge *e, struct text *t);

/* Can it stand in any of these texts, as a word?  Printable, no blank, no quote. */
bool edge_word(const char *s);

/* The key in a file: its first line.  -EINVAL: too short, too long, not printable. */
int edge_token_key(const char *file, char key[static EDGE_KEY_MAX + 1]);

/* Add the token by which whoever has it may read what begins with prefix. */
int edge_token(const char *key, const char *prefix, int64_t until_s, struct text *t);

#endif
