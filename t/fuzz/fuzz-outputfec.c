/*
 * What an output's fec= says: a matrix is taken only if it is one that there can be.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/leg/numbers.h"
#include "transport/outputfec.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct fec_spec spec = { 0 };
	char *text = malloc(len + 1);
	char why[UDP_WHY] = "";

	if (text == NULL)
		abort();
	memcpy(text, data, len);
	text[len] = '\0';
	if (parse(&spec, text, why) == 0 ? spec.l < 1 || spec.l > FEC_L_MAX ||
	    spec.d < FEC_D_MIN || spec.d > FEC_D_MAX || spec.l * spec.d > FEC_MATRIX_MAX :
	    why[0] == '\0')
		abort();
	free(text);
	return 0;
}
