/*
 * api.h - MediaStore's data plane: who is a client of it, and how it is told.
 *
 * Spec     The service mediastore-data of 2017-09-01; errors of the rest-json
 *          protocol: their name in x-amzn-ErrorType, {"Message"} in the body.
 * Shape    A request that is signed or has fields of AWS's clients is one of the
 *          API, and answered in JSON; browsers and players get the text that
 *          they always got.
 * Threads  On the loop of the connection.
 */
#ifndef API_H
#define API_H

#include "origin/keys.h"
#include "origin/serve.h"

#define API_ID		40		/* x-amzn-RequestId */

/* What an API's exchange needs to remember. */
struct api {
	char	 id[API_ID];
	const char *error;		/* the name of what was answered, or NULL */
	bool	 lists;			/* list_asked() */
	bool	 verified;		/* signed, by: */
	struct key key;
	struct sigv4_auth auth;
	char	 sha256[SIGV4_HEX];	/* of what was put */
};

/*
 * See whether r is one of the API, and check its signature.  False when it was
 * answered.
 */
bool api_begin(struct httpd_conn *c, const struct h1_request *r);

/* The request's part of the API, or NULL. */
struct api *api_of(const struct httpd_conn *c);

/* Has a key with these rights for path signed it? */
bool api_allowed(const struct httpd_conn *c, unsigned rights, const char *path);

/* The name of an error by its status. */
const char *api_name(int status);

/* An error with a name of its own; name NULL: that of its status. */
void api_error(struct httpd_conn *c, int status, const char *name,
    const char *text);

/*
 * httpd_reply_text() and httpd_reply(), for either kind of client; serve_named() with
 * an error's name other than that of its status.
 */
void serve_named(struct httpd_conn *c, int status, const char *name,
    const char *head, const char *text);
void serve_text(struct httpd_conn *c, int status, const char *head,
    const char *text);
void serve_reply(struct httpd_conn *c, struct httpd_reply *reply);

#endif
