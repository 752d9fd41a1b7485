/* HEVC: what x265 is told while it runs, by an encoder that only counts. */
#include "encode/coder.c"
#include "encode/coder_hevc.c"
#include "encode/doubling.c"
#include "encode/level.c"
#include "encode/quality.c"
#include "encode/timecode.c"
#include "t/tap.h"

const struct coder_ops coder_avc;
static int told, most;

const x265_api *
x265_api_get(int depth)
{
	(void)depth;
	return NULL;
}

static int
count(x265_encoder *enc, x265_param *p)
{
	(void)enc;
	told++;
	most = p->rc.vbvMaxBitrate;
	return 0;
}

int
main(void)
{
	static x265_param param;
	const x265_api api = { .encoder_reconfig = count };
	struct coder_rate rate = { .most = 300000, .buffer = 240000, .crf = 23800 };
	static struct hevc h;
	struct coder c = { &coder_hevc, &h };

	h.api = &api;
	h.param = &param;
	h.told = rate;
	for (int i = 0; i < 50; i++)
		coder_set(&c, &rate);
	is(told, 0, "what it has been told is not told again, which loses memory");
	rate.crf = 25000;
	coder_set(&c, &rate);
	is(told, 1, "another CRF is");
	ok(param.rc.rfConstant > 24.9 && param.rc.rfConstant < 25.1, "as it is");
	rate.most = 200000;
	coder_set(&c, &rate);
	coder_set(&c, &rate);
	is(told, 2, "and another rate, once");
	is(most, 200, "in kbit/s");
	rate.buffer = 100000;
	coder_set(&c, &rate);
	is(told, 3, "and another buffer");
	return done_testing();
}
