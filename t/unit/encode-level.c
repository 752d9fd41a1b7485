/* Levels: what a rung needs against H.264 table A-1, H.265 tables A.8 and A.9. */
#include <string.h>

#include "encode/level.c"
#include "t/tap.h"

int
main(void)
{
	struct level_needs n = {
		.codec = CODEC_AVC, .width = 1920, .height = 1080, .rate = { 30, 1 },
		.kbps = 5000, .cpb_kbit = 10000, .dpb = 4, .quarters = 5,
	};
	struct level_needs h;

	is(level_lowest(&n), 40, "1080p30");
	ok(strcmp(level_lacks(&n, 32), "size") == 0, "is too large for 3.2");
	n.rate = (struct rational){ 60000, 1001 };
	is(level_lowest(&n), 42, "1080p59.94");
	ok(strcmp(level_lacks(&n, 41), "frame rate") == 0, "is too fast for 4.1");
	n.rate = (struct rational){ 25, 1 };
	n.kbps = 25000;
	n.cpb_kbit = 31250;
	is(level_lowest(&n), 40, "25 Mb/s in High");
	n.quarters = 4;
	ok(strcmp(level_lacks(&n, 40), "rate") == 0, "are too many in Main");
	n.kbps = 20000;
	ok(strcmp(level_lacks(&n, 40), "vbv") == 0, "and so is the buffer");
	n.cpb_kbit = 25000;
	ok(level_lacks(&n, 40) == NULL, "but not this one");
	n.dpb = 5;
	ok(strstr(level_lacks(&n, 40), "reference") != NULL, "five pictures of 8160");
	n = (struct level_needs){ CODEC_AVC, 176, 144, { 15, 1 }, 120, 300, 1, 4, false };
	is(level_lowest(&n), 9, "level 1b");
	n.width = 16 * 170;
	n.height = 16;
	ok(strcmp(level_lacks(&n, 20), "size") == 0, "no side longer than it may be");
	n.width = 16384;
	n.height = 16384;
	is(level_lowest(&n), 0, "none");

	h = (struct level_needs){
		CODEC_HEVC, 1920, 1080, { 60, 1 }, 6000, 12000, 5, 0, false,
	};
	is(level_lowest(&h), 41, "HEVC 1080p60");
	h.kbps = h.cpb_kbit = 45000;
	is(level_lowest(&h), 52, "at a rate of level 5.2");
	h.high_tier = true;
	is(level_lowest(&h), 41, "or of the High tier of 4.1");
	h.dpb = 7;
	is(level_lowest(&h), 50, "seven pictures");
	ok(level_known(CODEC_HEVC, 62) && !level_known(CODEC_HEVC, 32) &&
	    level_known(CODEC_AVC, 32) && !level_known(CODEC_AVC, 33), "known ones");
	return done_testing();
}
