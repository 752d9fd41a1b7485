/*
 * A byte for which filter, and a datagram: it is let through whole or not at all, within
 * so many steps, and what is let through is what librist stands.
 */
#include <stdlib.h>
#include <string.h>

#include "t/bpf.h"
#include "transport/ristfilter.c"

#define STEPS	RISTFILTER_ROOM

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	enum ristfilter_kind kind;
	struct ristfilter f;
	uint32_t passes;
	unsigned steps;
	uint8_t *exact;
	bool login;

	if (len < 1)
		return 0;
	kind = data[0] % (RISTFILTER_KEYED + 1);
	login = (data[0] & 0x80) != 0;
	ristfilter_init(&f, kind, login);
	if ((exact = calloc(1, UDP_HEAD + len - 1)) == NULL)
		abort();
	memcpy(exact + UDP_HEAD, data + 1, len - 1);
	passes = bpf_run(f.code, f.n, exact, UDP_HEAD + len - 1, &steps);
	if (steps > STEPS || (passes != 0 && passes != UINT32_MAX))
		abort();
	if (passes != 0 && bpf_wrong(kind, login, exact + UDP_HEAD, len - 1) != NULL)
		abort();
	free(exact);
	return 0;
}
