/*
 * A byte for which filter, and a datagram: it is let through whole or not at all, within
 * so many steps, and what is let through is what librist stands.  The same, decrypted, is
 * told as if it came in clear.
 */
#include <stdlib.h>
#include <string.h>

#include "t/bpf.h"
#include "lib/leg/ristdecrypt.c"
#include "lib/leg/ristfilter.c"

#define STEPS	RISTFILTER_ROOM

#define TUNNEL	"\0\0\x88\xb6\x07\xb1\x80"		/* and the last 0 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
try_decrypted(const uint8_t *data, size_t len)
{
	uint8_t *whole = malloc(sizeof(TUNNEL) + len), *exact = malloc(len);

	if (whole == NULL || (exact == NULL && len > 0))
		abort();
	memcpy(whole, TUNNEL, sizeof(TUNNEL));
	memcpy(whole + sizeof(TUNNEL), data, len);
	memcpy(exact, data, len);
	if (sizeof(TUNNEL) + len <= 8192 && ristdecrypt_stands(exact, len) !=
	    (bpf_wrong(RISTFILTER_CLEAR, false, whole, sizeof(TUNNEL) + len) == NULL))
		abort();
	free(exact);
	free(whole);
}

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
	try_decrypted(data + 1, len - 1);
	return 0;
}
