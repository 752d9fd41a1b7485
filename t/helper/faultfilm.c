/*
 * faultfilm WIDTH HEIGHT ID [black|freeze FIRST END]... - pictures of yuv420p on stdin,
 * and on stdout: each with its block code, whose number counts them and whose time is ID,
 * but from picture FIRST on to the one before END black, or the one before FIRST again.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/media/blockcode.h"

#define FAULTS	256

struct fault {
	bool	 black;
	uint32_t first, end;
};

static const struct fault *
at(const struct fault *f, unsigned n, uint32_t number)
{
	for (unsigned i = 0; i < n; i++)
		if (number >= f[i].first && number < f[i].end)
			return &f[i];
	return NULL;
}

int
main(int argc, char *argv[])
{
	static struct fault fault[FAULTS];
	unsigned w = argc > 3 ? (unsigned)strtoul(argv[1], NULL, 10) : 0, n = 0;
	unsigned h = argc > 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	size_t luma = (size_t)w * h, size = luma * 3 / 2;
	struct blockcode code = { .number = 0 };
	uint8_t *in, *out;

	if (w < 128 || h < 72 || w > 4096 || h > 4096 || (argc - 4) % 3 != 0 ||
	    (argc - 4) / 3 > FAULTS) {
		fprintf(stderr, "usage: faultfilm width height id [black|freeze first end]...\n");
		return 2;
	}
	for (int i = 4; i < argc; i += 3)
		fault[n++] = (struct fault){ .black = strcmp(argv[i], "black") == 0,
		    .first = (uint32_t)strtoul(argv[i + 1], NULL, 10),
		    .end = (uint32_t)strtoul(argv[i + 2], NULL, 10) };
	code.utc_ms = strtoul(argv[3], NULL, 10);
	in = malloc(size);
	out = calloc(1, size);
	if (in == NULL || out == NULL)
		return 1;
	for (; fread(in, 1, size, stdin) == size; code.number++) {
		const struct fault *f = at(fault, n, code.number);

		if (f != NULL && f->black) {
			memset(out, 16, luma);
			memset(out + luma, 128, size - luma);
		} else if (f == NULL) {
			memcpy(out, in, size);
			blockcode_put(&code, out, w, w, h);
		}
		if (fwrite(out, 1, size, stdout) != size)
			return 1;
	}
	free(in);
	free(out);
	return 0;
}
