/*
 * pushurl.h - the address of a target: rtmp://host[:port]/app/key?keys
 *
 * The last part of the path is the stream key, unless the key key-file names a file that
 * has it; what is before it is the app.  Keys that are not ours belong to the server and go
 * to it behind the stream key, as they are.
 *
 * Memory   One struct with fixed buffers; nothing allocates.
 * Errors   -EINVAL, and why says in words what is wrong, without the stream key.
 */
#ifndef ENCODE_PUSHURL_H
#define ENCODE_PUSHURL_H

#include <stdbool.h>
#include <stdint.h>

#include "encode/pushfeed.h"
#include "lib/base/why.h"
#include "lib/net/rtmp.h"

#define PUSHURL_RETRY_EVER	UINT64_MAX

struct pushurl {
	bool	 tls;
	uint16_t port;
	char	 host[256], app[RTMP_NAME], stream[RTMP_NAME], tc_url[RTMP_NAME];
	char	 name[RTMP_NAME];	/* for messages and statistics: without the key */
	/* by keys, or what they were before: */
	uint16_t program;
	struct pushaudio audio;
	int64_t	 cache_ns, timeout_ns;
	uint64_t retry;			/* failures in a row; PUSHURL_RETRY_EVER */
};

/* Values of the keys are preset by the caller. */
int pushurl_parse(struct pushurl *u, const char *text, char why[static WHY_ROOM]);

/*
 * Another server to go to, as one asks for by a Reconnect Request: an absolute tcUrl or
 * one relative to ours; its app replaces ours.  -EINVAL: it is none, or would have the
 * stream key sent in the clear where it was not before.
 */
int pushurl_redirect(struct pushurl *u, const char *tc_url, char why[static WHY_ROOM]);

/* What a server says may have the stream key in it: * in its place. */
void pushurl_hide(const struct pushurl *u, char *text);

/* 500ms..1h, and so on: for the options of the same names.  0 or -EINVAL. */
int pushurl_duration(const char *text, int64_t lo_ns, int64_t hi_ns, int64_t *out);

#define PUSHURL_CACHE_MIN	(INT64_C(500) * 1000000)
#define PUSHURL_CACHE_MAX	(INT64_C(3600) * 1000000000)

#endif
