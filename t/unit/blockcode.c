#include <errno.h>
#include <string.h>

#include "lib/media/blockcode.h"
#include "t/tap.h"

static uint8_t big[1920 * 1080], small[1920 * 1080];

/* Make small[] out of big[] by the nearest sample, with noise. */
static void
shrink(unsigned w, unsigned h, unsigned to_w, unsigned to_h, int noise)
{
	uint32_t x = 1;

	for (unsigned row = 0; row < to_h; row++)
		for (unsigned col = 0; col < to_w; col++) {
			int v = big[(row * h / to_h) * w + col * w / to_w];

			x = x * 1664525 + 1013904223;
			v += (int)(x >> 24) * noise / 128 - noise;
			small[row * to_w + col] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
}

static const struct {
	unsigned w, h, to_w, to_h;
	int noise;
} sizes[] = {
	{ 1920, 1080, 1920, 1080, 0 },
	{ 1920, 1080, 640, 360, 90 },
	{ 1920, 1080, 416, 234, 60 },
	{ 1280, 720, 640, 360, 90 },
	{ 720, 576, 480, 270, 60 },
	{ 1080, 1920, 360, 640, 60 },
	{ 640, 360, 1920, 1080, 90 },
	{ 128, 72, 128, 72, 20 },
};

int
main(void)
{
	const struct blockcode in = { 4000000001u, UINT64_C(0x123456789abc), 3 };
	const struct blockcode zero = { 0, 0, 0 };
	struct blockcode out;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		unsigned w = sizes[i].w, h = sizes[i].h;

		memset(big, 90, sizeof(big));
		blockcode_put(&in, big, w, w, h);
		shrink(w, h, sizes[i].to_w, sizes[i].to_h, sizes[i].noise);
		is(blockcode_parse(&out, small, sizes[i].to_w, sizes[i].to_w,
		    sizes[i].to_h), 0, "%ux%u is read at %ux%u, noise %d", w, h,
		    sizes[i].to_w, sizes[i].to_h, sizes[i].noise);
		ok(out.number == in.number && out.utc_ms == in.utc_ms &&
		    out.flags == in.flags, "and says the same");
	}
	memset(big, 90, sizeof(big));
	is(blockcode_parse(&out, big, 640, 640, 360), -EBADMSG, "grey is no code");
	is(blockcode_parse(&out, big, 63, 63, 36), -EBADMSG, "nor is what is too small");
	blockcode_put(&zero, big, 640, 640, 360);
	is(blockcode_parse(&out, big, 640, 640, 360), 0, "zeros are a code");
	ok(out.number == 0 && out.utc_ms == 0, "of zeros");
	blockcode_fill(big, 640, 640, 360, 20, 2, 1, 1, 235);
	is(blockcode_parse(&out, big, 640, 640, 360), -EBADMSG,
	    "a cell that is wrong is found out");
	return done_testing();
}
