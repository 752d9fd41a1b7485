/* Tokens of the edge: an end, a prefix, and the HMAC of both. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#include "origin/edge.h"

bool
edge_word(const char *s)
{
	for (const char *p = s; *p != '\0'; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"'\\#{}$", *p) != NULL)
			return false;
	return *s != '\0';
}

int
edge_token_key(const char *file, char key[static EDGE_KEY_MAX + 1])
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	size_t len;

	if (fd < 0)
		return -errno;
	n = read(fd, key, EDGE_KEY_MAX);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	key[n] = '\0';
	len = strcspn(key, "\n");
	/* Varnish reads the file whole: what it takes off is one end of line. */
	if (len < EDGE_KEY_MIN || n == EDGE_KEY_MAX || (key[len] == '\n' && key[len + 1] != '\0'))
		return -EINVAL;
	key[len] = '\0';
	return edge_word(key) ? 0 : -EINVAL;
}

int
edge_token(const char *key, const char *prefix, int64_t until_s, struct text *t)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	size_t start = t->len;

	text_add(t, "exp=%lld~acl=%s", (long long)until_s, prefix);
	if (t->failed || HMAC(EVP_sha256(), key, (int)strlen(key),
	    (const unsigned char *)t->p + start, t->len - start, mac, &len) == NULL)
		return -ENOMEM;
	text_add(t, "~hmac=");
	for (unsigned i = 0; i < len; i++)
		text_add(t, "%02x", mac[i]);
	return t->failed ? -ENOMEM : 0;
}
