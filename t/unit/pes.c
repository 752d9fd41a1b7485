#include <errno.h>
#include <string.h>

#include "lib/media/pes.h"
#include "t/tap.h"

int
main(void)
{
	static const struct { int64_t pts, dts; size_t len, head; } row[] = {
		{ 0, PES_NO_TIME, 100, 14 }, { 900000, 896400, 0, 19 },
		{ PES_WRAP - 1, PES_WRAP - 3003, 70000, 19 },
		{ 5, 5, 65527, 14 }, { PES_NO_TIME, PES_NO_TIME, 4, 9 },
	};
	uint8_t p[PES_HEADER_MAX];
	struct pes_header h;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t n = pes_put(p, PES_VIDEO, row[i].pts, row[i].dts, row[i].len);

		is(n, row[i].head, "row %zu: length of the header", i);
		for (size_t cut = 0; cut < n; cut++)
			if (pes_parse(p, cut, &h) != 0)
				ok(false, "row %zu: %zu bytes are not enough", i, cut);
		is(pes_parse(p, n, &h), 1, "row %zu: it is read back", i);
		is(h.pts, row[i].pts, "row %zu: pts", i);
		is(h.dts, row[i].dts == PES_NO_TIME ? row[i].pts : row[i].dts,
		    "row %zu: dts", i);
		is(h.header_len, n, "row %zu: header_len", i);
		is(h.payload_len, row[i].len + n - 6 > 65535 ? 0 : row[i].len,
		    "row %zu: payload_len", i);
	}
	pes_put(p, PES_AUDIO, -1, PES_NO_TIME, 1);
	pes_parse(p, sizeof(p), &h);
	is(h.pts, PES_WRAP - 1, "times are written modulo 2^33");
	p[2] = 2;
	is(pes_parse(p, sizeof(p), &h), -EBADMSG, "no start code");
	p[2] = 1;
	p[6] = 0x21;
	is(pes_parse(p, sizeof(p), &h), -EBADMSG, "an MPEG-1 header");
	return done_testing();
}
