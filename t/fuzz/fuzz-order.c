/* Commands of a failover: no crash, and what is wrong is neither of them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ingest/order.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *line = strndup((const char *)data, len);
	enum order_verb verb;
	unsigned n = 5000;
	bool wrong;

	if (line == NULL)
		abort();
	verb = order_parse(line, &n, &wrong);
	if ((wrong && verb != ORDER_NONE) || (verb == ORDER_SWITCH && n > 1000) ||
	    (verb != ORDER_SWITCH && n != 5000))
		abort();
	free(line);
	return 0;
}
