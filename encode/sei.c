#include <string.h>

#include "encode/sei.h"

size_t
sei_put(uint8_t *out, enum codec codec, uint8_t type, const uint8_t *message,
    size_t len)
{
	static const uint8_t head[] = { 0, 0, 0, 1, 6 }, head2[] = { 0, 0, 0, 1, 39 << 1, 1 };
	size_t n = codec == CODEC_HEVC ? sizeof(head2) : sizeof(head);
	unsigned zeros = 0;

	memcpy(out, codec == CODEC_HEVC ? head2 : head, n);
	out[n++] = type;
	out[n++] = (uint8_t)len;
	for (size_t i = 0; i < len; i++) {
		if (zeros == 2 && message[i] <= 3) {
			out[n++] = 3;	/* emulation prevention */
			zeros = 0;
		}
		out[n++] = message[i];
		zeros = message[i] == 0 ? zeros + 1 : 0;
	}
	out[n++] = 0x80;
	return n;
}
