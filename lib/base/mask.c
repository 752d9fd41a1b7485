#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mask.h"

/* Of p what is before any of these characters, or before the quote that closes. */
static size_t
span(const char *p, const char *stop)
{
	size_t n = strcspn(p, stop);

	for (const char *q = p; (q = memchr(q, '\'', (size_t)(p + n - q))) != NULL; q++)
		if (strchr(" :,;)", q[1]) != NULL)	/* also where the text ends */
			return (size_t)(q - p);
	return n;
}

/* The password in what follows "://": its length, and where it is.  0: none. */
static size_t
find_password(const char *p, const char **password)
{
	size_t word = span(p, " "), host = strcspn(p, "/?#");
	const char *colon, *at;

	if (host > word)
		host = word;
	colon = memchr(p, ':', host);
	if (colon == NULL || *p == '[')
		return 0;
	at = memrchr(p, '@', host);
	if (at == NULL && colon + 1 + strspn(colon + 1, "0123456789") < p + host)
		at = memrchr(p, '@', word);		/* that is no port */
	if (at == NULL || at < colon)
		return 0;
	*password = colon + 1;
	return (size_t)(at - colon - 1);
}

/* The value after ?key= or &key= of a secret. */
static size_t
find_value(const char *p, const char **value)
{
	static const char *const names[] = { "passphrase", "password", "secret" };
	size_t key = strcspn(p + 1, "=&");

	for (unsigned i = 0; p[1 + key] == '=' && i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == key && memcmp(p + 1, names[i], key) == 0) {
			*value = p + 2 + key;
			return span(*value, "&");
		}
	return 0;
}

const char *
mask_secrets(const char *text, char *out, size_t size)
{
	const char *secret = NULL;
	size_t fill = 0, len = 0;

	for (const char *p = text; *p != '\0' && fill + 1 < size; p++) {
		if (strncmp(p, "://", 3) == 0)
			len = find_password(p + 3, &secret);
		else if (*p == '?' || *p == '&')
			len = find_value(p, &secret);
		if (len > 0 && p == secret) {
			for (unsigned i = 0; i < 3 && fill + 1 < size; i++)
				out[fill++] = '*';
			p += len - 1;
			len = 0;
		} else {
			out[fill++] = *p;
		}
	}
	out[fill] = '\0';
	return out;
}
