#include "origin/cmafclean.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "origin/cmafpub.h"

#define VERSIONS	10001		/* that a name can have; see cmaftime.c */

struct listed {
	uint64_t t;
	unsigned version;
};

struct clean {
	struct work_job work;
	struct store *store;
	int64_t	 before_ns;		/* UTC: what is older goes */
	unsigned n;
	char	 folder[HTTP_PATH_MAX];
	struct listed listed[];		/* in order */
};

static int
compare(const void *va, const void *vb)
{
	const struct listed *a = va, *b = vb;

	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	return a->t < b->t ? -1 : a->t > b->t;
}

static bool
number(const char **p, uint64_t *v)
{
	const char *from = *p;

	*v = 0;
	for (; **p >= '0' && **p <= '9' && *p - from < 20; ++*p) {
		if (*v > (UINT64_MAX - 9) / 10)
			return false;
		*v = *v * 10 + (uint64_t)(**p - '0');
	}
	return *p > from;
}

/* Is it the name of a segment that such a track makes? */
static bool
is_segment(const char *name, struct listed *out)
{
	const char *p = name;
	char same[48];
	uint64_t v;

	if (!number(&p, &v))
		return false;
	*out = (struct listed){ v, 1 };
	if (*p == '-') {
		p++;
		if (v < 2 || v >= VERSIONS || !number(&p, &out->t))
			return false;
		out->version = (unsigned)v;
	}
	cmafpub_segment_name(out->version, out->t, same);
	return strcmp(name, same) == 0;
}

static bool
is_old(const struct clean *c, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_mtim.tv_sec * CLK_SECOND + st.st_mtim.tv_nsec < c->before_ns;
}

static void
delete(const struct clean *c, const char *name)
{
	char path[HTTP_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", c->folder, name) < HTTP_PATH_MAX)
		store_delete(c->store, path, &(struct store_if){ 0 }, false);
}

static void
run_clean(struct work_job *w)
{
	struct clean *c = (struct clean *)w;
	int fd = tree_open_folder(&c->store->tree, c->folder);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	struct listed g;

	if (d == NULL && fd >= 0)
		close(fd);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_segment(e->d_name, &g) && bsearch(&g, c->listed, c->n, sizeof(g),
		    compare) == NULL && is_old(c, dirfd(d), e->d_name))
			delete(c, e->d_name);
	if (d != NULL)
		closedir(d);
	free(c);
}

void
cmafclean_track(struct cmaf_track *t)
{
	struct cmaf *m = t->channel->cmaf;
	int64_t now_ns = clk_mono_ns();
	struct clean *c;

	if (now_ns < t->clean_ns || m->work == NULL)
		return;
	c = calloc(1, sizeof(*c) + t->n * sizeof(c->listed[0]));
	if (c == NULL || !cmafpub_path(t->channel, c->folder, "%s", t->name)) {
		free(c);
		return;
	}
	t->clean_ns = now_ns + m->window_ns / 2;
	c->work.run = run_clean;
	c->store = m->store;
	c->before_ns = clk_utc_ns() - m->window_ns - CMAF_LATE_NS;
	for (unsigned i = 0; i < t->n; i++)
		c->listed[c->n++] = (struct listed){ t->seg[i].t, t->seg[i].version };
	qsort(c->listed, c->n, sizeof(c->listed[0]), compare);
	work_add(m->work, &c->work);
}
