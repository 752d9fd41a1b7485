#include <errno.h>
#include <string.h>

#include "lib/media/captions.h"
#include "lib/media/sei.h"

/* country USA, provider ATSC, 'GA94', user_data_type_code of cc_data */
static const uint8_t ga94[8] = { 0xb5, 0x00, 0x31, 'G', 'A', '9', '4', 0x03 };

int
captions_find(const uint8_t *sei, size_t len, size_t *pos, const uint8_t **cc_data,
    unsigned *cc_count)
{
	struct sei_message m;
	int r;

	while ((r = sei_next(sei, len, pos, &m)) > 0) {
		const uint8_t *p = m.data;

		if (m.type != 4 || m.len < sizeof(ga94) + 2 ||
		    memcmp(p, ga94, sizeof(ga94)) != 0)
			continue;
		if ((p[8] & 0x40) == 0)		/* process_cc_data_flag */
			continue;
		*cc_count = p[8] & 0x1f;
		*cc_data = p + 10;
		if (m.len - 10 < (size_t)*cc_count * 3)
			return -EBADMSG;
		return 0;
	}
	return r < 0 ? r : -ENOENT;
}

/*
 * The service blocks of a DTVCC packet, as far as they are in these triplets
 * (packets may go on in the next picture, in another order than that of
 * decoding; but the first block's header is always beside the packet's).
 */
static void
note_packet(struct captions *c, const uint8_t *p, size_t len)
{
	size_t packet = (p[0] & 0x3f) == 0 ? 128 : (size_t)(p[0] & 0x3f) * 2;

	if (len > packet)
		len = packet;
	for (size_t i = 1; i < len; ) {
		unsigned service = p[i] >> 5, size = p[i] & 0x1f;

		if (service == 0)
			break;
		if (service == 7) {		/* extended_service_number */
			if (++i >= len)
				break;
			service = p[i] & 0x3f;
		}
		if (size > 0 && service > 0)
			c->services |= UINT64_C(1) << service;
		i += 1 + (size_t)size;
	}
}

void
captions_note(struct captions *c, const uint8_t *cc_data, unsigned cc_count)
{
	uint8_t packet[2 * 31];
	size_t len = 0;

	for (unsigned i = 0; i < cc_count; i++) {
		const uint8_t *t = cc_data + (size_t)i * 3;
		unsigned type = t[0] & 3, code = t[1] & 0x7f;

		if ((t[0] & 4) == 0)		/* cc_valid */
			continue;
		if (type < 2) {			/* 608: field 1, field 2 */
			if (code >= 0x10 && code <= 0x1f)
				c->cc |= (uint8_t)(1u << (2 * type + (code >> 3 & 1)));
			continue;
		}
		if (type == 3) {
			if (len > 0)
				note_packet(c, packet, len);
			len = 0;
		} else if (len == 0) {
			continue;		/* the rest of an earlier packet */
		}
		packet[len++] = t[1];
		packet[len++] = t[2];
	}
	if (len > 0)
		note_packet(c, packet, len);
}
