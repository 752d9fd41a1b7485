#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "lib/media/nal.h"
#include "lib/media/sei.h"

size_t
sei_put(uint8_t *out, enum codec codec, uint8_t type, const uint8_t *message,
    size_t len)
{
	static const uint8_t head[] = { 0, 0, 0, 1, 6 }, head2[] = { 0, 0, 0, 1, 39 << 1, 1 };
	size_t n = codec == CODEC_HEVC ? sizeof(head2) : sizeof(head);

	memcpy(out, codec == CODEC_HEVC ? head2 : head, n);
	out[n++] = type;
	out[n++] = (uint8_t)len;
	n += nal_escape(message, len, out + n, len + len / 2 + 1);
	out[n++] = 0x80;
	return n;
}

/* 0xff for each 255, then the rest. */
static bool
number(const uint8_t *p, size_t len, size_t *pos, size_t *v)
{
	*v = 0;
	do {
		if (*pos >= len)
			return false;
		*v += p[*pos];
	} while (p[(*pos)++] == 0xff);
	return true;
}

int
sei_next(const uint8_t *p, size_t len, size_t *pos, struct sei_message *m)
{
	size_t left = len - *pos;

	/* What is left are the trailing bits. */
	if (left < 2 || (left == 2 && p[*pos] == 0x80))
		return 0;
	if (!number(p, len, pos, &m->type) || !number(p, len, pos, &m->len) ||
	    len - *pos < m->len) {
		*pos = len;
		return -EBADMSG;
	}
	m->data = p + *pos;
	*pos += m->len;
	return 1;
}
