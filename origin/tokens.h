/*
 * tokens.h - who may write: bearer tokens, one a line of a file.
 *
 * Spec     RFC 6750 2.1; empty lines and lines that begin with # do not count.
 * Threads  Any; tokens_load() also while others match.
 * Errors   Negative errno; -ENODATA for a file without a token.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <pthread.h>
#include <stdbool.h>

#include "lib/net/h1.h"

#define TOKENS_MAX	64
#define TOKEN_MAX	256

struct tokens {
	pthread_rwlock_t lock;
	const char *file;	/* NULL: none are needed */
	unsigned count;
	unsigned char token[TOKENS_MAX][TOKEN_MAX];	/* zeros behind each */
};

void tokens_init(struct tokens *t, const char *file);

/* Read the file, again; on an error those known before stay. */
int tokens_load(struct tokens *t);

static inline bool
tokens_required(const struct tokens *t)
{
	return t->file != NULL;
}

/* Is the value of Authorization one of them?  Takes as long if not. */
bool tokens_match(struct tokens *t, struct h1_str authorization);

#endif
