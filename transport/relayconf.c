#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/relayconf.h"

#define BLANKS	" \t\r\n"

int
relayconf_line(char *line, char **word, char **value)
{
	size_t len = strlen(line);

	while (len > 0 && strchr(BLANKS, line[len - 1]) != NULL)
		line[--len] = '\0';
	*word = line + strspn(line, BLANKS);
	if (**word == '\0' || **word == '#')
		return 0;
	*value = *word + strcspn(*word, BLANKS);
	if (**value != '\0')
		*(*value)++ = '\0';
	*value += strspn(*value, BLANKS);
	return 1;
}

int
relayconf_read(const char *path, int (*take)(void *arg, const char *word,
    const char *value, unsigned line), void *arg)
{
	FILE *f = fopen(path, "re");
	char *line = NULL, *word, *value;
	size_t size = 0;
	unsigned n = 0;
	int r = 0;

	if (f == NULL)
		return -errno;
	while (r == 0 && getline(&line, &size, f) >= 0) {
		n++;
		if (relayconf_line(line, &word, &value) == 1)
			r = take(arg, word, value, n);
	}
	if (r == 0 && ferror(f))
		r = -EIO;
	free(line);
	fclose(f);
	return r;
}
