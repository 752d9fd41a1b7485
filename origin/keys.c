#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "origin/keys.h"

#define LINE	1024

void
keys_init(struct keys *k, const char *file)
{
	pthread_rwlock_init(&k->lock, NULL);
	k->file = file;
	k->count = 0;
	k->key = NULL;
}

static bool
copy(char *to, size_t size, const char *from)
{
	int n = from == NULL ? -1 : snprintf(to, size, "%s", from);

	return n > 0 && (size_t)n < size;
}

static int
parse_line(char *line, struct key *key)
{
	static const char space[] = " \t\r\n";
	char *next, *word = strtok_r(line, space, &next);

	*key = (struct key){ .rights = KEY_READ | KEY_WRITE };
	if (!copy(key->id, sizeof(key->id), word) ||
	    !copy(key->secret, sizeof(key->secret), strtok_r(NULL, space, &next)))
		return -EBADMSG;
	word = strtok_r(NULL, space, &next);
	if (word == NULL)
		return 0;
	if (strcmp(word, "read") == 0)
		key->rights = KEY_READ;
	else if (strcmp(word, "write") == 0)
		key->rights = KEY_WRITE;
	else if (strcmp(word, "all") != 0)
		return -EBADMSG;
	word = strtok_r(NULL, space, &next);
	if (word == NULL)
		return 0;
	word += strspn(word, "/");
	return (*word == '\0' || copy(key->prefix, sizeof(key->prefix), word)) &&
	    strtok_r(NULL, space, &next) == NULL ? 0 : -EBADMSG;
}

static int
read_keys(FILE *f, struct key *key, unsigned *count)
{
	char line[LINE];
	struct stat st;

	if (fstat(fileno(f), &st) < 0)
		return -errno;
	if ((st.st_mode & 077) != 0)
		return -EPERM;
	*count = 0;
	while (fgets(line, sizeof(line), f) != NULL) {
		size_t at = strspn(line, " \t\r\n");

		if (strchr(line, '\n') == NULL && !feof(f))
			return -EBADMSG;
		if (line[at] == '\0' || line[at] == '#')
			continue;
		if (*count == KEYS_MAX)
			return -E2BIG;
		if (parse_line(line, &key[*count]) < 0)
			return -EBADMSG;
		++*count;
	}
	explicit_bzero(line, sizeof(line));
	return ferror(f) ? -EIO : *count == 0 ? -ENODATA : 0;
}

static void
drop(struct key *key)
{
	if (key != NULL)
		explicit_bzero(key, KEYS_MAX * sizeof(*key));
	free(key);
}

int
keys_load(struct keys *k)
{
	struct key *fresh = calloc(KEYS_MAX, sizeof(*fresh)), *old;
	FILE *f = fopen(k->file, "re");
	unsigned count = 0;
	int err = f == NULL ? -errno : fresh == NULL ? -ENOMEM : 0;

	if (err == 0)
		err = read_keys(f, fresh, &count);
	if (f != NULL)
		fclose(f);
	if (err < 0) {
		drop(fresh);
		return err;
	}
	pthread_rwlock_wrlock(&k->lock);
	old = k->key;
	k->key = fresh;
	k->count = count;
	pthread_rwlock_unlock(&k->lock);
	drop(old);
	return 0;
}

bool
keys_find(struct keys *k, const char *id, struct key *out)
{
	bool found = false;

	pthread_rwlock_rdlock(&k->lock);
	for (unsigned i = 0; i < k->count && !found; i++) {
		found = strcmp(k->key[i].id, id) == 0;
		if (found)
			*out = k->key[i];
	}
	pthread_rwlock_unlock(&k->lock);
	return found;
}

bool
key_allows(const struct key *k, unsigned rights, const char *path)
{
	return (k->rights & rights) == rights &&
	    strncmp(path, k->prefix, strlen(k->prefix)) == 0;
}
