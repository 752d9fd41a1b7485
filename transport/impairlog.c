#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "transport/impairlog.h"

#define US	INT64_C(1000)

struct impairlog_entry {
	uint64_t key, n;		/* key: link and way */
	enum impair_what what;
	int64_t	 delay_ns, copy_ns;	/* copy -1: none */
	int64_t	 flip;
};

static uint64_t
key_of(unsigned link, const char *way)
{
	return (uint64_t)link * 2 + (strcmp(way, "back") == 0);
}

static int
by_key(const void *a, const void *b)
{
	const struct impairlog_entry *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->n < y->n ? -1 : x->n > y->n;
}

static int
read_line(const char *text, struct impairlog_entry *e)
{
	json_t *j = json_loads(text, 0, NULL);
	json_int_t n, link, delay = 0, copy = -1, flip = -1, bytes;
	const char *way, *what;
	int err = -EBADMSG;

	if (j == NULL || json_unpack(j, "{s:I, s:I, s:s, s:s, s:I, s?:I, s?:I, s?:I}",
	    "n", &n, "link", &link, "way", &way, "what", &what, "bytes", &bytes,
	    "delay_us", &delay, "copy_us", &copy, "flip", &flip) < 0 || n < 0 || link < 0 ||
	    link > 1000 || delay < 0 || delay > INT64_MAX / US || copy > INT64_MAX / US)
		goto out;
	*e = (struct impairlog_entry){ .key = key_of((unsigned)link, way),
	    .n = (uint64_t)n, .what = IMPAIR_WHATS, .delay_ns = delay * US,
	    .copy_ns = copy < 0 ? -1 : copy * US,
	    .flip = flip < 0 || flip >= bytes * 8 ? -1 : flip };
	for (int i = 0; i < IMPAIR_WHATS; i++)
		if (strcmp(what, impair_word((enum impair_what)i)) == 0)
			e->what = (enum impair_what)i;
	err = e->what == IMPAIR_WHATS ? -EBADMSG : 0;
out:
	json_decref(j);
	return err;
}

static int
read_all(struct impairlog *l, FILE *in)
{
	size_t size = 0, line_size = 0;
	char *line = NULL;
	int err = 0;

	while (err == 0 && getline(&line, &line_size, in) > 0) {
		if (l->nentry == size) {
			struct impairlog_entry *e;

			size = size * 2 + 1024;
			e = realloc(l->entry, size * sizeof(*e));
			if (e == NULL) {
				err = -ENOMEM;
				break;
			}
			l->entry = e;
		}
		err = read_line(line, &l->entry[l->nentry]);
		l->nentry += err == 0;
	}
	free(line);
	if (err == 0 && l->nentry > 0)
		qsort(l->entry, l->nentry, sizeof(*l->entry), by_key);
	return err;
}

int
impairlog_open(struct impairlog *l, const char *out, const char *replay)
{
	FILE *in;
	int err;

	*l = (struct impairlog){ .failed = replay, .replaying = replay != NULL };
	if (replay != NULL) {
		in = fopen(replay, "re");
		if (in == NULL)
			return -errno;
		err = read_all(l, in);
		fclose(in);
		if (err < 0)
			return err;
	}
	l->failed = out;
	if (out != NULL && (l->out = fopen(out, "we")) == NULL)
		return -errno;
	return 0;
}

void
impairlog_replay(const struct impairlog *l, struct impairlog_line *line,
    int64_t now_ns)
{
	struct impairlog_entry want = { .key = key_of(line->link, line->way), .n = line->n };
	const struct impairlog_entry *e = NULL;
	struct impair_verdict *v = &line->verdict;

	if (!l->replaying)
		return;
	if (l->nentry > 0)
		e = bsearch(&want, l->entry, l->nentry, sizeof(*l->entry), by_key);
	*v = (struct impair_verdict){ IMPAIR_PASS, now_ns, -1, -1 };
	if (e == NULL)
		return;
	v->what = e->what;
	v->due_ns = now_ns + e->delay_ns;
	v->copy_ns = e->copy_ns < 0 ? -1 : now_ns + e->copy_ns;
	v->flip = e->flip < (int64_t)line->len * 8 ? e->flip : -1;
}

void
impairlog_write(struct impairlog *l, const struct impairlog_line *line, int64_t now_ns)
{
	const struct impair_verdict *v = &line->verdict;

	if (l->out == NULL)
		return;
	fprintf(l->out, "{\"n\":%" PRIu64 ",\"link\":%u,\"way\":\"%s\",\"t_us\":%" PRId64
	    ",\"bytes\":%zu,\"what\":\"%s\"", line->n, line->link, line->way,
	    line->at_ns / US, line->len, impair_word(v->what));
	if (v->what == IMPAIR_PASS && v->due_ns > now_ns)
		fprintf(l->out, ",\"delay_us\":%" PRId64, (v->due_ns - now_ns) / US);
	if (v->what == IMPAIR_PASS && v->copy_ns >= 0)
		fprintf(l->out, ",\"copy_us\":%" PRId64, (v->copy_ns - now_ns) / US);
	if (v->what == IMPAIR_PASS && v->flip >= 0)
		fprintf(l->out, ",\"flip\":%" PRId64, v->flip);
	fprintf(l->out, "}\n");
}

int
impairlog_close(struct impairlog *l)
{
	int err = 0;

	if (l->out != NULL && (ferror(l->out) || fclose(l->out) != 0))
		err = errno != 0 ? -errno : -EIO;
	free(l->entry);
	l->out = NULL;
	l->entry = NULL;
	return err;
}
