#include <math.h>

#include "lib/media/truepeak.h"

/* Two of the four phases: the others are these backwards. */
static const float phase[2][TRUEPEAK_TAPS] = {
	{ 0.0017089843750f, 0.0109863281250f, -0.0196533203125f, 0.0332031250000f,
	  -0.0594482421875f, 0.1373291015625f, 0.9721679687500f, -0.1022949218750f,
	  0.0476074218750f, -0.0266113281250f, 0.0148925781250f, -0.0083007812500f },
	{ -0.0291748046875f, 0.0292968750000f, -0.0517578125000f, 0.0891113281250f,
	  -0.1665039062500f, 0.4650878906250f, 0.7797851562500f, -0.2003173828125f,
	  0.1015625000000f, -0.0582275390625f, 0.0330810546875f, -0.0189208984375f },
};

float
truepeak_next(struct truepeak *t, float sample)
{
	float most, y[4] = { 0, 0, 0, 0 };
	const float *x;

	if (!isfinite(sample))
		sample = 0;
	t->x[t->at] = t->x[t->at + TRUEPEAK_TAPS] = sample;
	t->at = (t->at + 1) % TRUEPEAK_TAPS;
	x = t->x + t->at;		/* the oldest first */
	for (unsigned i = 0; i < TRUEPEAK_TAPS; i++) {
		unsigned back = TRUEPEAK_TAPS - 1 - i;

		y[0] += phase[0][i] * x[i];
		y[1] += phase[1][i] * x[i];
		y[2] += phase[1][back] * x[i];
		y[3] += phase[0][back] * x[i];
	}
	most = fabsf(x[TRUEPEAK_TAPS - 1 - TRUEPEAK_DELAY]);
	for (unsigned i = 0; i < 4; i++)
		if (fabsf(y[i]) > most)
			most = fabsf(y[i]);
	return most;
}
