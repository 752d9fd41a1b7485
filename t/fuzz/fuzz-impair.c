/*
 * Words for a bad network: no crash, and whatever is understood decides on packets
 * without one arriving before it was sent.
 */
#include <stdlib.h>
#include <string.h>

#include "transport/impair.c"
#include "transport/impairspec.c"
#include "transport/impairtrace.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct impair_spec s = { .queue_ns = 100000000, .reorder_ns = 10000000 };
	char *text = strndup((const char *)data, len);
	const char *lack, *wrong;
	struct impair m;

	if (text == NULL)
		abort();
	if (impair_parse(&s, text, &wrong, &lack) == 0) {
		impair_init(&m, &s, len, 0);
		for (int64_t i = 0; i < 200; i++) {
			struct impair_verdict v = impair_next(&m, i * 1000000, len + 1);

			if (v.what == IMPAIR_PASS && (v.due_ns < i * 1000000 ||
			    (v.copy_ns >= 0 && v.copy_ns < v.due_ns) ||
			    v.flip >= (int64_t)(len + 1) * 8))
				abort();
		}
	}
	free(text);
	return 0;
}
