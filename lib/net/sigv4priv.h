/*
 * sigv4priv.h - what sigv4.c, sigv4form.c and sigv4auth.c share: private to sigv4.
 *
 * Memory   Nothing allocates but a hash; views borrow.
 * Threads  Pure functions.
 */
#ifndef SIGV4PRIV_H
#define SIGV4PRIV_H

#include <string.h>

#include "lib/net/sigv4.h"

#define SIGV4_ALGORITHM	"AWS4-HMAC-SHA256"
#define SIGV4_EMPTY \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_SCOPE	(8 + 2 * SIGV4_NAME + 16)	/* of its text */

static inline struct h1_str
sigv4_str(const char *text)
{
	return (struct h1_str){ text, strlen(text) };
}

static inline bool
sigv4_same(struct h1_str a, struct h1_str b)
{
	return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

/* ---- sigv4form.c: the canonical form */

/* Text that is read byte by byte in its canonical form. */
struct sigv4_escape {
	const char *p, *end;
	bool	 decode;		/* first undo the escapes that are there */
	bool	 keep_slash;
	unsigned nleft;
	char	 left[2];
};

struct sigv4_escape sigv4_escape(struct h1_str s);
int sigv4_escape_next(struct sigv4_escape *e);		/* -1: no more */

/* A parameter of a query. */
struct sigv4_pair {
	struct h1_str key, value;
};

/* The parameters of a query, or -EINVAL. */
int sigv4_split_query(struct h1_str q, struct sigv4_pair pair[static SIGV4_FIELDS]);

/* Is a field of this name, which is in lower case? */
bool sigv4_name_is(struct h1_str field, struct h1_str lower);

/* The next of the names with ; between them. */
bool sigv4_next_name(struct h1_str *list, struct h1_str *name);

/* The value of a field, p NULL: there is none. */
struct h1_str sigv4_find_field(const struct sigv4_request *r, const char *name);

/* What stands for the body. */
struct h1_str sigv4_payload(const struct sigv4_request *r, const char *otherwise);

/*
 * The hash of the canonical request; twice: of a path whose escapes are escaped.
 * 0, -EINVAL or -ENOMEM.
 */
int sigv4_canonical(const struct sigv4_request *r, struct h1_str query,
    struct h1_str names, struct h1_str payload, bool twice,
    char hex[static SIGV4_HEX]);

/* ---- sigv4.c */

/* Of a request whose canonical form has this hash. */
void sigv4_signature(const char *secret, const struct sigv4_scope *s,
    const char request[static SIGV4_HEX], char hex[static SIGV4_HEX]);

#endif
