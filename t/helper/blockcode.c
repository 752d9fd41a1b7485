/*
 * blockcode WIDTH HEIGHT - read grey pictures on stdin, one line each of what
 * their block code says: number, ms since 1970, flags, mean luma of the flash
 * field; "-" for a picture without.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/media/blockcode.h"

int
main(int argc, char *argv[])
{
	unsigned w = argc == 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	unsigned h = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	uint8_t *luma = w > 0 && h > 0 && w < 20000 && h < 20000 ?
	    malloc((size_t)w * h) : NULL;
	struct blockcode b;

	if (luma == NULL) {
		fprintf(stderr, "usage: blockcode width height <grey\n");
		return 2;
	}
	while (fread(luma, w, h, stdin) == h)
		if (blockcode_parse(&b, luma, w, w, h) == 0)
			printf("%" PRIu32 " %" PRIu64 " %u %u\n", b.number, b.utc_ms,
			    b.flags, blockcode_mean(luma, w, w, h, 48, 28));
		else
			printf("-\n");
	free(luma);
	return 0;
}
