#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/readfile.h"

static int
read_all(int fd, char *p, size_t size)
{
	size_t have = 0;

	while (have < size) {
		ssize_t n = read(fd, p + have, size - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		have += (size_t)n;
	}
	p[size] = '\0';
	return 0;
}

int
read_file(int dir, const char *name, size_t most, char **text, size_t *len)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC), r;
	struct stat st = { .st_size = 0 };
	char *p = NULL;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if ((size_t)st.st_size > most)
		r = -EFBIG;
	else if ((p = malloc((size_t)st.st_size + 1)) == NULL)
		r = -ENOMEM;
	else
		r = read_all(fd, p, (size_t)st.st_size);
	close(fd);
	if (r < 0) {
		free(p);
		return r;
	}
	*text = p;
	*len = (size_t)st.st_size;
	return 0;
}
