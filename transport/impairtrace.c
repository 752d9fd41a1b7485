#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/impairtrace.h"

#define MS		INT64_C(1000000)
#define MOST_MS		UINT32_C(1000000000)	/* eleven days */

/* ---- the file */

/* A number up to the end of the line; its length with that, or 0. */
static size_t
parse_line(const char *text, size_t len, uint32_t *ms)
{
	uint64_t v = 0;
	size_t n = 0;

	for (; n < len && text[n] >= '0' && text[n] <= '9' && v <= MOST_MS; n++)
		v = v * 10 + (unsigned)(text[n] - '0');
	if (n == 0 || v > MOST_MS)
		return 0;
	*ms = (uint32_t)v;
	if (n < len && text[n] == '\r')
		n++;
	if (n == len)
		return n;
	return text[n] == '\n' ? n + 1 : 0;
}

int
impairtrace_parse(struct impairtrace **trace, const char *text, size_t len, unsigned *line)
{
	struct impairtrace *t;
	size_t lines = 1, n;

	*line = 0;
	if (len > IMPAIRTRACE_FILE)
		return -EFBIG;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if ((t = malloc(sizeof(*t) + lines * sizeof(t->ms[0]))) == NULL)
		return -ENOMEM;
	t->n = 0;
	for (size_t at = 0; at < len; at += n) {
		uint32_t *ms = &t->ms[t->n];

		++*line;
		n = parse_line(text + at, len - at, ms);
		if (n == 0 || (t->n > 0 && *ms < ms[-1])) {
			free(t);
			return -EBADMSG;
		}
		t->n++;
	}
	if (t->n == 0 || t->ms[t->n - 1] == 0) {
		*line += t->n == 0;
		free(t);
		return -EBADMSG;
	}
	*trace = t;
	return 0;
}

int
impairtrace_read(struct impairtrace **t, const char *path, unsigned *line)
{
	FILE *f = fopen(path, "re");
	char *text = NULL;
	size_t len = 0, size = 0;
	int r = 0;

	*line = 0;
	if (f == NULL)
		return -errno;
	while (r == 0 && !feof(f)) {
		char *more = text;

		if (len == size)
			more = realloc(text, size = size * 2 + 65536);
		if (more == NULL || len > IMPAIRTRACE_FILE) {
			r = more == NULL ? -ENOMEM : -EFBIG;
			break;
		}
		text = more;
		len += fread(text + len, 1, size - len, f);
		if (ferror(f))
			r = -EIO;
	}
	fclose(f);
	if (r == 0)
		r = impairtrace_parse(t, text, len, line);
	free(text);
	return r;
}

/* ---- the line */

static int64_t
time_of(const struct impairtrace *t, uint64_t k)
{
	return ((int64_t)(k / t->n) * t->ms[t->n - 1] + t->ms[k % t->n]) * MS;
}

/* The first opportunity that is not before that time. */
static uint64_t
first_from(const struct impairtrace *t, int64_t now_ns)
{
	int64_t ms = (now_ns + MS - 1) / MS, round = ms / t->ms[t->n - 1];
	uint64_t low = 0, high = t->n;

	/* At the end of a round is one of the round before as well. */
	if (round > 0 && ms % t->ms[t->n - 1] == 0)
		round--;
	ms -= round * t->ms[t->n - 1];
	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (t->ms[middle] < ms)
			low = middle + 1;
		else
			high = middle;
	}
	return (uint64_t)round * t->n + low;
}

bool
impairtrace_take(const struct impairtrace *t, struct impairtrace_at *at, int64_t now_ns,
    size_t len, int64_t longest_ns, int64_t *sent_ns)
{
	uint64_t bytes;

	if (time_of(t, at->k) < now_ns) {
		at->k = first_from(t, now_ns);
		at->used = 0;
	}
	if (time_of(t, at->k) - now_ns > longest_ns)
		return false;
	bytes = at->used + (len > 0 ? len : 1);
	at->k += (bytes - 1) / IMPAIRTRACE_BYTES;
	at->used = (uint32_t)((bytes - 1) % IMPAIRTRACE_BYTES + 1);
	*sent_ns = time_of(t, at->k);
	if (at->used == IMPAIRTRACE_BYTES) {
		at->k++;
		at->used = 0;
	}
	return true;
}
