/* Captions: as they are at the same rate, all of them at any other. */
#include "encode/ccfifo.c"
#include "t/tap.h"

/* n pictures of the source at 29.97, each with a pair of both fields and data. */
static void
convert(int64_t num, int64_t den, bool same)
{
	struct ccfifo f;
	uint8_t p[CC_PAYLOAD_MAX], last1 = 0, last2 = 0, last3 = 0;
	unsigned got1 = 0, got2 = 0, got3 = 0, most = 0;
	bool order = true;
	int64_t made = 0;

	ccfifo_init(&f, (struct rational){ num, den }, same);
	for (unsigned i = 0; i < 120; i++) {
		uint8_t in[20][3];

		for (unsigned j = 0; j < 20; j++)
			memcpy(in[j], (uint8_t[3]){ 0xfa, 0, 0 }, 3);
		if (i < 100) {
			memcpy(in[0], (uint8_t[3]){ 0xfc, 0x20, (uint8_t)(i + 1) }, 3);
			memcpy(in[1], (uint8_t[3]){ 0xfd, 0x21, (uint8_t)(i + 1) }, 3);
			memcpy(in[2], (uint8_t[3]){ 0xff, 0x22, (uint8_t)(i + 1) }, 3);
		}
		ccfifo_put(&f, in[0], sizeof(in));
		while (rescale_down(made, 30000 * den, 1001 * num) <= i) {
			size_t len = ccfifo_take(&f, p);
			unsigned n = len > 0 ? p[8] & 31u : 0;

			made++;
			most = n > most ? n : most;
			for (unsigned j = 0; j < n; j++) {
				const uint8_t *t = p + 10 + 3 * j;

				if (t[0] == 0xfc && t[1] == 0x20)
					order &= t[2] == ++last1, got1++;
				if (t[0] == 0xfd && t[1] == 0x21)
					order &= t[2] == ++last2, got2++;
				if (t[0] == 0xff && t[1] == 0x22)
					order &= t[2] == ++last3, got3++;
			}
		}
	}
	ok(got1 == 100 && got2 == 100 && got3 == 100 && order,
	    "%lld/%lld: all of them, in order (%u, %u, %u)", (long long)num,
	    (long long)den, got1, got2, got3);
	ok(most <= 31 && most * num <= 600 * den + num, "at most 600 triplets a second");
	is(f.dropped, 0, "none dropped");
}

int
main(void)
{
	struct ccfifo f;
	uint8_t p[CC_PAYLOAD_MAX];
	const uint8_t in[6] = { 0xfc, 0x94, 0x2c, 0xfd, 0x80, 0x80 };

	convert(30000, 1001, true);
	convert(30000, 1001, false);
	convert(15000, 1001, false);
	convert(60000, 1001, false);
	convert(25, 1, false);
	convert(24, 1, false);
	convert(50, 1, false);

	ccfifo_init(&f, (struct rational){ 25, 1 }, true);
	is(ccfifo_take(&f, p), 0, "none in, none out");
	ccfifo_put(&f, in, sizeof(in));
	is(ccfifo_take(&f, p), 17, "a message");
	ok(memcmp(p, "\xb5\0\x31GA94\x03\xc2\xff", 10) == 0 &&
	    memcmp(p + 10, in, 6) == 0 && p[16] == 0xff, "as A/53 says");
	is(ccfifo_take(&f, p), 0, "a repeated picture has none");
	return done_testing();
}
