#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "origin/tokens.h"

void
tokens_init(struct tokens *t, const char *file)
{
	pthread_rwlock_init(&t->lock, NULL);
	t->file = file;
	t->count = 0;
}

int
tokens_load(struct tokens *t)
{
	FILE *f = fopen(t->file, "re");
	unsigned char fresh[TOKENS_MAX][TOKEN_MAX] = { { 0 } };
	char line[TOKEN_MAX + 2];
	unsigned count = 0;
	int err = f == NULL ? -errno : 0;

	while (err == 0 && fgets(line, sizeof(line), f) != NULL) {
		size_t len = strcspn(line, "\r\n");

		if ((line[len] == '\0' && !feof(f)) ||
		    (len >= TOKEN_MAX && line[0] != '#'))
			err = -ENAMETOOLONG;
		else if (len == 0 || line[0] == '#')
			continue;
		else if (count == TOKENS_MAX)
			err = -E2BIG;
		else
			memcpy(fresh[count++], line, len);
	}
	if (f != NULL && err == 0 && ferror(f))
		err = -EIO;
	if (f != NULL)
		fclose(f);
	if (err == 0 && count == 0)
		err = -ENODATA;
	if (err < 0)
		return err;
	pthread_rwlock_wrlock(&t->lock);
	memcpy(t->token, fresh, sizeof(fresh));
	t->count = count;
	pthread_rwlock_unlock(&t->lock);
	return 0;
}

bool
tokens_match(struct tokens *t, struct h1_str value)
{
	unsigned char given[TOKEN_MAX] = { 0 };
	bool found = false;

	if (value.len < 8 || !h1_is((struct h1_str){ value.p, 7 }, "bearer "))
		return false;
	value.p += 7;
	value.len -= 7;
	while (value.len > 0 && value.p[0] == ' ') {	/* one space or more */
		value.p++;
		value.len--;
	}
	if (value.len >= TOKEN_MAX)
		return false;
	memcpy(given, value.p, value.len);
	pthread_rwlock_rdlock(&t->lock);
	for (unsigned i = 0; i < t->count; i++) {
		unsigned char differ = 0;

		/* Every byte, whether the ones before were right or not. */
		for (unsigned k = 0; k < TOKEN_MAX; k++)
			differ |= (unsigned char)(given[k] ^ t->token[i][k]);
		found |= differ == 0;
	}
	pthread_rwlock_unlock(&t->lock);
	return found;
}
