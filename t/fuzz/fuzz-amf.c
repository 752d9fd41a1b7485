/*
 * AMF: every item lies in the bytes, depths fit together, and what is skipped is what would
 * have been walked.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lib/net/amf.h"
#include "lib/net/rtmp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
within(struct amf_text t, const uint8_t *p, size_t len)
{
	if (t.len > 0 && ((const uint8_t *)t.p < p || (const uint8_t *)t.p + t.len > p + len))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rtmp_command c;
	struct amf a, b;
	struct amf_item it;
	unsigned depth = 0;
	size_t n = 0;
	int r;

	if (len == 0)
		return 0;
	amf_init(&a, data, len);
	while ((r = amf_next(&a, &it)) > 0) {
		within(it.key, data, len);
		within(it.string, data, len);
		if (it.type == AMF_END && it.depth != --depth)
			abort();
		if (it.type != AMF_END && it.depth != depth)
			abort();
		depth += it.type == AMF_OBJECT || it.type == AMF_ARRAY;
		if (depth != a.depth || ++n > 8 * len + 8)
			abort();
	}
	if (r == 0 && depth != 0)
		abort();
	amf_init(&b, data, len);
	while ((r = amf_next(&b, &it)) > 0 && (r = amf_skip(&b, &it)) == 0)
		if (b.depth != 0)
			abort();
	for (uint8_t type = RTMP_COMMAND3; type <= RTMP_COMMAND; type += RTMP_COMMAND - RTMP_COMMAND3)
		rtmp_command_parse(&(struct rtmp_msg){ .type = type, .data = data, .len = len }, &c);
	return 0;
}
