/*
 * hlsload.h - load what a media playlist names: segments, maps and keys.
 *
 * Maps and keys are loaded once in a period and kept while they may be used again:
 * a server that was started anew may have others of the same name.  What is
 * encrypted by AES-128 is decrypted in place.
 *
 * Spec     RFC 8216 and draft-pantos-hls-rfc8216bis: 4.4.4.4 and 5.2 (keys, IV),
 *          4.4.4.5 (maps).
 * Memory   hlsload_init() gives nothing but what hlsload_clear() takes back.  An
 *          item is borrowed until hlsload_done().
 * Errors   -EBADMSG.  What can never work ends the tool with fatal(): an address
 *          that is none or not allowed, a kind of encryption that is not ours.
 */
#ifndef INGEST_HLSLOAD_H
#define INGEST_HLSLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/media/hls.h"
#include "lib/net/fetch.h"

#define HLSLOAD_AHEAD	12		/* segments at once, each with at most a key, */
#define HLSLOAD_ITEMS	(4 * HLSLOAD_AHEAD)	/* a map and the key of the map */

/* A map or key. */
struct hlsload_item {
	char	*url;			/* NULL: the place is free */
	struct hls_range range;
	int64_t	 period;
	unsigned id, used;		/* segments that wait for it or need it */
	struct fetch_job *job;
	struct hlsload_item *key;	/* of an encrypted map */
	uint8_t	 iv[16];
	bool	 is_key, ready, failed;
	int	 error;			/* when failed: of the fetch, or -EBADMSG */
};

struct hlsload {
	struct fetch *f;
	const char *name;		/* of the source, for messages */
	char	*base;			/* address of the playlist, after redirects */
	bool	 allow_file;
	bool	 live;			/* what is late is of no use */
	int64_t	 target_ns;
	uint64_t *retries;		/* counted */
	unsigned ids;
	struct hlsload_item item[HLSLOAD_ITEMS];
};

void hlsload_init(struct hlsload *l, struct fetch *f, const char *name, const char *url,
    uint64_t *retries);
void hlsload_clear(struct hlsload *l);

/* What the playlist says is found relative to this. */
void hlsload_set_base(struct hlsload *l, const char *url);

struct fetch_job *hlsload_start(const struct hlsload *l, const char *uri,
    struct hls_range range, size_t limit);

/* A key, or the map of a segment. */
struct hlsload_item *hlsload_key(struct hlsload *l, const struct hls_key *key,
    int64_t period);
struct hlsload_item *hlsload_map(struct hlsload *l, const struct hls *list,
    const struct hls_segment *segment, int64_t period);
void hlsload_done(struct hlsload_item *item);	/* NULL is fine */

/* Finish what has been loaded. */
void hlsload_tend(struct hlsload *l);

/* Is it no longer waited for? */
bool hlsload_settled(const struct hlsload_item *item);

/* The IV of a segment. */
void hlsload_iv(const struct hls_key *key, int64_t number, uint8_t iv[static 16]);

/* In place: the new length, or -EBADMSG. */
int64_t hlsload_decrypt(uint8_t *data, size_t len, const struct hlsload_item *key,
    const uint8_t iv[static 16]);

#endif
