#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/order.h"
#include "lib/base/log.h"
#include "lib/base/opt.h"

#define SPACE	" \t\r"

void
order_open(struct order *o, const char *path)
{
	struct stat st;

	*o = (struct order){ .path = path, .fd = -1 };
	if (path == NULL)
		return;
	o->made = mkfifo(path, 0600) == 0;
	if (!o->made && errno != EEXIST)
		fatal(EXIT_RUNTIME, errno, "cannot make the named pipe '%s'", path);
	/* For writing, too: then it has no end when a writer goes. */
	o->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (o->fd < 0)
		fatal(EXIT_RUNTIME, errno, "cannot open '%s'", path);
	if (fstat(o->fd, &st) < 0 || !S_ISFIFO(st.st_mode))
		fatal(EXIT_USAGE, 0, "--control '%s' is no named pipe", path);
}

void
order_close(struct order *o)
{
	if (o->fd < 0)
		return;
	close(o->fd);
	if (o->made)
		unlink(o->path);
}

enum order_verb
order_parse(const char *line, unsigned *n, bool *wrong)
{
	static const struct opt_unit plain[] = { { "", 1 }, { NULL, 0 } };
	char word[3][32];
	unsigned words = 0;
	uint64_t value;

	*wrong = true;
	for (const char *p = line; *(p += strspn(p, SPACE)) != '\0' && words < 3; words++) {
		size_t len = strcspn(p, SPACE);

		if (*p == '#' && words == 0)
			break;
		if (len >= sizeof(word[0]))
			return ORDER_NONE;
		memcpy(word[words], p, len);
		word[words][len] = '\0';
		p += len;
	}
	if (words == 0) {
		*wrong = false;
		return ORDER_NONE;
	}
	if (words == 1 && strcmp(word[0], "auto") == 0) {
		*wrong = false;
		return ORDER_AUTO;
	}
	if (words != 2 || strcmp(word[0], "switch") != 0 ||
	    opt_scaled(word[1], plain, &value) < 0 || value > 1000)
		return ORDER_NONE;
	*n = (unsigned)value;
	*wrong = false;
	return ORDER_SWITCH;
}

/* Read a line; false: there is none yet. */
static bool
next_line(struct order *o, char *line)
{
	ssize_t got = read(o->fd, o->line + o->len, sizeof(o->line) - o->len);
	char *end;
	size_t used;

	if (got > 0)
		o->len += (size_t)got;
	end = memchr(o->line, '\n', o->len);
	if (end == NULL) {
		if (o->len == sizeof(o->line)) {
			o->overlong = true;
			o->len = 0;
		}
		return false;
	}
	*end = '\0';
	used = (size_t)(end - o->line) + 1;
	memcpy(line, o->line, used);
	o->len -= used;
	memmove(o->line, o->line + used, o->len);
	return true;
}

enum order_verb
order_next(struct order *o, unsigned *n)
{
	char line[sizeof(o->line)];
	enum order_verb verb = ORDER_NONE;
	bool wrong = false;

	while (o->fd >= 0 && verb == ORDER_NONE && next_line(o, line)) {
		if (o->overlong || strlen(line) == 0)
			wrong = o->overlong;
		else
			verb = order_parse(line, n, &wrong);
		o->overlong = false;
		if (wrong)
			log_warn(0, "--control: '%.60s' is no command: switch N, auto", line);
	}
	return verb;
}
