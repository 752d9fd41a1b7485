#include <errno.h>
#include <string.h>

#include "lib/media/nal.h"

/*
 * memchr() goes through coded pictures at many bytes a cycle, and one byte in
 * 256 of them is a 1; the two before it decide.
 */
size_t
nal_find(const uint8_t *p, size_t len)
{
	const uint8_t *q = p + 2, *end = p + len;

	if (len < 3)
		return len;
	while (q < end && (q = memchr(q, 1, (size_t)(end - q))) != NULL) {
		if (q[-1] == 0 && q[-2] == 0)
			return (size_t)(q - 2 - p);
		q += 3;			/* two zeros must come before the next */
	}
	return len;
}

bool
nal_next(struct nal_iter *it, struct nal *nal)
{
	while (it->p < it->end) {
		const uint8_t *data;
		size_t left = (size_t)(it->end - it->p);
		size_t code = nal_find(it->p, left), len;

		if (left - code <= 3) {
			it->p = it->end;
			break;
		}
		data = it->p + code + 3;
		len = nal_find(data, left - code - 3);
		it->p = data + len;
		while (len > 0 && data[len - 1] == 0)
			len--;
		if (len > 0) {
			*nal = (struct nal){ data, len };
			return true;
		}
	}
	return false;
}

int
nal_next_prefixed(struct nal_iter *it, unsigned length_size, struct nal *nal)
{
	while (it->p < it->end) {
		uint32_t len = 0;

		if ((size_t)(it->end - it->p) < length_size)
			return -EBADMSG;
		for (unsigned i = 0; i < length_size; i++)
			len = len << 8 | it->p[i];
		if ((size_t)(it->end - it->p) - length_size < len)
			return -EBADMSG;
		*nal = (struct nal){ it->p + length_size, len };
		it->p += length_size + len;
		if (len > 0)
			return 1;
	}
	return 0;
}

bool
nal_dropped(enum codec c, struct nal n, unsigned drop)
{
	unsigned type = nal_type(c, n);

	if (c == CODEC_HEVC) {
		switch (type) {
		case HEVC_AUD:
			return (drop & NAL_DROP_AUD) != 0;
		case HEVC_FILLER:
			return (drop & NAL_DROP_FILLER) != 0;
		case HEVC_VPS:
		case HEVC_SPS:
		case HEVC_PPS:
			return (drop & NAL_DROP_PARAMS) != 0;
		case HEVC_SEI_PREFIX:
		case HEVC_SEI_SUFFIX:
			return (drop & NAL_DROP_SEI) != 0;
		default:
			return false;
		}
	}
	switch (type) {
	case AVC_AUD:
		return (drop & NAL_DROP_AUD) != 0;
	case AVC_FILLER:
		return (drop & NAL_DROP_FILLER) != 0;
	case AVC_SPS:
	case AVC_PPS:
	case AVC_SPS_EXT:
		return (drop & NAL_DROP_PARAMS) != 0;
	case AVC_SEI:
		return (drop & NAL_DROP_SEI) != 0;
	default:
		return false;
	}
}

int64_t
nal_to_prefixed(enum codec c, const uint8_t *p, size_t len, unsigned drop,
    uint8_t *out, size_t size)
{
	struct nal_iter it = { p, p + len };
	struct nal n;
	size_t fill = 0;

	while (nal_next(&it, &n)) {
		if (nal_dropped(c, n, drop))
			continue;
		if (n.len > UINT32_MAX || size - fill < 4 || size - fill - 4 < n.len)
			return -ENOSPC;
		out[fill++] = (uint8_t)(n.len >> 24);
		out[fill++] = (uint8_t)(n.len >> 16);
		out[fill++] = (uint8_t)(n.len >> 8);
		out[fill++] = (uint8_t)n.len;
		memcpy(out + fill, n.data, n.len);
		fill += n.len;
	}
	return (int64_t)fill;
}

int64_t
nal_to_annexb(enum codec c, const uint8_t *p, size_t len, unsigned length_size,
    unsigned drop, uint8_t *out, size_t size)
{
	static const uint8_t start_code[4] = { 0, 0, 0, 1 };
	struct nal_iter it = { p, p + len };
	struct nal n;
	size_t fill = 0;
	int r;

	while ((r = nal_next_prefixed(&it, length_size, &n)) > 0) {
		if (nal_dropped(c, n, drop))
			continue;
		if (out != NULL) {
			if (size - fill < 4 || size - fill - 4 < n.len)
				return -ENOSPC;
			memcpy(out + fill, start_code, 4);
			memcpy(out + fill + 4, n.data, n.len);
		}
		fill += 4 + n.len;
	}
	return r < 0 ? r : (int64_t)fill;
}

size_t
nal_unescape(const uint8_t *p, size_t len, uint8_t *out, size_t size)
{
	size_t fill = 0;
	unsigned zeros = 0;

	for (size_t i = 0; i < len && fill < size; i++) {
		if (zeros >= 2 && p[i] == 3) {
			zeros = 0;
			continue;
		}
		zeros = p[i] == 0 ? zeros + 1 : 0;
		out[fill++] = p[i];
	}
	return fill;
}

size_t
nal_escape(const uint8_t *p, size_t len, uint8_t *out, size_t size)
{
	size_t fill = 0;
	unsigned zeros = 0;

	for (size_t i = 0; i < len; i++) {
		if (zeros >= 2 && p[i] <= 3) {
			if (fill == size)
				return 0;
			out[fill++] = 3;
			zeros = 0;
		}
		if (fill == size)
			return 0;
		zeros = p[i] == 0 ? zeros + 1 : 0;
		out[fill++] = p[i];
	}
	return fill;
}
