#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/base64.h"
#include "lib/base/log.h"
#include "lib/leg/ristlogin.h"

#define LINE_ROOM	4096

/* The bytes of a part of a line, up to a colon or the end; *line moves after it. */
static char *
take_part(const char **line, size_t *len)
{
	size_t n = strcspn(*line, ":\r\n");
	uint8_t *out = malloc(n + 1);
	int r = out != NULL && n > 0 ? base64_decode(*line, n, out, n) : -1;

	*line += n + ((*line)[n] == ':');
	if (r <= 0) {
		free(out);
		return NULL;
	}
	*len = (size_t)r;
	return (char *)out;
}

bool
ristlogin_line(const char *line, const char *user, size_t *verifier_len,
    char **verifier, size_t *salt_len, char **salt)
{
	size_t len = strlen(user);

	if (len == 0 || strncmp(line, user, len) != 0 || line[len] != ':')
		return false;
	line += len + 1;
	*verifier = take_part(&line, verifier_len);
	*salt = take_part(&line, salt_len);
	if (*verifier != NULL && *salt != NULL)
		return true;
	free(*verifier);
	free(*salt);
	*verifier = *salt = NULL;
	*verifier_len = *salt_len = 0;
	return false;
}

void
ristlogin_find(char *user, size_t *verifier_len, char **verifier, size_t *salt_len,
    char **salt, bool *usual, char **modulus, char **generator, void *path)
{
	FILE *f = fopen(path, "re");
	char line[LINE_ROOM];

	*modulus = *generator = NULL;
	*usual = true;
	if (f == NULL) {
		log_warn(errno, "cannot open '%s'", (const char *)path);
		return;
	}
	while (fgets(line, sizeof(line), f) != NULL &&
	    !ristlogin_line(line, user, verifier_len, verifier, salt_len, salt))
		;
	fclose(f);
}
