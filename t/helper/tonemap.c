/*
 * tonemap WIDTH HEIGHT pq|hlg [PEAK]: pictures of YUV420P10 from stdin to YUV420P on stdout,
 * from HDR to SDR; and what each took, in ms of CPU time, on stderr.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "encode/tonemap.c"
#include "encode/tonemaprun.c"

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Planes one behind the other in p, of samples of so many bytes. */
static void
lay(AVFrame *f, uint8_t *p, int w, int h, int bytes)
{
	f->width = w;
	f->height = h;
	for (int i = 0; i < 3; i++) {
		f->linesize[i] = (i > 0 ? w / 2 : w) * bytes;
		f->data[i] = p;
		p += (size_t)f->linesize[i] * (size_t)(i > 0 ? h / 2 : h);
	}
}

int
main(int argc, char **argv)
{
	struct tonemap_spec spec = { .depth = 8, .peak = TONEMAP_PEAK };
	struct tonemap *t = malloc(sizeof(*t));
	AVFrame in, out;
	uint8_t *a, *b;
	double began, made, sum = 0;
	size_t size;
	int w, h, n = 0;

	if (argc < 4 || t == NULL || (w = atoi(argv[1])) < 2 || (h = atoi(argv[2])) < 2)
		return 2;
	spec.from = strcmp(argv[3], "hlg") == 0 ? LIGHT_HLG : LIGHT_PQ;
	if (argc > 4)
		spec.peak = atof(argv[4]);
	size = (size_t)w * (size_t)h * 3 / 2;
	if ((a = malloc(2 * size)) == NULL || (b = malloc(size)) == NULL)
		return 1;
	memset(&in, 0, sizeof(in));
	memset(&out, 0, sizeof(out));
	lay(&in, a, w, h, 2);
	lay(&out, b, w, h, 1);
	began = cpu_ms();
	tonemap_init(t, &spec);
	made = cpu_ms() - began;
	for (; fread(a, 2, size, stdin) == size; n++) {
		began = cpu_ms();
		if (!tonemap_picture(t, &in, &out))
			return 1;
		sum += cpu_ms() - began;
		if (fwrite(b, 1, size, stdout) != size)
			return 1;
	}
	fprintf(stderr, "%.2f %.1f\n", n > 0 ? sum / n : 0.0, made);
	return 0;
}
