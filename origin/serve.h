/*
 * serve.h - what the origin answers: requests to objects of the store.
 *
 * Threads  Callbacks of httpd.h; the store and the pool are shared.
 */
#ifndef SERVE_H
#define SERVE_H

#include "lib/net/httpd.h"
#include "origin/access.h"
#include "origin/archget.h"
#include "origin/cmaf.h"
#include "origin/container.h"
#include "origin/gate.h"
#include "origin/keys.h"
#include "origin/live.h"
#include "origin/store.h"
#include "origin/sweep.h"
#include "origin/tokens.h"
#include "origin/work.h"

#define SERVE_TEMPORAL	16

/* What time it is, to the millisecond, for players: urn:mpeg:dash:utc:http-iso:2014. */
#define SERVE_TIME	"/.time"

/* Tells a packager that playlists here are served as low-latency HLS asks. */
#define SERVE_LIVE	"MStore-LL-HLS: 1\r\n"

enum { SERVE_OBJECTS, SERVE_ADMIN };		/* kinds of listeners */

struct serve {
	struct httpd httpd;
	struct store store;
	struct live live;
	struct cmaf cmaf;
	struct work work;
	struct tokens tokens;
	struct keys keys;
	const char *region;		/* of signatures, or NULL: any */
	const char *domain;		/* below which are names of containers, or NULL */
	atomic_uint listing;
	struct access access;
	struct containers containers;
	struct sweep sweep;
	struct archget archget;
	uint64_t max_object;		/* bytes */
	const char *temporal[SERVE_TEMPORAL];
	unsigned ntemporal;
	char	 missing[400];		/* field lines of a 404 */
	char	 cors[320];		/* and of other errors */
	const char *cors_origin;	/* or NULL */
	int64_t	 start_ns;
	bool	 logging, timing;
	int	 root_err;		/* tree_look(), on loop 0 */
	_Atomic uint64_t conflicts;
};

extern const struct httpd_app serve_app;

/* The fields of a GET that matter, found in one pass. */
struct asked {
	const struct h1_str *if_match, *if_none_match, *if_modified_since,
	    *if_unmodified_since, *if_range, *range, *accept_encoding;
};

/* Answer with o, which is taken. */
void serve_object(struct httpd_conn *c, struct object *o, const struct asked *a);

/* serve's parts: get.c, put.c, admin.c. */
void serve_get(struct httpd_conn *c, const struct h1_request *r);
void serve_put(struct httpd_conn *c, const struct h1_request *r);
void serve_delete(struct httpd_conn *c, const struct h1_request *r);
void serve_body(struct httpd_conn *c, const void *data, size_t len);
void serve_body_end(struct httpd_conn *c);
void serve_admin(struct httpd_conn *c, const struct h1_request *r);

/* Who has shown to be known here: "token".  False for anyone. */
#define SERVE_WHO	160
bool serve_who(struct httpd_conn *c, const struct h1_request *r,
    char who[static SERVE_WHO]);

/* Can this Host only be one of our own? */
bool serve_is_local(struct h1_str host);

/* What hangs on a connection's user while it needs more than a request. */
struct exchange {
	struct upload *upload;
	struct body *body;		/* of the upload, when it is checked */
	struct api *api;		/* of one of the API */
	struct held *held;		/* it waits */
	bool	 timing;		/* it asks for Server-Timing */
	struct cmaf_sender *sender;	/* it ingests */
	struct access_note *note;	/* for the log */
	struct gate *gate;		/* it is in a container */
	struct control *control;	/* a request of the control plane */
	struct fetched *fetched;	/* its bytes come from the archive */
};

/* The exchange of c, made if need be; NULL without memory. */
struct exchange *serve_exchange(struct httpd_conn *c);

static inline struct serve *
serve_of(const struct httpd_conn *c)
{
	return c->loop->server->user;
}

/* May r write, by a token or from here?  Or an answer and false. */
bool serve_may_write(struct httpd_conn *c, const struct h1_request *r);

/* The name of what r is about, or an answer and false. */
bool serve_path(struct httpd_conn *c, const struct h1_request *r,
    char path[static HTTP_PATH_MAX]);

/* Answer for a negative errno. */
void serve_error(struct httpd_conn *c, int err);

#endif
