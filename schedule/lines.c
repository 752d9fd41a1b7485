#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/log.h"
#include "schedule/lines.h"

void
lines_each(const char *path, void (*line)(void *arg, char *line, const char *name),
    void *arg)
{
	FILE *f = fopen(path, "re");
	const char *slash = strrchr(path, '/');
	char name[64], *text = NULL;
	size_t size = 0;
	unsigned n = 0;
	ssize_t len;

	if (f == NULL)
		fatal(EXIT_USAGE, errno, "cannot open '%s'", path);
	while ((len = getline(&text, &size, f)) >= 0) {
		snprintf(name, sizeof(name), "%.48s:%u", slash != NULL ? slash + 1 : path, ++n);
		if (strlen(text) != (size_t)len)
			fatal(EXIT_USAGE, 0, "%s: there is a zero byte in it", name);
		while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			text[--len] = '\0';
		line(arg, text, name);
	}
	if (ferror(f))
		fatal(EXIT_USAGE, errno, "cannot read '%s'", path);
	free(text);
	fclose(f);
}
