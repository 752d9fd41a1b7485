#include "encode/doubling.h"

#define FRACTION	16	/* bits */

/* 2^31 to 2^32 - 1, and how often v was halved for that. */
static uint64_t
mantissa(int64_t v, int *exponent)
{
	uint64_t m = (uint64_t)v;

	*exponent = 0;
	for (; m >= UINT64_C(1) << 32; m >>= 1)
		++*exponent;
	for (; m < UINT64_C(1) << 31; m <<= 1)
		--*exponent;
	return m;
}

int64_t
doublings(int64_t a, int64_t b)
{
	int ea, eb;
	uint64_t ma = mantissa(a, &ea), mb = mantissa(b, &eb);
	uint64_t r = (ma << 31) / mb;
	int64_t whole = ea - eb, fraction = 0;

	if (r < UINT64_C(1) << 31) {
		r <<= 1;
		whole--;
	}
	for (int i = 0; i < FRACTION; i++) {
		r = r * r >> 31;
		fraction = fraction << 1 | (r >= UINT64_C(1) << 32);
		if (r >= UINT64_C(1) << 32)
			r >>= 1;
	}
	return whole * 1000 + (fraction * 1000 >> FRACTION);
}

int64_t
doubled(int64_t v, int64_t milli)
{
	/* 2 to the power of 1/2, 1/4, ..., in units of 2^-30. */
	static const uint32_t root[] = {
		1518500250, 1276901417, 1170923762, 1121280436, 1097253708, 1085434106,
		1079572136, 1076653033, 1075196443, 1074468888, 1074105294, 1073923544,
	};
	const int64_t most = INT64_MAX / 4;
	int64_t whole = milli >= 0 ? milli / 1000 : -((999 - milli) / 1000);
	int64_t fraction = ((milli - whole * 1000) << 12) / 1000;
	int ev;
	uint64_t m;

	if (v <= 0)
		return 0;
	m = mantissa(v, &ev);
	for (int i = 0; i < 12; i++)
		if (fraction >> (11 - i) & 1)
			m = m * root[i] >> 30;
	whole += ev;
	if (whole >= 28)
		return most;
	if (whole <= -34)
		return 0;
	return whole >= 0 ? (int64_t)(m << whole) : (int64_t)(m >> -whole);
}
