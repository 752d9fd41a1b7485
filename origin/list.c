#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "lib/net/pagetoken.h"
#include "origin/api.h"
#include "origin/list.h"
#include "origin/pack.h"

struct list {
	struct work_job work;
	struct httpd_msg msg;
	struct httpd_conn *conn;
	struct serve *serve;
	unsigned max, count;
	bool	 more;			/* than a page is there */
	int	 err;
	char	 folder[HTTP_PATH_MAX], after[PAGETOKEN_NAME];
	char	*name[LIST_ITEMS + 1];	/* a heap, the last of them on top */
	char	*denied;		/* names, each terminated, then an empty one; or NULL */
	char	*text;
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
hex(char c)
{
	const char *digit = "0123456789abcdef0123456789ABCDEF";
	const char *d = c == '\0' ? NULL : strchr(digit, c);

	return d == NULL ? -1 : (int)(d - digit) % 16;
}

static int
unescape(struct h1_str s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		int c = (unsigned char)s.p[i];

		if (c == '%') {
			int hi = i + 2 < s.len ? hex(s.p[i + 1]) : -1;
			int lo = hi >= 0 ? hex(s.p[i + 2]) : -1;

			if (lo < 0)
				return -EINVAL;
			c = hi << 4 | lo;
			i += 2;
		}
		if (c < ' ' || c == 0x7f || n + 1 >= size)
			return -EINVAL;
		out[n++] = (char)c;
	}
	out[n] = '\0';
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

	l->max = LIST_ITEMS;
	if (parameter(query, "MaxResults", &v)) {
		l->max = 0;
		for (size_t i = 0; i < v.len && i < 5; i++)
			l->max = v.p[i] < '0' || v.p[i] > '9' ? 100000 :
			    l->max * 10 + (unsigned)(v.p[i] - '0');
		if (v.len > 4 || l->max < 1 || l->max > LIST_ITEMS)
			return "MaxResults has to be 1 to 1000";
	}
	if (list_folder(r, l->folder) < 0 || gate_path(c, l->folder) < 0)
		return "Path is no path of a folder";
	len = strlen(l->folder);
	if (len > 0 && l->folder[len - 1] == '/')	/* the root of a Host */
		l->folder[len - 1] = '\0';
	if (parameter(query, "NextToken", &v) &&
	    (unescape(v, token, sizeof(token)) < 0 || pagetoken_parse(
	    (struct h1_str){ token, strlen(token) }, l->folder, l->after) < 0))
		return "NextToken is not of a listing of this folder";
	return NULL;
}

/* ---- reading: a heap of the first names, on the pool */

static void
sift_down(struct list *l)
{
	for (unsigned i = 0, k; (k = 2 * i + 1) < l->count; i = k) {
		char *swap = l->name[i];

		if (k + 1 < l->count && strcmp(l->name[k + 1], l->name[k]) > 0)
			k++;
		if (strcmp(swap, l->name[k]) >= 0)
			break;
		l->name[i] = l->name[k];
		l->name[k] = swap;
	}
}

static int
keep_name(struct list *l, const char *name)
{
	char *copy;
	unsigned i;

	if (strcmp(name, l->after) <= 0)
		return 0;
	if (l->count == l->max) {
		l->more = true;
		if (strcmp(name, l->name[0]) >= 0)
			return 0;
	}
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	if (l->count == l->max) {
		free(l->name[0]);
		l->name[0] = copy;
		sift_down(l);
		return 0;
	}
	for (i = l->count++; i > 0 && strcmp(copy, l->name[(i - 1) / 2]) > 0;
	    i = (i - 1) / 2)
		l->name[i] = l->name[(i - 1) / 2];
	l->name[i] = copy;
	return 0;
}

/* Is it an object or a folder?  Only what the system did not say is looked at. */
static bool
counts(int fd, const struct dirent *e)
{
	struct stat st;

	if (e->d_name[0] == '.')
		return false;
	if (e->d_type == DT_UNKNOWN)
		return fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	return e->d_type == DT_REG || e->d_type == DT_DIR;
}

static bool
is_denied(const struct list *l, const char *name)
{
	for (const char *p = l->denied; p != NULL && *p != '\0'; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int
read_names(struct list *l, DIR *dir)
{
	const struct dirent *e;
	int err = 0;

	errno = 0;
	while (err == 0 && (e = readdir(dir)) != NULL)
		if (counts(dirfd(dir), e) && !is_denied(l, e->d_name))
			err = keep_name(l, e->d_name);
	if (err == 0 && errno != 0)
		err = -errno;
	qsort(l->name, l->count, sizeof(l->name[0]), by_name);
	return err;
}

/* What is no UTF-8 is told as it is written in an address. */
static json_t *
text_of(const char *name)
{
	json_t *j = json_string(name);
	char plain[3 * HTTP_NAME_MAX + 1], *to = plain;

	if (j != NULL)
		return j;
	for (const char *p = name; *p != '\0' && to + 3 < plain + sizeof(plain); p++) {
		if ((unsigned char)*p >= 0x80 || *p == '%')
			to += snprintf(to, 4, "%%%02X", (unsigned char)*p);
		else
			*to++ = *p;
	}
	*to = '\0';
	return json_string(plain);
}

static json_t *
item_of(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY |
	    O_CLOEXEC);
	char etag[OBJECT_ETAG], type[STORE_FIELD];
	struct stat st;
	json_t *j = NULL;
	long ms;

	if (fd < 0)
		return NULL;		/* it has just been deleted */
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		j = json_pack("{s:o, s:s}", "Name", text_of(name), "Type", "FOLDER");
	} else if (S_ISREG(st.st_mode)) {
		pack_etag(etag, st.st_mtim.tv_sec * CLK_SECOND + st.st_mtim.tv_nsec,
		    st.st_ino);
		store_type(fd, name, type);
		ms = st.st_mtim.tv_nsec / 1000000;
		j = json_pack("{s:o, s:s, s:s%, s:o, s:s, s:I}",
		    "Name", text_of(name), "Type", "OBJECT",
		    "ETag", etag + 1, strlen(etag) - 2,
		    "LastModified", json_real((double)st.st_mtim.tv_sec +
		    (double)ms / 1000),
		    "ContentType", type, "ContentLength", (json_int_t)st.st_size);
	}
	close(fd);
	return j;
}

static int
make_text(struct list *l, int dir)
{
	json_t *top = json_object(), *items = json_array(), *j;
	char token[PAGETOKEN_MAX];

	for (unsigned i = 0; i < l->count; i++)
		if ((j = item_of(dir, l->name[i])) != NULL)
			json_array_append_new(items, j);
	json_object_set_new(top, "Items", items);
	if (l->more) {
		pagetoken_put(l->folder, l->name[l->count - 1], token);
		json_object_set_new(top, "NextToken", json_string(token));
	}
	l->text = json_dumps(top, JSON_COMPACT | JSON_REAL_PRECISION(13));
	json_decref(top);
	return l->text == NULL ? -ENOMEM : 0;
}

static void
run_list(struct work_job *w)
{
	struct list *l = (struct list *)w;
	int fd = tree_open_folder(&l->serve->store.tree, l->folder);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && dir == NULL)
		close(fd);
	/* A folder is there as long as something is in it. */
	if (fd == -ENOENT)
		l->text = strdup("{\"Items\":[]}");
	l->err = fd == -ENOENT ? 0 : fd < 0 ? fd : dir == NULL ? -ENOMEM :
	    read_names(l, dir);
	if (dir != NULL && l->err == 0)
		l->err = make_text(l, dirfd(dir));
	if (dir != NULL)
		closedir(dir);
	httpd_post(l->conn->loop, &l->msg);
}

/* ---- and back to the loop */

static void
free_list(struct list *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->name[i]);
	free(l->text);
	free(l->denied);
	free(l);
}

static void
reply_list(struct httpd_conn *c, struct list *l)
{
	static const char head[] = "Content-Type: application/json\r\n"
	    "Cache-Control: no-store\r\n";
	struct object *o;

	if (l->err < 0 || l->text == NULL) {
		serve_error(c, l->err < 0 ? l->err : -ENOMEM);
		return;
	}
	/* An object keeps the text as long as the peer takes. */
	o = object_new(-1, &serve_of(c)->httpd.memory);
	if (o == NULL || !object_take(o, strlen(l->text))) {
		object_unref(&o);
		serve_error(c, -ENOMEM);
		return;
	}
	o->mem = (uint8_t *)l->text;
	atomic_init(&o->len, strlen(l->text));
	atomic_init(&o->state, OBJECT_WHOLE);
	serve_reply(c, &(struct httpd_reply){ .status = 200, .head = head,
	    .head_len = sizeof(head) - 1, .object = o, .mem = o->mem,
	    .mem_len = strlen(l->text) });
	l->text = NULL;
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

	if (l->folder[0] != '\0' || atomic_load(&cs->count) == 0)
		return 0;
	f = open_memstream(&l->denied, &len);
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
	if (wrong != NULL || !may_list(c, r, l->folder)) {
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
	l->conn = c;
	l->serve = s;
	l->work.run = run_list;
	l->msg.run = on_listed;
	httpd_hold(c);
	work_add(&s->work, &l->work);
}
