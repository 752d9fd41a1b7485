#include <errno.h>
#include <string.h>

#include "lib/base/hex.h"
#include "lib/net/awschunk.h"

enum { SIZE, DATA, DATA_END, TRAILER, END };

/* Gather a line.  1 when it is whole, in c->line without its end; 0 to wait. */
static int
gather(struct awschunk *c, const char *buf, size_t len, size_t *used)
{
	const char *nl = memchr(buf, '\n', len);
	size_t n = nl != NULL ? (size_t)(nl - buf) + 1 : len;

	*used = n;
	if (n >= AWSCHUNK_LINE - c->len)
		return -EBADMSG;
	memcpy(c->line + c->len, buf, n);
	c->len += (unsigned)n;
	if (nl == NULL)
		return 0;
	if (c->len < 2 || c->line[c->len - 2] != '\r')
		return -EBADMSG;
	c->len -= 2;
	c->line[c->len] = '\0';
	return memchr(c->line, '\0', c->len) != NULL ||
	    memchr(c->line, '\r', c->len) != NULL ? -EBADMSG : 1;
}

static int
read_size(struct awschunk *c)
{
	static const char name[] = ";chunk-signature=";
	const char *p = c->line;
	int digits = 0, d;

	c->left = 0;
	c->signature[0] = '\0';
	while ((d = hex_digit(*p)) >= 0) {
		if (++digits > 15)
			return -EBADMSG;
		c->left = c->left << 4 | (uint64_t)d;
		p++;
	}
	if (digits == 0)
		return -EBADMSG;
	if (*p != '\0') {
		if (strncmp(p, name, sizeof(name) - 1) != 0 ||
		    strlen(p) != sizeof(name) - 1 + AWSCHUNK_SIG)
			return -EBADMSG;
		memcpy(c->signature, p + sizeof(name) - 1, AWSCHUNK_SIG + 1);
	}
	c->len = 0;
	return 0;
}

/* One state's step: what it found, or -1 to go on in another. */
static int
step(struct awschunk *c, const char *buf, size_t len, size_t *used,
    struct h1_str *text)
{
	int r;

	if (c->state == DATA) {
		*used = c->left < len ? (size_t)c->left : len;
		*text = (struct h1_str){ buf, *used };
		c->left -= *used;
		if (c->left == 0)
			c->state = DATA_END;
		return AWSCHUNK_DATA;
	}
	r = gather(c, buf, len, used);
	if (r <= 0)
		return r < 0 ? r : AWSCHUNK_MORE;
	switch (c->state) {
	case SIZE:
		if (read_size(c) < 0)
			return -EBADMSG;
		c->state = c->left > 0 ? DATA : TRAILER;
		return c->left > 0 ? -1 : AWSCHUNK_CHUNK;
	case DATA_END:
		if (c->len > 0)
			return -EBADMSG;
		c->state = SIZE;
		return AWSCHUNK_CHUNK;
	default:
		if (c->len == 0) {
			c->state = END;
			return AWSCHUNK_END;
		}
		if (++c->trailers > AWSCHUNK_TRAILERS)
			return -EBADMSG;
		*text = (struct h1_str){ c->line, c->len };
		c->len = 0;
		return AWSCHUNK_TRAILER;
	}
}

int
awschunk_next(struct awschunk *c, const char *buf, size_t len, size_t *used,
    struct h1_str *text)
{
	*used = 0;
	if (c->state == END)
		return len == 0 ? AWSCHUNK_END : -EBADMSG;
	while (*used < len) {
		size_t n;
		int r = step(c, buf + *used, len - *used, &n, text);

		*used += n;
		if (r != -1)
			return r;
	}
	return AWSCHUNK_MORE;
}
