/*
 * iam.h - who may do what: an access policy in the language of IAM.
 *
 * Spec     IAM JSON policy grammar, as MediaStore's container policies use it:
 *          Effect, Principal, Action, Resource, Condition.
 * Shape    Parsed once, then asked for each request.  What it does not know makes
 *          the policy refused, since a condition left out would allow more.
 * Memory   iam_parse() gives; iam_free().
 * Threads  Immutable once parsed.
 * Errors   -EINVAL with a reason, -ENOMEM.
 */
#ifndef IAM_H
#define IAM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lib/net/h1.h"

#define IAM_WHY	200

struct iam;

/* NULL members and empty views are facts that the request does not have. */
struct iam_request {
	const char *who;		/* "token", the id of a key, or NULL: anyone */
	const char *action;		/* GetObject */
	const char *container, *path;	/* path below the container */
	const struct sockaddr_storage *peer;
	struct h1_str referer, agent;
	bool	 secure;
	int64_t	 now_ns;		/* UTC */
};

enum iam_verdict { IAM_SILENT, IAM_ALLOW, IAM_DENY };

int iam_parse(const json_t *doc, struct iam **out, char why[static IAM_WHY]);
void iam_free(struct iam *i);
enum iam_verdict iam_ask(const struct iam *i, const struct iam_request *r);

#endif
