#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fileid.h"
#include "lib/base/url.h"

static struct file_id
identify(const struct stat *st)
{
	return (struct file_id){ S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode), st->st_dev,
	    st->st_ino };
}

struct file_id
file_id_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? identify(&st) : (struct file_id){ .is = false };
}

struct file_id
file_id_of_fd(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? identify(&st) : (struct file_id){ .is = false };
}

struct file_id
file_id_of_address(const char *text, int fd)
{
	struct url *url = malloc(sizeof(*url));
	struct file_id id = { .is = false };

	if (url != NULL && url_parse(url, text) == 0) {
		if (strcmp(url->scheme, "-") == 0)
			id = file_id_of_fd(fd);
		else if (strcmp(url->scheme, "file") == 0)
			id = file_id_of(url->path);
	}
	free(url);
	return id;
}

bool
file_id_same(struct file_id a, struct file_id b)
{
	return a.is && b.is && a.dev == b.dev && a.ino == b.ino;
}
