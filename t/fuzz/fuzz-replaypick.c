/* The address of an input of a capture: what is understood picks a datagram to its port. */
#include <stdlib.h>
#include <string.h>

#include "lib/leg/address.h"
#include "transport/replaypick.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t zero[16];
	char *text = malloc(len + 1), why[UDP_WHY] = "";
	struct replaypick p;

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	if (replaypick_parse(&p, text, why) == 0) {
		struct capture_item item = {
			.kind = CAPTURE_DATAGRAM, .v6 = p.to.len == 16 || p.from.len == 16,
			.from = p.from.len > 0 ? p.from.byte : zero,
			.to = p.to.len > 0 ? p.to.byte : zero, .to_port = p.port,
		};

		if (p.port == 0 || memchr(p.name, '\0', sizeof(p.name)) == NULL ||
		    (p.from.len | p.to.len) > 20)
			abort();
		if ((p.from.len == 0 || p.to.len == 0 || p.from.len == p.to.len) &&
		    !replaypick_is(&p, &item))
			abort();
	} else if (*why == '\0' || memchr(why, '\0', sizeof(why)) == NULL) {
		abort();
	}
	free(text);
	return 0;
}
