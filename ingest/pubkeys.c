#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/pubkeys.h"
#include "lib/net/rtmp.h"

#define LINE	(2 * RTMP_NAME + RTMPD_NAME + 64)

static bool
is_name(const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.";

	return *text != '\0' && *text != '.' && text[strspn(text, good)] == '\0' &&
	    strlen(text) < RTMPD_NAME;
}

int
pubkeys_parse(char *line, struct pubkey *key, const char **reason)
{
	static const char space[] = " \t\r\n";
	char *next, *path = strtok_r(line, space, &next), *name, *word;
	size_t app;

	if (path == NULL || *path == '#')
		return 0;
	*key = (struct pubkey){ .takeover = false };
	name = strtok_r(NULL, space, &next);
	*reason = "it needs an app, a slash and a key";
	path += strspn(path, "/");
	app = strcspn(path, "/");
	if (path[app + strspn(path + app, "/")] == '\0')
		return -EINVAL;
	*reason = "a key is too long";
	if (strlen(path) >= RTMP_NAME)
		return -EINVAL;
	*reason = "it needs a name of letters, digits, '.', '-' and '_'";
	if (name == NULL || !is_name(name))
		return -EINVAL;
	memcpy(key->name, name, strlen(name) + 1);
	*reason = "after the name there can only be 'socket' and 'takeover'";
	while ((word = strtok_r(NULL, space, &next)) != NULL) {
		if (strcmp(word, "takeover") == 0)
			key->takeover = true;
		else if (strcmp(word, "socket") == 0)
			key->is_socket = true;
		else
			return -EINVAL;
	}
	rtmpd_digest("", path, key->digest);
	return 1;
}

static bool
is_double(const struct pubkeys *k, const struct pubkey *key, const char **reason)
{
	for (unsigned i = 0; i < k->n; i++) {
		*reason = "its name is that of another line";
		if (strcmp(k->key[i].name, key->name) == 0)
			return true;
		*reason = "its key is that of another line";
		if (memcmp(k->key[i].digest, key->digest, RTMPD_DIGEST) == 0)
			return true;
	}
	return false;
}

static int
read_lines(struct pubkeys *k, FILE *f, char line[static LINE], char why[static WHY_ROOM])
{
	const char *reason = "";

	for (unsigned number = 1; fgets(line, LINE, f) != NULL; number++) {
		struct pubkey key;
		int r;

		if (strchr(line, '\n') == NULL && !feof(f))
			return why_wrong(why, "line %u is too long", number);
		r = pubkeys_parse(line, &key, &reason);
		if (r < 0 || (r > 0 && is_double(k, &key, &reason)))
			return why_wrong(why, "line %u: %s", number, reason);
		if (r > 0 && k->n == PUBKEYS_MAX)
			return why_wrong(why, "it has more than %u keys", PUBKEYS_MAX);
		if (r > 0)
			k->key[k->n++] = key;
	}
	if (ferror(f))
		return why_failed(why, -EIO, "it cannot be read");
	return k->n == 0 ? why_wrong(why, "there is no key in it") : 0;
}

int
pubkeys_read(struct pubkeys *k, const char *path, char why[static WHY_ROOM])
{
	/* Of a named pipe that has taken its place nobody may ever write. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;
	char line[LINE];
	struct stat st;

	k->n = 0;
	if (f == NULL) {
		r = why_failed(why, -errno, "%s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		r = why_wrong(why, "it is no regular file");
	else if ((st.st_mode & 077) != 0)
		r = why_wrong(why, "others can read it: chmod 600");
	else
		r = read_lines(k, f, line, why);
	explicit_bzero(line, sizeof(line));
	fclose(f);
	return r;
}
