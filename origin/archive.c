#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "origin/archs3.h"

int
archive_open(struct archive *a, const char *where, const struct tree *root,
    char why[static ARCHIVE_WHY])
{
	int dir, err;

	*a = (struct archive){ .on = false };
	if (strncmp(where, "s3:", 3) == 0)
		return archs3_open(a, where, root, why);
	/* Each would take the other's objects for its own, and remove them. */
	dir = open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && tree_overlaps(root, dir)) {
		snprintf(why, ARCHIVE_WHY, "it and --root '%.200s' are not apart", root->path);
		close(dir);
		return -EINVAL;
	}
	if (dir >= 0)
		close(dir);
	err = tree_open(&a->tree, where);
	if (err == 0 && (err = tree_clean(&a->tree)) < 0)
		tree_close(&a->tree);
	a->on = err == 0;
	snprintf(why, ARCHIVE_WHY, "%s", err == -EBUSY ? "another mstore-serve has it" :
	    strerror(-err));
	return err;
}

void
archive_close(struct archive *a)
{
	archs3_close(&a->s3);
	if (a->on)
		tree_close(&a->tree);
	a->on = false;
}

int
archive_get(const struct archive *a, const char *path, struct stat *st)
{
	return a->on ? tree_open_object(&a->tree, path, st) : -ENOENT;
}

int
archive_open_folder(const struct archive *a, const char *path)
{
	return a->on ? tree_open_folder(&a->tree, path) : -ENOENT;
}

int
archive_stat(const struct archive *a, const char *path, struct stat *st)
{
	return a->on ? tree_stat(&a->tree, path, st) : -ENOENT;
}

static int
copy_bytes(int from, int to)
{
	loff_t at = 0;
	ssize_t n;
	char buf[65536];

	while ((n = copy_file_range(from, &at, to, NULL, 1 << 24, 0)) > 0)
		;
	while (n < 0 || at == 0) {	/* not between these: by hand */
		n = pread(from, buf, sizeof(buf), at);
		if (n <= 0)
			return n < 0 ? -errno : 0;
		for (ssize_t done = 0, w; done < n; done += w)
			if ((w = write(to, buf + done, (size_t)(n - done))) <= 0)
				return w < 0 ? -errno : -EIO;
		at += n;
		n = -1;
	}
	return 0;
}

static void
copy_attributes(int from, int to)
{
	char names[4096], value[4096];
	ssize_t len = flistxattr(from, names, sizeof(names));

	for (const char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		ssize_t n = strncmp(p, "user.", 5) != 0 ? -1 :
		    fgetxattr(from, p, value, sizeof(value));

		if (n >= 0)
			fsetxattr(to, p, value, (size_t)n, 0);
	}
}

/* All of it but a name, on the disk. */
static int
fill(const struct archive *a, int from, int to, const char *path, const char *temp)
{
	struct stat st, made;
	struct timespec t[2];
	int err;

	if (fstat(from, &st) < 0)
		return -errno;
	copy_attributes(from, to);
	err = a->s3 == NULL ? copy_bytes(from, to) : archs3_make_stub(to, path, temp,
	    st.st_size);
	if (err < 0)
		return err;
	t[0] = st.st_atim;
	t[1] = st.st_mtim;
	if (futimens(to, t) < 0 || fsync(to) < 0 || fstat(to, &made) < 0)
		return -errno;
	return made.st_size == st.st_size ? 0 : -EIO;
}

int
archive_put(struct archive *a, int fd, const char *path, char temp[static TREE_TEMP],
    char why[static ARCHIVE_WHY])
{
	int to, err;

	if (!a->on)
		return -ENOENT;
	to = tree_temp(&a->tree, temp);
	err = to < 0 ? to : fill(a, fd, to, path, temp);
	/* The name of the stub is on the disk before there is something in S3. */
	if (err == 0 && a->s3 != NULL && fsync(a->tree.temp) < 0)
		err = -errno;
	snprintf(why, ARCHIVE_WHY, "%s", strerror(-err));
	if (err == 0 && a->s3 != NULL)
		err = archs3_upload(a->s3, fd, to, path, why);
	if (to < 0)
		return err;
	close(to);
	if (err < 0)
		archive_drop(a, temp);
	return err;
}

void
archive_drop(struct archive *a, const char *temp)
{
	if (a->s3 != NULL)
		archs3_drop(a, temp);
	else
		tree_drop_temp(&a->tree, temp);
}

int
archive_commit(const struct archive *a, const char *temp, const char *path)
{
	return tree_commit(&a->tree, temp, path, true);
}

int
archive_delete(struct archive *a, const char *path, bool durable)
{
	if (!a->on)
		return -ENOENT;
	return a->s3 != NULL ? archs3_delete(a, path) :
	    tree_remove(&a->tree, path, durable);
}
