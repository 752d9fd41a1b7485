#include <errno.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/net/pagetoken.h"

#define MARK	4

static const char digit[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
mark_of(const char *folder, unsigned char mark[static MARK])
{
	uint64_t h = hash_add(HASH_START, folder, strlen(folder));

	for (int i = 0; i < MARK; i++)
		mark[i] = (unsigned char)(h >> (8 * i));
}

void
pagetoken_put(const char *folder, const char *name, char out[static PAGETOKEN_MAX])
{
	unsigned char raw[MARK + PAGETOKEN_NAME];
	size_t len = strnlen(name, PAGETOKEN_NAME - 1) + MARK, n = 0;
	unsigned bits = 0, have = 0;

	mark_of(folder, raw);
	memcpy(raw + MARK, name, len - MARK);
	for (size_t i = 0; i < len; i++) {
		bits = (bits << 8 | raw[i]) & 0xffff;
		for (have += 8; have >= 6; have -= 6)
			out[n++] = digit[bits >> (have - 6) & 63];
	}
	if (have > 0)
		out[n++] = digit[bits << (6 - have) & 63];
	out[n] = '\0';
}

int
pagetoken_parse(struct h1_str text, const char *folder,
    char name[static PAGETOKEN_NAME])
{
	unsigned char raw[MARK + PAGETOKEN_NAME], mark[MARK];
	unsigned bits = 0, have = 0;
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		const char *d = text.p[i] == '\0' ? NULL : strchr(digit, text.p[i]);

		if (d == NULL)
			return -EINVAL;
		bits = (bits << 6 | (unsigned)(d - digit)) & 0xffff;
		have += 6;
		if (have < 8)
			continue;
		have -= 8;
		if (n == sizeof(raw) - 1)
			return -EINVAL;
		raw[n++] = (unsigned char)(bits >> have);
	}
	mark_of(folder, mark);
	if (n <= MARK || memcmp(raw, mark, MARK) != 0 ||
	    (bits & ((1u << have) - 1)) != 0 || have >= 6)
		return -EINVAL;
	for (size_t i = MARK; i < n; i++)
		if (raw[i] < ' ' || raw[i] == 0x7f || raw[i] == '/')
			return -EINVAL;
	memcpy(name, raw + MARK, n - MARK);
	name[n - MARK] = '\0';
	return 0;
}
