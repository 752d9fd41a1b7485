#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "origin/access.h"
#include "origin/api.h"
#include "origin/list.h"
#include "origin/serve.h"

#define GATHER		65536
#define LINE		8192

struct access_note {
	const char *operation;
	char request[3000];
	char referer[1000], agent[1000];
};

struct gather {
	size_t len;
	char text[GATHER];
};

int
access_open(struct access *a, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

	a->path = path;
	atomic_init(&a->fd, fd);
	return fd < 0 ? -errno : 0;
}

/* The descriptor keeps its number, so that no loop has to know. */
int
access_reopen(struct access *a)
{
	int fd = open(a->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	int err = 0;

	if (fd < 0 || dup3(fd, atomic_load(&a->fd), O_CLOEXEC) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

/* odd: how a byte is written that does not stand for itself. */
static void
escape(struct h1_str s, const char *odd, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len && n + 7 < size; i++) {
		unsigned char b = (unsigned char)s.p[i];

		if (b < ' ' || b >= 0x7f || b == '"' || b == '\\')
			n += (size_t)snprintf(to + n, size - n, "%s%02x", odd, b);
		else
			to[n++] = (char)b;
	}
	to[n] = '\0';
}

static const char *
operation(struct serve *s, const struct h1_request *r)
{
	static const char *const name[] = {
		[H1_GET] = "GetObject", [H1_HEAD] = "DescribeObject",
		[H1_PUT] = "PutObject", [H1_DELETE] = "DeleteObject",
		[H1_OPTIONS] = "Options", [H1_OTHER] = "Other",
	};

	return list_asked(s, r) ? "ListItems" : name[r->method];
}

void
access_begin(struct access *a, struct httpd_conn *c, const struct h1_request *r)
{
	static const struct h1_str none = { "-", 1 };
	const struct h1_str *referer = h1_field(r, "referer");
	const struct h1_str *agent = h1_field(r, "user-agent");
	struct exchange *x = serve_exchange(c);
	struct access_note *note = x == NULL ? NULL : malloc(sizeof(*note));
	struct h1_str line = {
		r->method_name.p,
		(size_t)(r->target.p + r->target.len + 9 - r->method_name.p),
	};

	if (note == NULL) {
		atomic_fetch_add(&a->dropped, 1);
		return;
	}
	x->note = note;
	if (a->json) {
		note->operation = operation(serve_of(c), r);
		escape(r->path, "\\u00", note->request, sizeof(note->request));
		return;
	}
	escape(line, "\\x", note->request, sizeof(note->request));
	escape(referer != NULL ? *referer : none, "\\x", note->referer,
	    sizeof(note->referer));
	escape(agent != NULL ? *agent : none, "\\x", note->agent, sizeof(note->agent));
}

static void
clf_date(int64_t utc_s, char buf[static 32])
{
	static const char month[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t t = (time_t)utc_s;
	struct tm tm;

	gmtime_r(&t, &tm);
	snprintf(buf, 32, "%02u/%.3s/%04u:%02u:%02u:%02u +0000", (unsigned)tm.tm_mday % 32,
	    month + (size_t)(tm.tm_mon % 12) * 3, (unsigned)(tm.tm_year + 1900) % 10000,
	    (unsigned)tm.tm_hour % 24, (unsigned)tm.tm_min % 60, (unsigned)tm.tm_sec % 61);
}

void
access_flush(struct access *a, struct httpd_loop *l)
{
	struct gather *g = l->user;
	ssize_t n;

	if (g == NULL || g->len == 0)
		return;
	n = write(atomic_load(&a->fd), g->text, g->len);
	if (n != (ssize_t)g->len)
		atomic_fetch_add(&a->dropped, 1);
	g->len = 0;
}

static void
put_expires(const struct gate *g, char *to, size_t size)
{
	int64_t at = g->birth_ns == 0 ? POLICY_NEVER :
	    policy_expires(g->policy, g->path, g->birth_ns);
	char utc[CLK_ISO + 1];

	if (at == POLICY_NEVER)
		return;
	clk_iso(at, utc);
	snprintf(to, size, "\"ExpiresAt\":\"%s\",", utc);
}

/* Times in ms, as there; what does not apply is left out. */
static int
put_json(const struct httpd_conn *c, const struct access_note *note, int status,
    char *to, size_t size)
{
	const struct api *api = api_of(c);
	const struct gate *g = gate_of(c);
	char in[CONTAINER_NAME + 24] = "", expires[CLK_ISO + 20] = "";
	int64_t now = clk_mono_ns(), first = c->first_ns > 0 ? c->first_ns : now;
	char peer[HTTPD_PEER], utc[CLK_ISO + 1], who[6 * SIGV4_ID + 24] = "";
	char id[API_ID + 20] = "", error[80] = "", safe[6 * SIGV4_ID];

	httpd_peer(c, peer);
	clk_iso(clk_utc_ns() - (now - c->start_ns), utc);
	if (api != NULL)
		snprintf(id, sizeof(id), "\"RequestID\":\"%s\",", api->id);
	if (api != NULL && api->verified) {
		escape((struct h1_str){ api->key.id, strlen(api->key.id) }, "\\u00", safe,
		    sizeof(safe));
		snprintf(who, sizeof(who), "\"Requester\":\"%s\",", safe);
	}
	if (g != NULL) {
		snprintf(in, sizeof(in), "\"ContainerName\":\"%s\",", g->container->name);
		put_expires(g, expires, sizeof(expires));
	}
	if (status >= 400)
		snprintf(error, sizeof(error), "\"ErrorCode\":\"%s\",",
		    api != NULL && api->error != NULL ? api->error : api_name(status));
	return snprintf(to, size, "{\"ReceivedTime\":\"%s\",\"Operation\":\"%s\","
	    "%s\"Path\":\"%s\",\"Source\":\"%s\",%s%s%s%s\"HTTPStatus\":%d,"
	    "\"BytesReceived\":%" PRIu64 ",\"BytesSent\":%" PRIu64 ","
	    "\"TotalTime\":%" PRId64 ",\"TurnAroundTime\":%" PRId64 "}\n",
	    utc, note != NULL ? note->operation : "Other", in, note != NULL ?
	    note->request : "", peer, who, id, error, expires, status, c->bytes_in, c->bytes_out,
	    (c->end_ns - c->start_ns) / 1000000, (first - c->start_ns) / 1000000);
}

void
access_end(struct access *a, struct httpd_conn *c, bool clean)
{
	struct exchange *x = c->user;
	struct access_note *note = x == NULL ? NULL : x->note;
	struct httpd_loop *l = c->loop;
	struct gather *g = l->user;
	char peer[HTTPD_PEER], date[32];
	/* 499, as others log it: the peer or the writer went before the end. */
	int status = clean || c->status >= 400 ? c->status : 499;
	int64_t first = c->first_ns > 0 ? c->first_ns - c->start_ns : 0;
	int n;

	if (gate_of(c) != NULL && gate_of(c)->policy->logs_not) {
		free(note);
		if (x != NULL)
			x->note = NULL;
		return;
	}
	if (g == NULL)
		g = l->user = calloc(1, sizeof(*g));
	if (g == NULL) {
		atomic_fetch_add(&a->dropped, 1);
		free(note);
		return;
	}
	if (g->len + LINE > GATHER)
		access_flush(a, l);
	if (a->json) {
		n = put_json(c, note, status, g->text + g->len, GATHER - g->len);
		goto out;
	}
	httpd_peer(c, peer);
	clf_date(clk_utc_ns() / CLK_SECOND - (c->end_ns - c->start_ns) / CLK_SECOND, date);
	n = snprintf(g->text + g->len, GATHER - g->len, "%s - - [%s] \"%s\" %d %" PRIu64
	    " \"%s\" \"%s\" %" PRIu64 " %" PRId64 ".%06u %" PRId64 ".%06u\n", peer, date,
	    note != NULL ? note->request : "-", status,
	    c->bytes_out, note != NULL ? note->referer : "-",
	    note != NULL ? note->agent : "-", c->bytes_in,
	    first / CLK_SECOND, (unsigned)(first % CLK_SECOND / 1000),
	    (c->end_ns - c->start_ns) / CLK_SECOND,
	    (unsigned)((c->end_ns - c->start_ns) % CLK_SECOND / 1000));
out:
	g->len += (size_t)n;
	free(note);
	if (x != NULL)
		x->note = NULL;
}
