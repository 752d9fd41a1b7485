/*
 * listing.h - a page of what is in a folder, as ListItems tells it.
 *
 * Shape    One reading of the folder, and of the archive's, of which the first names
 *          behind the token are kept, as a heap: time for all that is there,
 *          memory for a page.  What a lifecycle rule hides is left out, so that a
 *          page may have fewer items than were asked for.
 * Memory   Owns its names and texts, and a reference to the policy: listing_clear().
 * Threads  One at a time.
 * Errors   Negative errno.
 */
#ifndef LISTING_H
#define LISTING_H

#include "lib/net/http.h"
#include "lib/net/pagetoken.h"
#include "origin/policy.h"
#include "origin/store.h"

#define LISTING_ITEMS	1000		/* of a page, at most and by default */

struct listing {
	/* What is asked: */
	unsigned max;
	char	 folder[HTTP_PATH_MAX], after[PAGETOKEN_NAME];
	struct policy *policy;		/* of the container it is in, or NULL */
	char	*denied;		/* names, each terminated, then an empty one; or NULL */
	/* While it is read: */
	unsigned count;
	bool	 more;			/* than a page is there */
	char	*name[LISTING_ITEMS + 1];	/* a heap, the last of them on top */
	int	 dir, archive;
	int64_t	 now_ns;
	/* The answer, JSON: */
	char	*text;
};

int listing_read(struct listing *l, const struct store *s);
void listing_clear(struct listing *l);

#endif
