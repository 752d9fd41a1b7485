#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "encode/keep.h"

static struct kept *
at(struct keep *k, uint64_t n)
{
	return &k->kept[(k->first + n) % k->room];
}

static int
make_room(struct keep *k)
{
	uint64_t room = 2 * k->room + 64;
	struct kept *p = calloc(room, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < k->n; i++)
		p[i] = *at(k, i);
	free(k->kept);
	k->kept = p;
	k->room = room;
	k->first = 0;
	return 0;
}

/* What was there by this name has been replaced. */
static void
forget(struct keep *k, const char *name)
{
	uint64_t left = 0;

	for (uint64_t i = 0; i < k->n; i++) {
		if (strcmp(at(k, i)->name, name) == 0)
			continue;
		if (left < i)
			*at(k, left) = *at(k, i);
		left++;
	}
	k->n = left;
}

int
keep_add(struct keep *k, const char *name, uint64_t number)
{
	uint64_t i;

	forget(k, name);
	i = k->n;
	if (i == k->room && make_room(k) < 0)
		return -ENOMEM;
	for (; i > 0 && at(k, i - 1)->number > number; i--)
		*at(k, i) = *at(k, i - 1);
	snprintf(at(k, i)->name, SINK_NAME_MAX, "%s", name);
	at(k, i)->number = number;
	k->n++;
	return 0;
}

const char *
keep_next(struct keep *k)
{
	if (k->most == 0 || k->n <= k->most)
		return NULL;
	memcpy(k->gone, at(k, 0)->name, sizeof(k->gone));
	k->first = (k->first + 1) % k->room;
	k->n--;
	return k->gone;
}

struct old {
	char	name[SINK_NAME_MAX];
	struct timespec time;
};

static int
by_time(const void *a, const void *b)
{
	const struct old *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	if (x->time.tv_nsec != y->time.tv_nsec)
		return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
	return strcmp(x->name, y->name);
}

int
keep_found(struct keep *k, const char *path, const struct naming *naming)
{
	struct old *list = NULL;
	size_t n = 0, cap = 0;
	struct dirent *e;
	int r = 0;
	DIR *d;

	if (strchr(naming->text, '/') != NULL || (d = opendir(path)) == NULL)
		return 0;
	while ((e = readdir(d)) != NULL) {
		size_t len = strlen(e->d_name);
		struct stat st;

		if (len >= SINK_NAME_MAX ||
		    !naming_fits(naming, e->d_name, NULL, NULL) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (n == cap) {
			struct old *p = reallocarray(list, cap * 2 + 64, sizeof(*p));

			if (p == NULL) {
				r = -ENOMEM;
				break;
			}
			list = p;
			cap = cap * 2 + 64;
		}
		memcpy(list[n].name, e->d_name, len + 1);
		list[n++].time = st.st_mtim;
	}
	closedir(d);
	if (n > 0)
		qsort(list, n, sizeof(*list), by_time);
	for (size_t i = 0; i < n && r == 0; i++)
		r = keep_add(k, list[i].name, 0);
	free(list);
	return r;
}

void
keep_free(struct keep *k)
{
	free(k->kept);
}
