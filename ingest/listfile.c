#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/listfile.h"
#include "lib/base/url.h"
#include "lib/net/place.h"

#define NAME_ROOM	4096

void
listfile_clear(struct listfile *l)
{
	for (unsigned i = 0; i < l->n; i++)
		free(l->name[i]);
	free(l->name);
	*l = (struct listfile){ .name = NULL };
}

static bool
ends_in(const char *path, const char *const *list)
{
	const char *dot = strrchr(path, '.');

	for (; dot != NULL && *list != NULL; list++)
		if (strcasecmp(dot + 1, *list) == 0)
			return true;
	return false;
}

bool
listfile_named(const char *path)
{
	static const char *const ends[] = { "txt", "ffconcat", "ffcat", "m3u", NULL };

	return ends_in(path, ends);
}

/* A playlist of HLS may be called so, too: it has tags that no other list has. */
bool
listfile_is(const char *path)
{
	bool is_hls = false;
	char line[NAME_ROOM];
	FILE *f;

	if (!listfile_named(path))
		return false;
	if ((f = fopen(path, "re")) == NULL)
		return true;		/* and why not is said when it is read */
	while (!is_hls && fgets(line, sizeof(line), f) != NULL)
		is_hls = strncmp(line, "#EXT-X-", 7) == 0;
	fclose(f);
	return !is_hls;
}

/* What file.c and avin.h read. */
static bool
is_media(const char *path)
{
	static const char *const ends[] = { "ts", "m2ts", "mts", "mp4", "m4v", "mov", "mkv",
	    "webm", "flv", "mpg", "mpeg", "vob", "avi", "ogg", "ogv", NULL };

	return *path != '.' && ends_in(path, ends);
}

int
listfile_add(struct listfile *l, char *name)
{
	if (name == NULL)
		return -ENOMEM;
	if (l->n == l->room) {
		unsigned room = l->room == 0 ? 16 : 2 * l->room;
		char **more = l->n < LISTFILE_NAMES ?
		    realloc(l->name, room * sizeof(*more)) : NULL;

		if (more == NULL) {
			free(name);
			return l->n < LISTFILE_NAMES ? -ENOMEM : -E2BIG;
		}
		l->name = more;
		l->room = room;
	}
	l->name[l->n++] = name;
	return 0;
}

/* ---- lists */

static bool
is_address(const char *name)
{
	return strstr(name, "://") != NULL;
}

static bool
is_file_address(const char *name)
{
	enum place_kind kind = place_kind(name);

	return kind == PLACE_HTTP || kind == PLACE_S3;
}

static int
add_name(struct listfile *l, const char *list, const char *name, unsigned line,
    char why[static WHY_ROOM])
{
	const char *slash = strrchr(list, '/');
	int dir = slash != NULL ? (int)(slash - list) + 1 : 0, r;
	char *path = NULL, local[NAME_ROOM];

	if (strncasecmp(name, "file:///", 8) == 0 &&
	    url_unescape(name + 7, strlen(name + 7), local, sizeof(local)) == 0)
		name = local;
	if (is_address(name) && !is_file_address(name)) {
		snprintf(why, WHY_ROOM, "line %u: '%.100s' is no file", line, name);
		return -EBADMSG;
	}
	if (!is_address(name) && listfile_named(name)) {
		snprintf(why, WHY_ROOM, "line %u: '%.100s' is a list in a list", line, name);
		return -EBADMSG;
	}
	if (is_address(name) || *name == '/')
		path = strdup(name);
	else if (asprintf(&path, "%s%.*s%s", dir == 0 ? "./" : "", dir, list, name) < 0)
		path = NULL;
	r = listfile_add(l, path);
	if (r < 0)
		snprintf(why, WHY_ROOM, r == -E2BIG ? "more than %d files" : "out of memory",
		    LISTFILE_NAMES);
	return r;
}

/* As av_get_token(): quotes, and a backslash outside of them.  False: a quote is open. */
static bool
unquote(const char *p, char out[static NAME_ROOM])
{
	size_t n = 0, end = 0;
	bool quoted = false;

	for (; *p != '\0'; p++) {
		bool plain = quoted;

		if (*p == '\'') {
			quoted = !quoted;
			end = n;
			continue;
		}
		if (!quoted && *p == '\\' && p[1] != '\0') {
			p++;
			plain = true;
		}
		out[n++] = *p;
		if (plain || (*p != ' ' && *p != '\t'))
			end = n;
	}
	out[end] = '\0';
	return !quoted;
}

static bool
begins(const char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) == 0 && (line[len] == ' ' || line[len] == '\t');
}

static int
take_directive(struct listfile *l, const char *list, const char *line, unsigned number,
    char why[static WHY_ROOM])
{
	static const char *const pass[] = { "ffconcat", "duration", "file_packet_metadata",
	    "file_packet_meta", "stream", "exact_stream_id", "stream_meta", "stream_codec",
	    "stream_extradata", "option", "chapter", NULL };
	char name[NAME_ROOM];

	if (begins(line, "file")) {
		line += 4;
		line += strspn(line, " \t");
		if (unquote(line, name) && *name != '\0')
			return add_name(l, list, name, number, why);
		snprintf(why, WHY_ROOM, "line %u: '%.100s' is no name", number, line);
		return -EBADMSG;
	}
	for (unsigned i = 0; pass[i] != NULL; i++)
		if (begins(line, pass[i]) || strcmp(line, "stream") == 0)
			return 0;
	if (begins(line, "inpoint") || begins(line, "outpoint")) {
		snprintf(why, WHY_ROOM, "line %u: '%.100s' cannot be done: files are played whole",
		    number, line);
		return -EBADMSG;
	}
	snprintf(why, WHY_ROOM, "line %u: '%.*s' is not understood", number,
	    (int)strcspn(line, " \t"), line);
	return -EBADMSG;
}

/* One line, without blanks at its ends. */
static int
take_line(struct listfile *l, const char *list, const char *line, unsigned number, int *concat,
    char why[static WHY_ROOM])
{
	if (*line == '\0' || *line == '#')
		return 0;
	if (*concat < 0)
		*concat = begins(line, "ffconcat") || begins(line, "file");
	if (*concat > 0)
		return take_directive(l, list, line, number, why);
	return add_name(l, list, line, number, why);
}

int
listfile_parse(struct listfile *l, const char *path, const char *text, size_t len,
    char why[static WHY_ROOM])
{
	const char *p = text, *end = text + len;
	char line[NAME_ROOM];
	unsigned number = 1;
	int concat = -1, r = 0;

	if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	for (; p < end && r == 0; number++) {
		const char *eol = memchr(p, '\n', (size_t)(end - p)), *next;
		size_t n;

		eol = eol != NULL ? eol : end;
		next = eol < end ? eol + 1 : end;
		while (p < eol && (*p == ' ' || *p == '\t'))
			p++;
		while (eol > p && (eol[-1] == ' ' || eol[-1] == '\t' || eol[-1] == '\r'))
			eol--;
		n = (size_t)(eol - p);
		if (n >= sizeof(line) || memchr(p, '\0', n) != NULL) {
			snprintf(why, WHY_ROOM, "line %u is no name", number);
			r = -EBADMSG;
			break;
		}
		memcpy(line, p, n);
		line[n] = '\0';
		r = take_line(l, path, line, number, &concat, why);
		p = next;
	}
	if (r < 0)
		listfile_clear(l);
	return r;
}

/* ---- files */

static int
read_list(struct listfile *l, int fd, const char *path, char why[static WHY_ROOM])
{
	char *text = malloc(LISTFILE_BYTES + 1);
	size_t len = 0;
	ssize_t n = 0;
	int r;

	snprintf(why, WHY_ROOM, "cannot read");
	if (text == NULL)
		return -ENOMEM;
	while (len <= LISTFILE_BYTES &&
	    (n = read(fd, text + len, LISTFILE_BYTES + 1 - len)) > 0)
		len += (size_t)n;
	r = n < 0 ? -errno : len > LISTFILE_BYTES ? -EFBIG :
	    listfile_parse(l, path, text, len, why);
	free(text);
	return r;
}

int
listfile_order(const void *a, const void *b)
{
	return strverscmp(*(char *const *)a, *(char *const *)b);
}

static int
read_folder(struct listfile *l, int fd, const char *path, char why[static WHY_ROOM])
{
	DIR *d = fdopendir(fd);
	struct dirent *e;
	struct stat st;
	int r = 0;

	snprintf(why, WHY_ROOM, "cannot read");
	if (d == NULL) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		char *name = NULL;

		if (!is_media(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
		    !S_ISREG(st.st_mode))
			continue;
		if (asprintf(&name, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/",
		    e->d_name) < 0)
			name = NULL;
		r = listfile_add(l, name);
	}
	if (r == 0 && errno != 0)
		r = -errno;
	closedir(d);
	if (r < 0)
		listfile_clear(l);
	else if (l->n > 1)
		qsort(l->name, l->n, sizeof(*l->name), listfile_order);
	return r;
}

int
listfile_read(struct listfile *l, const char *path, char why[static WHY_ROOM])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;
	struct stat st;

	listfile_clear(l);
	snprintf(why, WHY_ROOM, "cannot open");
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return read_folder(l, fd, path, why);
	r = read_list(l, fd, path, why);
	close(fd);
	return r;
}
