/*
 * policy.h - all that is said about a container: one JSON document.
 *
 * Spec     MediaStore's Policy (IAM), CorsPolicy, LifecyclePolicy and
 *          MetricPolicy, and Limits of ours; see mstore-policy(5).
 * Shape    The text is parsed wholly, or refused with a reason.  A policy is
 *          immutable and counted by references; a change makes a new one.
 * Units    Bytes; ns; UTC where a time of day.
 * Memory   policy_parse() gives.  Counters are shared with the policy that was
 *          before, so that a change does not set them back.
 * Threads  Any, once parsed.
 * Errors   -EINVAL with a reason, -ENOMEM.
 */
#ifndef POLICY_H
#define POLICY_H

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/net/h1.h"
#include "origin/iam.h"

#define POLICY_TEXT_MAX	(256 * 1024)	/* of a document */
#define POLICY_RULES	10		/* of a lifecycle */
#define POLICY_PATHS	10		/* of each of them */
#define POLICY_GROUPS	5
#define POLICY_NEVER	INT64_MAX
#define POLICY_CORS	1024		/* field lines */
#define POLICY_CORS_TEXT 600		/* of the names in one rule */
#define POLICY_ORIGIN	200

enum { GROUP_ALL = POLICY_GROUPS, GROUP_COUNT };

/* Of a container or of a group of its objects. */
struct counters {
	atomic_uint refs;
	_Atomic uint64_t requests, errors_4xx, errors_5xx, bytes_in, bytes_out,
	    total_ns, turnaround_ns, throttled;
};

struct group {
	const char *name, *pattern;	/* borrowed from the document; pattern NULL: all */
	struct counters *count;		/* or NULL */
};

enum policy_action { POLICY_EXPIRE, POLICY_ARCHIVE };

struct policy {
	atomic_uint refs;
	json_t	*doc;
	struct iam *access;		/* or NULL */
	json_t	*cors;			/* borrowed, or NULL */
	struct rule {
		const char *path[POLICY_PATHS];
		bool	 wildcard[POLICY_PATHS];
		unsigned npath;
		int64_t	 age_ns;
		bool	 hides;			/* seconds: gone at once */
		enum policy_action action;
	} rule[POLICY_RULES];
	unsigned nrule;
	struct group group[GROUP_COUNT];
	bool	 metrics, logs_not;
	uint64_t max_object, max_bytes, max_objects;	/* UINT64_MAX: none */
};

int policy_parse(const char *text, size_t len, struct policy **out,
    char why[static IAM_WHY]);
/* The same of a document, which it takes. */
int policy_of(json_t *doc, struct policy **out, char why[static IAM_WHY]);
struct policy *policy_ref(struct policy *p);
void policy_unref(struct policy **p);

/* Go on counting where old stopped. */
void policy_adopt(struct policy *p, const struct policy *old);

/* Which groups (a bit each, GROUP_ALL too) an object counts in. */
unsigned policy_groups(const struct policy *p, const char *path);

/*
 * When something is to happen to an object that was made at birth_ns, and what.
 * POLICY_NEVER if nothing is.  Archived objects can only expire.
 */
int64_t policy_due(const struct policy *p, const char *path, int64_t birth_ns,
    bool archived, enum policy_action *action);

/* When it may be read no more, or POLICY_NEVER. */
int64_t policy_expires(const struct policy *p, const char *path, int64_t birth_ns);

/* May it be read no more? */
bool policy_hidden(const struct policy *p, const char *path, int64_t birth_ns,
    int64_t now_ns);

/*
 * The field lines for a page of this origin that asks by this method, into buf;
 * preflight: those of an answer to OPTIONS, headers the names that it wants to
 * send.  False when no rule allows it; Vary is then all that there is.  full: with
 * what makes the rest of the answer readable.
 */
struct policy_cors {
	struct h1_str origin, method, headers;
	bool	 preflight, full;
};
bool policy_cors(const struct policy *p, const struct policy_cors *ask,
    char buf[static POLICY_CORS]);

#endif
