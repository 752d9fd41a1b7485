#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/net/http.h"
#include "origin/walk.h"

#define DEPTH	100

struct walker {
	walk_fn	*fn;
	void	*user;
	char	 path[HTTP_PATH_MAX];
};

static int
walk_dir(struct walker *w, int fd, size_t len, unsigned depth)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *e;
	struct stat st;
	int err = 0;

	if (dir == NULL) {
		err = -errno;
		close(fd);
		return err;
	}
	while (err == 0 && (e = readdir(dir)) != NULL) {
		size_t n = strlen(e->d_name);

		if (e->d_name[0] == '.' || len + n + 2 > sizeof(w->path) ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		w->path[len] = '/';
		memcpy(w->path + len + 1, e->d_name, n + 1);
		if (S_ISREG(st.st_mode)) {
			err = w->fn(w->user, w->path, &st);
		} else if (S_ISDIR(st.st_mode) && depth < DEPTH) {
			int next = openat(fd, e->d_name, O_RDONLY | O_DIRECTORY |
			    O_NOFOLLOW | O_CLOEXEC);

			if (next >= 0)
				err = walk_dir(w, next, len + 1 + n, depth + 1);
			else if (errno != ENOENT)
				err = -errno;
		}
	}
	closedir(dir);
	return err;
}

int
walk(int root, const char *path, walk_fn *fn, void *user)
{
	struct walker w = { .fn = fn, .user = user };
	int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
	snprintf(w.path, sizeof(w.path), "%s", path);
	return walk_dir(&w, fd, strlen(w.path), 0);
}
