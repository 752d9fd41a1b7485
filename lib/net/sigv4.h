/*
 * sigv4.h - AWS Signature Version 4: sign requests, and check those of others.
 *
 * Spec     AWS "Signature Version 4 signing process"; S3's "chunked upload"
 *          (STREAMING-AWS4-HMAC-SHA256-PAYLOAD and -TRAILER) for the chain.
 * Shape    A request is views of its method, path and query as they are sent,
 *          and its fields.  The canonical form goes straight into the hash and
 *          is nowhere in memory.  S3 escapes the path once, all other services
 *          twice; a check takes either, as clients differ.
 * Units    Seconds since 1970.
 * Memory   Nothing allocates; views borrow.
 * Threads  Pure functions.
 * Errors   -EINVAL: no proper signature or too many parts; -ENOENT: not signed;
 *          -EACCES: does not match; -ETIME: too old or too new; -ENOSPC.
 */
#ifndef SIGV4_H
#define SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/net/h1.h"

#define SIGV4_HEX	65		/* a SHA-256 in hexadecimal, terminated */
#define SIGV4_DATE	17		/* 20150830T123600Z */
#define SIGV4_NAME	64		/* of a region or a service */
#define SIGV4_ID	129		/* of a key */
#define SIGV4_FIELDS	64		/* that can be signed; and query parameters */
#define SIGV4_SKEW_S	900		/* of two clocks */

#define SIGV4_UNSIGNED	"UNSIGNED-PAYLOAD"
#define SIGV4_CHUNKS	"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

struct sigv4_key {
	const char *id, *secret;
	const char *token;		/* of a session, or NULL */
};

struct sigv4_scope {
	char date[SIGV4_DATE];		/* with its time */
	char region[SIGV4_NAME], service[SIGV4_NAME];
};

struct sigv4_request {
	struct h1_str method, path, query;	/* escaped, as sent; query without ? */
	const struct h1_field *field;
	unsigned nfield;
	struct h1_str payload;		/* x-amz-content-sha256's value; empty: that
					 * of the field, or of no body at all */
};

/* The request that came; its payload is what its own fields say. */
struct sigv4_request sigv4_received(const struct h1_request *r);

int64_t sigv4_time(const char *date);		/* or -EINVAL */
void sigv4_date(int64_t s, char date[static SIGV4_DATE]);
void sigv4_sha256(const void *data, size_t len, char hex[static SIGV4_HEX]);

/*
 * Sign all fields of r, which must have host, x-amz-date and, with a token,
 * x-amz-security-token.  Gives the value of Authorization; its last SIGV4_HEX - 1
 * bytes are the signature.
 */
int sigv4_sign(const struct sigv4_key *key, const struct sigv4_scope *scope,
    const struct sigv4_request *r, char *out, size_t size);

/*
 * The query (r's own parameters first) of an address that anyone may use for
 * expires_s; r's fields are signed, host among them, and have to be sent.
 */
int sigv4_presign(const struct sigv4_key *key, const struct sigv4_scope *scope,
    unsigned expires_s, const struct sigv4_request *r, char *out, size_t size);

/* The signature that came with a request. */
struct sigv4_auth {
	bool	 presigned;		/* in the query */
	char	 id[SIGV4_ID];
	struct sigv4_scope scope;
	int64_t	 time_s;
	unsigned expires_s;		/* presigned; else 0 */
	struct h1_str fields;		/* names with ; between */
	char	 signature[SIGV4_HEX];
};

/* Find and read it. */
int sigv4_parse(struct sigv4_auth *a, const struct sigv4_request *r);

/* Is it of its time?  0 or -ETIME. */
int sigv4_fresh(const struct sigv4_auth *a, int64_t now_s);

/*
 * Does it match, with the secret of a->id?  host has to be signed, and every
 * x-amz- field that r has.  Takes as long if not.
 */
int sigv4_verify(const struct sigv4_auth *a, const struct sigv4_request *r,
    const char *secret);

/* The signatures of the chunks of a body, each made with the one before. */
struct sigv4_chain {
	uint8_t	 key[32];
	struct sigv4_scope scope;
	char	 last[SIGV4_HEX];
};

void sigv4_chain_begin(struct sigv4_chain *c, const char *secret,
    const struct sigv4_scope *scope, const char signature[static SIGV4_HEX]);

/*
 * The next signature is in c->last then.  hex: the hash of the chunk's data, or
 * with trailer of the trailer fields, each "name:value\n".
 */
void sigv4_chain_next(struct sigv4_chain *c, const char hex[static SIGV4_HEX],
    bool trailer);

/* Both of SIGV4_HEX - 1 bytes; takes as long if they differ. */
bool sigv4_equal(const char *a, const char *b);

#endif
