/*
 * gate.h - what a request to a container has to pass, and where it is counted.
 *
 * Spec     MediaStore's policies; CORS of the Fetch standard.
 * Shape    gate_enter() finds the container, by the first label of Host or the
 *          first element of the path, and asks its policies.  What they say
 *          stays with the exchange until gate_leave().
 * Memory   One struct for each exchange in a container, of its own policy even
 *          when that is replaced meanwhile.
 * Threads  The loop of the connection.
 * Errors   What refuses has answered; gate_path(): -ENAMETOOLONG.
 */
#ifndef GATE_H
#define GATE_H

#include "origin/container.h"

struct httpd_conn;

struct gate {
	struct container *container;
	struct policy *policy;
	enum iam_verdict verdict;
	unsigned groups;
	bool	 by_host, has_cors;
	int64_t	 birth_ns;		/* of the object, UTC; or 0 */
	uint64_t counted_in;		/* bytes that the counters have already */
	char	 path[HTTP_PATH_MAX];	/* below the container: of the object or folder */
	char	 cors[POLICY_CORS];	/* field lines */
};

/* False: it has been answered. */
bool gate_enter(struct httpd_conn *c, const struct h1_request *r);
void gate_leave(struct httpd_conn *c);

/*
 * A request that writes also what is at path, in the root: what gate_allows() says
 * then is of all of them.  False: it has been answered.
 */
bool gate_also(struct httpd_conn *c, const struct h1_request *r, const char *path);

/* Of a body that may come for days: count what came. */
void gate_count_in(struct httpd_conn *c);

/* NULL for what is in no container. */
struct gate *gate_of(const struct httpd_conn *c);

/* Were r to list the root of the container of this name: may it? */
bool gate_may_list(struct httpd_conn *c, const struct h1_request *r,
    const char *name);

/* Does a policy say that this may be written? */
bool gate_allows(const struct httpd_conn *c);

/* The path in the root of what a request names; -ENAMETOOLONG. */
int gate_path(const struct httpd_conn *c, char path[static HTTP_PATH_MAX]);

/* The largest object, and whether there are limits at all. */
uint64_t gate_max_object(const struct httpd_conn *c);
bool gate_limited(const struct httpd_conn *c);

/* What the request is about was made then: is it hidden by now? */
bool gate_hides(struct httpd_conn *c, int64_t birth_ns);

/* Field lines for answers that have no object. */
const char *gate_cors(const struct httpd_conn *c);

#endif
