/* A PES header that is read has its parts inside it; written, it reads the same. */
#include <stdlib.h>
#include <string.h>

#include "lib/media/ebp.h"
#include "lib/media/pes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
boundary_point(const uint8_t *data, size_t len)
{
	struct ebp ebp, again;
	uint8_t buf[EBP_MAX];

	if (ebp_parse(data, len, &ebp) < 0)
		return;
	if (ebp_parse(buf, ebp_put(buf, &ebp), &again) < 0 ||
	    again.segment != ebp.segment || again.sap_type != ebp.sap_type ||
	    again.has_time != ebp.has_time ||
	    (ebp.has_time && again.ntp != ebp.ntp))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	uint8_t buf[PES_HEADER_MAX], *exact = malloc(len + 1);
	struct pes_header h, again;
	size_t n;

	if (exact == NULL)
		abort();
	memcpy(exact + 1, data, len);	/* at the end of it: no byte too many */
	boundary_point(exact + 1, len);
	if (pes_parse(exact + 1, len, &h) == 1) {
		if (h.header_len > len || (h.pts == PES_NO_TIME) !=
		    (h.dts == PES_NO_TIME) || h.pts >= PES_WRAP || h.dts >= PES_WRAP)
			abort();
		n = pes_put(buf, PES_VIDEO, h.pts, h.dts, h.payload_len);
		if (pes_parse(buf, n, &again) != 1 || again.pts != h.pts ||
		    again.dts != h.dts)
			abort();
	}
	free(exact);
	return 0;
}
