/*
 * Messages to an encoder, each with a byte of time before it, in quarters of a second,
 * and two of its length: what goes out is a section with the same command, the same again
 * if the message is repeated, never longer than there is room for; and its picture gets
 * an IDR if that is still to come.
 */
#include <stdlib.h>
#include <string.h>

#include "encode/condition.c"
#include "encode/cues.c"
#include "encode/splices.c"
#include "lib/media/psi.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct condition wanted = { .insert = true, .signal = true };
static struct splices splices;
static struct cues cues;
static struct scte35 in, out;

/* As a section of the length that it has, with a CRC. */
static size_t
repaired(const uint8_t *p, size_t len, uint8_t section[static SCTE35_SECTION_MAX])
{
	if (len < 20)
		return 0;
	memcpy(section, p, len);
	section[0] = PSI_TABLE_SCTE35;
	section[1] = (uint8_t)((section[1] & 0xf0) | (len - 3) >> 8);
	section[2] = (uint8_t)(len - 3);
	scte35_move(section, len, 0);
	return len;
}

static void
check_picture(const struct cues_now *now)
{
	uint64_t pts = scte35_pts(&out, out.command == SCTE35_TIME_SIGNAL ? &out.signal :
	    &out.insert.time);
	int64_t t;

	if (pts == SCTE35_NULL_PTS || !condition_wants(&wanted, &in) ||
	    splices.overflow > 0)
		return;
	t = timeline_unwrap(now->next, (int64_t)pts);
	if (t >= now->next &&
	    !splices_at(&splices, &now->grid, grid_picture(&now->grid, t)))
		abort();
}

static void
message(const struct cues_now *now, const uint8_t *p, size_t len)
{
	static uint8_t first[SCTE35_SECTION_MAX], again[SCTE35_SECTION_MAX];
	size_t n = cues_take(&cues, now, p, len, first);

	if (splices.n > SPLICES_MAX || n > SCTE35_SECTION_MAX)
		abort();
	if (scte35_parse(p, len, &in) < 0)
		return;
	if (scte35_parse(first, n, &out) < 0 || in.command != out.command ||
	    in.encrypted != out.encrypted)
		abort();
	check_picture(now);
	if (cues_take(&cues, now, p, len, again) != n || memcmp(first, again, n) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cues_now now = {
		.grid = grid_make((struct rational){ 30000, 1001 }, 2000000000),
		.shift = INT64_C(1) << 40,
	};
	int64_t k = grid_picture(&now.grid, now.shift);
	uint8_t section[SCTE35_SECTION_MAX];

	splices = (struct splices){ .n = 0 };
	cues_init(&cues, &wanted, &splices);
	while (len >= 3) {
		size_t n = ((size_t)data[1] << 8 | data[2]) % SCTE35_SECTION_MAX;

		k += data[0] * 30 / 4;
		now.next = grid_time(&now.grid, k);
		data += 3;
		len -= 3;
		n = n < len ? n : len;
		message(&now, section, repaired(data, n, section));
		data += n;
		len -= n;
	}
	return 0;
}
