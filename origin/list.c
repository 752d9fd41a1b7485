#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/url.h"
#include "lib/net/pagetoken.h"
#include "origin/api.h"
#include "origin/list.h"
#include "origin/listing.h"
#include "origin/serve.h"

struct list {
	struct work_job work;
	struct httpd_msg msg;
	struct httpd_conn *conn;
	struct serve *serve;
	int	 err;
	struct listing page;
};

/* ---- what is asked */

/* The value of a parameter as it is sent. */
static bool
parameter(struct h1_str query, const char *name, struct h1_str *value)
{
	size_t len = strlen(name);
	const char *end = query.p + query.len;

	for (const char *p = query.p; query.len > 0 && p < end;) {
		const char *amp = memchr(p, '&', (size_t)(end - p));
		const char *stop = amp != NULL ? amp : end;

		if ((size_t)(stop - p) >= len && memcmp(p, name, len) == 0 &&
		    (p + len == stop || p[len] == '=')) {
			p += len + (p + len < stop);
			*value = (struct h1_str){ p, (size_t)(stop - p) };
			return true;
		}
		p = stop + 1;
	}
	return false;
}

/* What is between the first slash and one that may be the last. */
static struct h1_str
only_part(struct h1_str path)
{
	size_t len = path.len > 1 && path.p[path.len - 1] == '/' ? path.len - 1 : path.len;

	return len == 0 ? path : (struct h1_str){ path.p + 1, len - 1 };
}

bool
list_asked(struct serve *s, const struct h1_request *r)
{
	const struct h1_str *auth = h1_field(r, "authorization");
	struct h1_str none, part;
	struct container *c;
	struct policy *p;

	if (r->method != H1_GET && r->method != H1_HEAD)
		return false;
	if (!(auth != NULL && auth->len > 4 && memcmp(auth->p, "AWS4", 4) == 0) &&
	    !parameter(r->query, "Path", &none) &&
	    !parameter(r->query, "MaxResults", &none) &&
	    !parameter(r->query, "NextToken", &none) &&
	    !parameter(r->query, "X-Amz-Algorithm", &none))
		return false;
	part = only_part(r->path);
	if (part.len == 0)
		return true;
	if (!container_good_name(part.p, part.len) ||
	    !containers_find(&s->containers, part.p, part.len, &c, &p))
		return false;
	container_unref(&c);
	policy_unref(&p);
	return true;
}

static int
unescape(struct h1_str s, char *out, size_t size)
{
	if (url_unescape(s.p, s.len, out, size) < 0)
		return -EINVAL;
	for (const unsigned char *p = (const unsigned char *)out; *p != '\0'; p++)
		if (*p < ' ' || *p == 0x7f)
			return -EINVAL;
	return 0;
}

/* Make it plain: no slash at either end, none doubled; no name with a dot first. */
static int
clean_folder(char *path)
{
	char *to = path;

	for (const char *p = path; *p != '\0';) {
		size_t len = strcspn(p, "/");

		if (*p == '.')
			return -EINVAL;
		if (len > 0) {
			if (to != path)
				*to++ = '/';
			memmove(to, p, len);
			to += len;
		}
		p += len;
		p += strspn(p, "/");
	}
	*to = '\0';
	return 0;
}

int
list_folder(const struct h1_request *r, char folder[static HTTP_PATH_MAX])
{
	struct h1_str part = only_part(r->path), v;
	char path[HTTP_PATH_MAX] = "";

	if (parameter(r->query, "Path", &v) && unescape(v, path, sizeof(path)) < 0)
		return -EINVAL;
	if (snprintf(folder, HTTP_PATH_MAX, "%.*s/%s", (int)part.len, part.p, path) >=
	    HTTP_PATH_MAX)
		return -EINVAL;
	return clean_folder(folder);
}

/* What is wrong with it, or NULL. */
static const char *
parse(struct httpd_conn *c, struct list *l, const struct h1_request *r)
{
	struct h1_str query = r->query, v;
	char token[PAGETOKEN_MAX];
	size_t len;

	l->page.max = LISTING_ITEMS;
	if (parameter(query, "MaxResults", &v)) {
		l->page.max = 0;
		for (size_t i = 0; i < v.len && i < 5; i++)
			l->page.max = v.p[i] < '0' || v.p[i] > '9' ? 100000 :
			    l->page.max * 10 + (unsigned)(v.p[i] - '0');
		if (v.len > 4 || l->page.max < 1 || l->page.max > LISTING_ITEMS)
			return "MaxResults has to be 1 to 1000";
	}
	if (list_folder(r, l->page.folder) < 0 || gate_path(c, l->page.folder) < 0)
		return "Path is no path of a folder";
	len = strlen(l->page.folder);
	if (len > 0 && l->page.folder[len - 1] == '/')	/* the root of a Host */
		l->page.folder[len - 1] = '\0';
	if (parameter(query, "NextToken", &v) &&
	    (unescape(v, token, sizeof(token)) < 0 || pagetoken_parse(
	    (struct h1_str){ token, strlen(token) }, l->page.folder, l->page.after) < 0))
		return "NextToken is not of a listing of this folder";
	return NULL;
}

static void
run_list(struct work_job *w)
{
	struct list *l = (struct list *)w;

	l->err = listing_read(&l->page, &l->serve->store);
	httpd_post(l->conn->loop, &l->msg);
}

/* ---- and back to the loop */

static void
free_list(struct list *l)
{
	listing_clear(&l->page);
	free(l);
}

static void
reply_list(struct httpd_conn *c, struct list *l)
{
	static const char head[] = "Content-Type: application/json\r\n"
	    "Cache-Control: no-store\r\n";
	struct object *o;

	if (l->err < 0 || l->page.text == NULL) {
		serve_error(c, l->err < 0 ? l->err : -ENOMEM);
		return;
	}
	/* An object keeps the text as long as the peer takes. */
	o = object_new(-1, &serve_of(c)->httpd.memory);
	if (o == NULL || !object_take(o, strlen(l->page.text))) {
		object_unref(&o);
		serve_error(c, -ENOMEM);
		return;
	}
	o->mem = (uint8_t *)l->page.text;
	atomic_init(&o->len, strlen(l->page.text));
	atomic_init(&o->state, OBJECT_WHOLE);
	serve_reply(c, &(struct httpd_reply){ .status = 200, .head = head,
	    .head_len = sizeof(head) - 1, .object = o, .mem = o->mem,
	    .mem_len = strlen(l->page.text) });
	l->page.text = NULL;
}

static void
on_listed(struct httpd_loop *loop, struct httpd_msg *m)
{
	struct list *l = LINK_OF(m, struct list, msg);
	struct httpd_conn *c = l->conn;

	(void)loop;
	atomic_fetch_sub(&l->serve->listing, 1);
	if (httpd_release(c))
		reply_list(c, l);
	free_list(l);
}

/*
 * Names tell more than an object that one has the address of: who may write or
 * signs may list, and what asks on this machine when nobody has to sign.
 */
static bool
may_list(struct httpd_conn *c, const struct h1_request *r, const char *folder)
{
	char path[HTTP_PATH_MAX + 1];

	snprintf(path, sizeof(path), "%s%s", folder, *folder != '\0' ? "/" : "");
	return api_allowed(c, KEY_READ, path) || serve_may_write(c, r);
}

/* In the root, of the containers only those that r may list as well. */
static int
find_denied(struct httpd_conn *c, const struct h1_request *r, struct list *l)
{
	struct containers *cs = &serve_of(c)->containers;
	char name[CONTAINER_NAME] = "";
	size_t len;
	FILE *f;

	if (l->page.folder[0] != '\0' || atomic_load(&cs->count) == 0)
		return 0;
	f = open_memstream(&l->page.denied, &len);
	if (f == NULL)
		return -ENOMEM;
	while (containers_next(cs, name, name) == 0)
		if (!gate_may_list(c, r, name))
			fwrite(name, strlen(name) + 1, 1, f);
	fputc('\0', f);
	return fclose(f) == 0 ? 0 : -ENOMEM;
}

void
serve_list(struct httpd_conn *c, const struct h1_request *r)
{
	struct serve *s = serve_of(c);
	struct list *l = calloc(1, sizeof(*l));
	const char *wrong;

	if (l == NULL) {
		serve_error(c, -ENOMEM);
		return;
	}
	wrong = parse(c, l, r);
	if (wrong != NULL)
		api_error(c, 400, "ValidationException", wrong);
	if (wrong != NULL || !may_list(c, r, l->page.folder)) {
		free_list(l);
		return;
	}
	if (find_denied(c, r, l) < 0) {
		serve_error(c, -ENOMEM);
		free_list(l);
		return;
	}
	if (atomic_fetch_add(&s->listing, 1) >= LIST_MAX) {
		atomic_fetch_sub(&s->listing, 1);
		api_error(c, 429, NULL, "too many listings at once");
		free_list(l);
		return;
	}
	if (gate_of(c) != NULL)
		l->page.policy = policy_ref(gate_of(c)->policy);
	l->conn = c;
	l->serve = s;
	l->work.run = run_list;
	l->msg.run = on_listed;
	httpd_hold(c);
	work_add(&s->work, &l->work);
}
