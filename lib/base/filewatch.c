#include <string.h>

#include "lib/base/clk.h"
#include "lib/base/filewatch.h"

#define LOOK		CLK_SECOND

void
filewatch_read(struct filewatch *w, const char *path)
{
	w->path = path;
	if (stat(path, &w->known) < 0)
		memset(&w->known, 0, sizeof(w->known));
	w->seen = w->known;
}

static bool
same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mode == b->st_mode &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool
filewatch_changed(struct filewatch *w, int64_t now_ns)
{
	struct stat st;
	bool stays;

	if (now_ns < w->look_ns)
		return false;
	w->look_ns = now_ns + LOOK;
	if (stat(w->path, &st) < 0 || same(&st, &w->known))
		return false;
	stays = same(&st, &w->seen);
	w->seen = st;
	return stays;
}
