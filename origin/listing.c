#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/clk.h"
#include "origin/listing.h"
#include "origin/pack.h"

static void
sift_down(struct listing *l)
{
	for (unsigned i = 0, k; (k = 2 * i + 1) < l->count; i = k) {
		char *swap = l->name[i];

		if (k + 1 < l->count && strcmp(l->name[k + 1], l->name[k]) > 0)
			k++;
		if (strcmp(swap, l->name[k]) >= 0)
			break;
		l->name[i] = l->name[k];
		l->name[k] = swap;
	}
}

static int
keep_name(struct listing *l, const char *name)
{
	char *copy;
	unsigned i;

	if (strcmp(name, l->after) <= 0)
		return 0;
	if (l->count == l->max) {
		l->more = true;
		if (strcmp(name, l->name[0]) >= 0)
			return 0;
	}
	copy = strdup(name);
	if (copy == NULL)
		return -ENOMEM;
	if (l->count == l->max) {
		free(l->name[0]);
		l->name[0] = copy;
		sift_down(l);
		return 0;
	}
	for (i = l->count++; i > 0 && strcmp(copy, l->name[(i - 1) / 2]) > 0;
	    i = (i - 1) / 2)
		l->name[i] = l->name[(i - 1) / 2];
	l->name[i] = copy;
	return 0;
}

/* Is it an object or a folder?  Only what the system did not say is looked at. */
static bool
counts(int fd, const struct dirent *e)
{
	struct stat st;

	if (e->d_name[0] == '.')
		return false;
	if (e->d_type == DT_UNKNOWN)
		return fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
	return e->d_type == DT_REG || e->d_type == DT_DIR;
}

static bool
is_denied(const struct listing *l, const char *name)
{
	for (const char *p = l->denied; p != NULL && *p != '\0'; p += strlen(p) + 1)
		if (strcmp(p, name) == 0)
			return true;
	return false;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of one of the two folders; but: what is in this one was there already. */
static int
read_names(struct listing *l, int folder, int but)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	struct stat st;
	int err = 0;

	if (dir == NULL) {
		err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	errno = 0;
	while (err == 0 && (e = readdir(dir)) != NULL) {
		if (counts(fd, e) && !is_denied(l, e->d_name) &&
		    (but < 0 || fstatat(but, e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0))
			err = keep_name(l, e->d_name);
		errno = 0;
	}
	if (err == 0 && errno != 0)
		err = -errno;
	closedir(dir);
	return err;
}

/* What is no UTF-8 is told as it is written in an address. */
static json_t *
text_of(const char *name)
{
	json_t *j = json_string(name);
	char plain[3 * HTTP_NAME_MAX + 1], *to = plain;

	if (j != NULL)
		return j;
	for (const char *p = name; *p != '\0' && to + 3 < plain + sizeof(plain); p++) {
		if ((unsigned char)*p >= 0x80 || *p == '%')
			to += snprintf(to, 4, "%%%02X", (unsigned char)*p);
		else
			*to++ = *p;
	}
	*to = '\0';
	return json_string(plain);
}

/* Does a rule hide it already? */
static bool
is_hidden(const struct listing *l, const char *name, int64_t birth_ns)
{
	const char *below = strchr(l->folder, '/');
	char path[2 * HTTP_PATH_MAX];

	if (l->policy == NULL || l->policy->nrule == 0)
		return false;
	snprintf(path, sizeof(path), "%s%s%s", below != NULL ? below + 1 : "",
	    below != NULL ? "/" : "", name);
	return policy_hidden(l->policy, path, birth_ns, l->now_ns);
}

static json_t *
item_of(const struct listing *l, const char *name)
{
	int flags = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
	int fd = l->dir < 0 ? -1 : openat(l->dir, name, flags);
	char etag[OBJECT_ETAG], type[STORE_FIELD];
	struct stat st;
	int64_t birth_ns;
	json_t *j = NULL;
	bool hidden;
	long ms;

	if (fd < 0 && l->archive >= 0)
		fd = openat(l->archive, name, flags);
	if (fd < 0)
		return NULL;		/* it has just been deleted */
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		j = json_pack("{s:o, s:s}", "Name", text_of(name), "Type", "FOLDER");
	} else if (S_ISREG(st.st_mode)) {
		birth_ns = tree_mtime_ns(&st);
		hidden = is_hidden(l, name, birth_ns);
		pack_etag(etag, fd, birth_ns, st.st_ino);
		store_type(fd, name, type);
		ms = st.st_mtim.tv_nsec / 1000000;
		j = hidden ? NULL : json_pack("{s:o, s:s, s:s%, s:o, s:s, s:I}",
		    "Name", text_of(name), "Type", "OBJECT",
		    "ETag", etag + 1, strlen(etag) - 2,
		    "LastModified", json_real((double)st.st_mtim.tv_sec +
		    (double)ms / 1000),
		    "ContentType", type, "ContentLength", (json_int_t)st.st_size);
	}
	close(fd);
	return j;
}

static int
make_text(struct listing *l)
{
	json_t *top = json_object(), *items = json_array(), *j;
	char token[PAGETOKEN_MAX];

	for (unsigned i = 0; i < l->count; i++)	/* what was just moved is there twice */
		if ((i == 0 || strcmp(l->name[i], l->name[i - 1]) != 0) &&
		    (j = item_of(l, l->name[i])) != NULL)
			json_array_append_new(items, j);
	json_object_set_new(top, "Items", items);
	if (l->more) {
		pagetoken_put(l->folder, l->name[l->count - 1], token);
		json_object_set_new(top, "NextToken", json_string(token));
	}
	l->text = json_dumps(top, JSON_COMPACT | JSON_REAL_PRECISION(13));
	json_decref(top);
	return l->text == NULL ? -ENOMEM : 0;
}

int
listing_read(struct listing *l, const struct store *s)
{
	int err = 0;

	l->now_ns = clk_utc_ns();
	l->dir = tree_open_folder(&s->tree, l->folder);
	l->archive = archive_open_folder(&s->archive, l->folder);
	if (l->dir < 0 && l->dir != -ENOENT)
		err = l->dir;
	if (err == 0 && l->dir >= 0)
		err = read_names(l, l->dir, -1);
	if (err == 0 && l->archive >= 0)
		err = read_names(l, l->archive, l->dir);
	qsort(l->name, l->count, sizeof(l->name[0]), by_name);
	/* A folder is there as long as something is in it. */
	if (err == 0)
		err = make_text(l);
	if (l->dir >= 0)
		close(l->dir);
	if (l->archive >= 0)
		close(l->archive);
	return err;
}

void
listing_clear(struct listing *l)
{
	for (unsigned i = 0; i < l->count; i++)
		free(l->name[i]);
	l->count = 0;
	policy_unref(&l->policy);
	free(l->text);
	free(l->denied);
	l->text = l->denied = NULL;
}
