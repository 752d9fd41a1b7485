/*
 * overlay WIDTH HEIGHT ART WIDTH HEIGHT X Y: pictures of YUV420P from stdin to stdout, with a
 * layer on them from a file of raw RGBA; and on stderr what each took, with a copy of it
 * as in the ladder, and what making the layer took once, in ms of CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "encode/paint.c"

/* It is for HDR only. */
bool
tonemap_picture(const struct tonemap *t, const AVFrame *in, AVFrame *out)
{
	(void)t;
	(void)in;
	(void)out;
	return false;
}

static double
cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static bool
read_art(const char *path, struct art *a)
{
	size_t n = (size_t)a->w * (size_t)a->h;
	uint8_t *raw = malloc(4 * n);
	uint16_t *p = malloc(4 * n * sizeof(*p));
	FILE *f = fopen(path, "rb");

	if (f == NULL || raw == NULL || p == NULL || fread(raw, 4, n, f) != n)
		return false;
	fclose(f);
	for (int c = 0; c < 4; c++) {
		a->plane[c] = p + (size_t)c * n;
		for (size_t i = 0; i < n; i++)
			a->plane[c][i] = (uint16_t)(257u * raw[4 * i + (size_t)c] *
			    (c < 3 ? raw[4 * i + 3] : 255u) / 255);
	}
	free(raw);
	return true;
}

/* Planes one behind the other in p. */
static void
lay(AVFrame *f, uint8_t *p, int w, int h)
{
	for (int i = 0; i < 3; i++) {
		f->linesize[i] = i > 0 ? w / 2 : w;
		f->data[i] = p;
		p += (size_t)f->linesize[i] * (size_t)(i > 0 ? h / 2 : h);
	}
}

int
main(int argc, char **argv)
{
	struct paint_ground g = { .matrix = 1 };
	struct paint *paint;
	struct art art;
	AVFrame f;
	uint8_t *in, *out;
	double began, made, sum = 0;
	size_t size;
	int n = 0;

	if (argc < 8)
		return 2;
	g.width = atoi(argv[1]);
	g.height = atoi(argv[2]);
	art = (struct art){ .w = atoi(argv[4]), .h = atoi(argv[5]) };
	size = (size_t)g.width * (size_t)g.height * 3 / 2;
	if (g.width < 2 || g.height < 2 || art.w < 1 || art.h < 1 || !read_art(argv[3], &art))
		return 2;
	in = malloc(size);
	out = malloc(size);
	began = cpu_ms();
	paint = paint_new(&art, atoi(argv[6]), atoi(argv[7]), 1000, &g);
	made = cpu_ms() - began;
	if (in == NULL || out == NULL || paint == NULL)
		return 1;
	memset(&f, 0, sizeof(f));
	lay(&f, out, g.width, g.height);
	for (; fread(in, 1, size, stdin) == size; n++) {
		began = cpu_ms();
		memcpy(out, in, size);
		paint_on(paint, &f, PAINT_FULL);
		sum += cpu_ms() - began;
		fwrite(out, 1, size, stdout);
	}
	fprintf(stderr, "%.3f %.1f\n", sum / (n > 0 ? n : 1), made);
	return 0;
}
